"""docs/operating.md is true: its figures, names and commands."""

import re
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from callwright.config import Config, settings_table
from callwright.service import workbook
from callwright.store.sqlite.opening import open_writer
from callwright.web.door import DoorLimits
from callwright.web.metrics import Metrics
from callwright.web.throttle import FAILURES_PER_NAME, FAILURES_PER_SOURCE, SPAN_S

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")


def test_every_metric_there_is_is_described_and_no_other() -> None:
    text = Metrics().text(None, [], 0).decode()
    kinds = dict(re.findall(r"^# TYPE (callwright_\w+) (\w+)$", text, re.M))
    made = {name for name in kinds if not name.endswith("_created")}
    table = TEXT.partition("## What to watch")[2].partition("```")[0]
    assert set(re.findall(r"`(callwright_\w+)`", table)) == made
    for name in re.findall(r"callwright_\w+", TEXT.partition("```yaml")[2].partition("```")[0]):
        plain = re.sub("_(bucket|count|sum)$", "", name)
        assert name in made or kinds.get(plain) == "histogram", name


def test_the_limits_of_the_door_are_those_it_has() -> None:
    limits = DoorLimits()
    mib = 1 << 20
    for told in (
        f"| {limits.head_bytes >> 10} KiB, {limits.head_fields} fields |",
        f"| {limits.head_s:.0f} s | 408 |",
        f"| {limits.body_s:.0f} s, and 1 s more for each {limits.body_bytes_per_s >> 10} KiB",
        f"| {limits.stall_s:.0f} s for half of it |",
        f"| an idle connection | {limits.keep_alive_s:.0f} s |",
        f"| {FAILURES_PER_NAME} a minute for one e-mail address from one source",
        f", {FAILURES_PER_SOURCE} for one source |",
        f"| {workbook.MAX_BYTES // mib} MiB packed, {workbook.UNFOLDED_BYTES >> 30} GiB unfolded",
        f"; {workbook.MEMORY_BYTES // mib} MiB of memory, {workbook.CPU_S} s of processor time",
    ):
        assert told in TEXT, told
    assert SPAN_S == 60


def test_every_setting_that_is_named_exists() -> None:
    known = set(re.findall(r"^\| `([\w.]+)`", settings_table(), re.M))
    sections = {name.partition(".")[0] for name in known}
    named = {
        name
        for name in re.findall(r"`([a-z_]+\.[a-z_]+)`", TEXT)
        if name.partition(".")[0] in sections
    }
    assert len(named) >= 10
    assert named <= known
    assert Config().server.listen.port == 8080


def test_the_backup_holds_what_was_committed_last(tmp_path: Path) -> None:
    [block] = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.M | re.S)
    with closing(open_writer(tmp_path / "callwright.db", server=True)) as server:
        server.execute("INSERT INTO account (name, created_at) VALUES ('kept', 0)")
        assert (tmp_path / "callwright.db-wal").stat().st_size > 0
        command = block.replace("python3", sys.executable)
        shell = shutil.which("sh")
        assert shell is not None
        subprocess.run([shell, "-ec", command], cwd=tmp_path, check=True, timeout=60)
    with closing(sqlite3.connect(tmp_path / "backup.db")) as backup:
        assert backup.execute("SELECT name FROM account").fetchall()[-1] == ("kept",)
        assert backup.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_every_page_that_it_links_to_has_that_heading() -> None:
    for page, heading in re.findall(r"\]\((\w[\w-]*\.md)(?:#([\w-]+))?\)", TEXT):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        headings = {
            re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", text, re.M)
        }
        assert not heading or heading in headings, (page, heading)
