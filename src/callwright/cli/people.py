"""How those who are called behave in a rehearsal: told by options, or by a TOML file."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path

from callwright.errors import FieldInvalid
from callwright.simulation.callees import Manners
from callwright.simulation.faults import Outage, Trouble

SHARES = ("answers", "busy", "unreachable", "rejects")
"""Of the phones that are dialled; whoever is left does not answer."""

LONGEST_S = 86_400.0
ROUNDING = 1e-9
_OUTAGE = {each.name for each in fields(Outage)}


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Those who are called, and how well their network works."""

    manners: Manners = field(default_factory=Manners)
    outages: tuple[Outage, ...] = ()


def read_people(file: Path | None, options: Mapping[str, float | None]) -> People:
    """What the file says, and above it what options say: names of `Manners`, None = not given.

    Usual shares that nobody has named shrink where there is no room for all of them.

    Raises:
        FieldInvalid: the file cannot be read or says something impossible; or both together.
    """
    given, outages = ({}, ()) if file is None else _read_file(file)
    given |= {name: value for name, value in options.items() if value is not None}
    usual = Manners()
    taken = sum(given.get(name, 0.0) for name in SHARES)
    if taken > 1 + ROUNDING:
        names = ", ".join(name for name in SHARES if name in given)
        raise FieldInvalid(str(file or f"--{names.partition(',')[0]}"), f"{names} are above 1")
    others = {name: getattr(usual, name) for name in SHARES if name not in given}
    shrink = min(1.0, max(0.0, 1.0 - taken) / sum(others.values())) if others else 1.0
    given |= {name: share * shrink for name, share in others.items()}
    return People(manners=replace(usual, **given), outages=outages)


def _read_file(file: Path) -> tuple[dict[str, float], tuple[Outage, ...]]:
    try:
        read = tomllib.loads(file.read_text("utf-8"))
    except OSError as exc:
        raise FieldInvalid("--people", f"{file}: {exc.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise FieldInvalid(str(file), f"is no TOML: {exc}") from None
    outages = read.pop("outages", [])
    if not isinstance(outages, list):
        raise FieldInvalid(f"{file}: outages", "is written [[outages]]")
    known = {each.name for each in fields(Manners)}
    values = {name: _number(file, name, value, known) for name, value in read.items()}
    return values, tuple(_outage(file, each) for each in outages)


def _outage(file: Path, table: object) -> Outage:
    if not isinstance(table, dict):
        raise FieldInvalid(f"{file}: outages", "is written [[outages]]")
    trouble = table.pop("trouble", Trouble.REFUSES.value)
    if trouble not in list(Trouble):
        words = " or ".join(Trouble)
        raise FieldInvalid(f"{file}: outages.trouble", f"must be {words}")
    times = {name: _number(file, name, value, _OUTAGE) for name, value in table.items()}
    for name in ("start_s", "end_s"):
        if name not in times:
            raise FieldInvalid(f"{file}: outages", f"needs {name}")
    if times["end_s"] <= times["start_s"]:
        raise FieldInvalid(f"{file}: outages.end_s", "must be after start_s")
    return Outage(trouble=Trouble(trouble), **times)


def _number(file: Path, name: str, value: object, known: set[str]) -> float:
    """A share or a number of seconds."""
    if name not in known:
        near = get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(sorted(known))}"
        raise FieldInvalid(f"{file}: {name}", f"is not known{hint}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FieldInvalid(f"{file}: {name}", "must be a number")
    if not name.endswith("_s"):
        if not 0 <= value <= 1:
            raise FieldInvalid(f"{file}: {name}", "is a share, 0 to 1")
    elif name in ("rings_s", "talks_s"):
        if not 0 < value <= LONGEST_S:
            raise FieldInvalid(f"{file}: {name}", f"must be above 0, at most {LONGEST_S:.0f}")
    elif not 0 <= value < float("inf"):
        raise FieldInvalid(f"{file}: {name}", "must not be negative")
    return float(value)
