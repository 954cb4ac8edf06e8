"""The sample file and the manual's table are made from the declarations, and agree."""

import tomllib
from pathlib import Path

from callwright.config import describe, load_config, sample_toml, settings_table
from callwright.config.settings import SECTIONS, TrunkSettings

DOCS = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_sample_file_is_taken_and_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bare = load_config(None, {})
    file = tmp_path / "sample.toml"
    file.write_text(sample_toml())
    assert [row[:2] for row in describe(load_config(file, {}))] == [r[:2] for r in describe(bare)]


def test_every_line_of_the_sample_file_may_be_taken_in(tmp_path):
    lines = [
        line.removeprefix("# ") if "= " in line or line.startswith("# [") else line
        for line in sample_toml().splitlines()
    ]
    tree = tomllib.loads("\n".join(lines))
    for section, model in SECTIONS.items():
        assert set(tree[section]) == set(model.model_fields)
    assert set(tree["trunks"]["main"]) == set(TrunkSettings.model_fields)
    file = tmp_path / "full.toml"
    file.write_text("\n".join(lines))
    assert load_config(file, {}).trunks["main"].max_calls == 100


def test_the_manual_holds_the_table():
    assert settings_table() in DOCS.read_text(encoding="utf-8"), (
        "docs/settings.md is out of date; paste callwright.config.settings_table() into it"
    )
