"""Servers that keep limits as a dialler often does, and should not: for `limits`."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from _breaks import Patch
from callwright import assembly
from callwright.domain.limits import Limits, Room
from callwright.runtime.legs import Lines
from callwright.runtime.pacing import Pacer
from callwright.runtime.quotas import Quotas
from callwright.runtime.withdrawals import Withdrawals
from callwright.store.sqlite.transactions import SqliteReadTx, SqliteWriteTx
from callwright.telephony import configured_trunk


def _gates_apart() -> list[Patch]:
    """Let each line process make sure of the rate for itself."""
    made = assembly.LineSettings

    def settings(**given: Any) -> msgspec.Struct:
        return made(**{**given, "book": None})

    return [(assembly, "LineSettings", settings)]


def _no_gate() -> list[Patch]:
    """Send what was ordered when it was ordered."""
    trunk = configured_trunk.LineTrunk

    def ungated(**given: Any) -> msgspec.Struct:
        return trunk(**{**given, "calls_per_second": 0.0})

    return [(configured_trunk, "LineTrunk", ungated), *_deaf_lines()]


def _deaf_lines() -> list[Patch]:
    """Pace by the new limit, and do not tell the line processes."""
    return [(Lines, "limit", lambda self, trunk, calls_per_second: None)]


def _limits_in_memory() -> list[Patch]:
    """Change the limit of the running server, and write it down nowhere."""
    changed: dict[str, Limits] = {}

    def change(self: Any, trunk: str, limits: Limits) -> None:
        changed[trunk] = limits
        self._number("next_number", name="limits", count=1)

    begin = Quotas.__init__

    def begin_anew(self: Quotas, *given: Any, **named: Any) -> None:
        changed.clear()
        begin(self, *given, **named)

    return [
        (Quotas, "__init__", begin_anew),
        (SqliteWriteTx, "set_trunk_limits", change),
        (SqliteReadTx, "trunk_limits", lambda self: dict(changed)),
    ]


def _rate_alone() -> list[Patch]:
    """Take a new rate, and go on with as many calls at once as before."""
    limit = Pacer.limit

    def limit_rate(self: Pacer, changed: Limits) -> None:
        limit(self, replace(changed, max_calls=None))

    return [(Pacer, "limit", limit_rate)]


def _trunk_alone() -> list[Patch]:
    """Keep the limits of trunks, and nobody else's."""
    return [(Quotas, "room", lambda self, now, *, quantum_s: Room())]


def _limits_of_the_start() -> list[Patch]:
    """Go by the limits that held when the server started."""

    read = Quotas.read_anew

    async def read_once(self: Quotas) -> None:
        if self._version < 0:
            await read(self)

    return [(Quotas, "read_anew", read_once)]


def _no_withdrawal() -> list[Patch]:
    """Look once more before the attempt is written down, and not before it leaves."""
    return [(Withdrawals, "wake", lambda self: None)]


@dataclass(frozen=True)
class LimitBreak:
    """A server that breaks a promise, and the part of the command that shows it."""

    patches: Callable[[], list[Patch]]
    noticed_by: str


LIMIT_BREAKS = {
    "gates-apart": LimitBreak(_gates_apart, "gate"),
    "no-gate": LimitBreak(_no_gate, "gate"),
    "deaf-lines": LimitBreak(_deaf_lines, "gate"),
    "limits-in-memory": LimitBreak(_limits_in_memory, "change"),
    "rate-alone": LimitBreak(_rate_alone, "change"),
    "trunk-alone": LimitBreak(_trunk_alone, "change"),
    "no-withdrawal": LimitBreak(_no_withdrawal, "held"),
    "limits-of-the-start": LimitBreak(_limits_of_the_start, "change"),
}
