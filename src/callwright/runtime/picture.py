"""The running half of a server, as it shows itself to whoever explains why a call waits."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from callwright.clock import Clock
from callwright.domain.pace import ASSUMED, ServerStanding, TrunkStanding
from callwright.ports.pacing_view import PacingPicture
from callwright.runtime.attempts import Attempts
from callwright.runtime.gate import Gate
from callwright.runtime.legs import Lines
from callwright.runtime.pacing import Pacer
from callwright.runtime.quotas import Quotas


class RunningPacing:
    """A `PacingView` of the parts that pace and dial."""

    def __init__(
        self,
        *,
        clock: Clock,
        pacers: Mapping[str, Pacer],
        names: Mapping[str, Sequence[str]],
        attempts: Attempts,
        quotas: Quotas,
        lines: Lines,
        gate: Gate | None,
        not_dialling_because: Callable[[], str],
    ) -> None:
        """`names`: of each trunk those under which calls wait for it."""
        self._clock = clock
        self._pacers = pacers
        self._names = names
        self._attempts = attempts
        self._quotas = quotas
        self._lines = lines
        self._gate = gate
        self._not_dialling_because = not_dialling_because

    def picture(self) -> PacingPicture:
        now = self._clock.monotonic()
        trunks = [self._trunk(name, now) for name in self._pacers]
        return PacingPicture(
            server=self._server(),
            trunks={name: trunk for trunk in trunks for name in trunk.names},
            limited=self._quotas.standings(now),
        )

    def _trunk(self, name: str, now: float) -> TrunkStanding:
        pacer = self._pacers[name]
        measured = self._attempts.measured(name)
        return replace(
            pacer.standing(now),
            names=tuple(self._names[name]),
            in_flight=self._attempts.in_flight(name),
            health=self._lines.trunks.health(name),
            measured=measured if measured.is_enough else ASSUMED,
        )

    def _server(self) -> ServerStanding:
        held = None if self._gate is None else self._gate.held
        return ServerStanding(
            not_dialling_because=self._not_dialling_because(),
            held_at=None if held is None else held.at,
            held_because="" if held is None else held.because,
            lines=self._lines.running,
        )
