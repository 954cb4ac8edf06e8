"""The commented settings file and the table of the manual, both from the declarations."""

import json
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from callwright.config.settings import SECTIONS, Section, TrunkSettings

_HEAD = """\
# Settings of callwright. A line that is commented out shows the default, or an example.
# Each can be overridden by an environment variable: CALLWRIGHT_<SECTION>__<KEY>,
# for instance CALLWRIGHT_SERVER__LISTEN or CALLWRIGHT_TRUNKS__MAIN__PASSWORD.
# `callwright config check` shows what is in force and where it came from.
"""

_TRUNKS = """\

# The first trunk is the one used. With none at all, `callwright serve` dials its
# built-in phones and reaches nobody. Take the # away to call through your own.
"""


def sample_toml() -> str:
    """The settings file that `callwright init` writes: every setting, with its help.

    What most people change stands as a value, everything else as a comment, so that a
    later version may better its defaults.
    """
    parts = [_HEAD]
    for section, model in SECTIONS.items():
        parts.append(f"\n# {_help(model)}\n[{section}]\n")
        parts += [_line(name, field, live=section == "server") for name, field in _fields(model)]
    parts.append(_TRUNKS)
    parts.append(f"# {_help(TrunkSettings)}\n# [trunks.main]\n")
    parts += [_line(name, field, live=False) for name, field in _fields(TrunkSettings)]
    return "".join(parts)


def settings_table() -> str:
    """The settings as one Markdown table, a row each."""
    rows = ["| setting | default | unit | what it is |", "|---|---|---|---|"]
    sections: dict[str, type[Section]] = {**SECTIONS, "trunks.NAME": TrunkSettings}
    for section, model in sections.items():
        for name, field in _fields(model):
            unit = _extra(field, "unit")
            default = f"`{_toml(field.default)}`"
            rows.append(f"| `{section}.{name}` | {default} | {unit} | {field.description} |")
    return "\n".join(rows) + "\n"


def _line(name: str, field: FieldInfo, *, live: bool) -> str:
    example = _extra(field, "example")
    value = field.default if live or example is None else example
    return f"{'' if live else '# '}{name + ' = ' + _toml(value):<40} # {field.description}\n"


def _fields(model: type[Section]) -> Iterator[tuple[str, FieldInfo]]:
    yield from model.model_fields.items()


def _help(model: type[Section]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def _extra(field: FieldInfo, name: str) -> object:
    extra = field.json_schema_extra
    return extra.get(name) if isinstance(extra, dict) else None


def _toml(value: object) -> str:
    """A default as TOML: texts, numbers, booleans and lists of texts are JSON there too."""
    return json.dumps(value)
