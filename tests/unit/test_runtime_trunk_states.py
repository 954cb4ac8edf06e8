"""What several lines say of a trunk, put together; and for how long it is believed."""

from callwright.domain.trunk_health import TrunkState
from callwright.ports.line import RegistrationStands, ServerStands, TrunkStands
from callwright.runtime.trunk_states import BELIEVED_S, TrunkStates
from callwright.testing.manual_clock import ManualClock


class Told:
    def __init__(self, *lines: int) -> None:
        self.clock = ManualClock()
        self.changed: list[str] = []
        self.states = TrunkStates(self.clock, self.changed.append)
        for line in lines:
            self.states.line_began(line)

    def says(
        self, line: int, *servers: ServerStands, registration: RegistrationStands | None = None
    ) -> None:
        is_in = registration is None or registration.is_registered
        stands = TrunkStands(
            trunk="main",
            takes_calls=is_in and any(not each.is_away for each in servers),
            servers=servers,
            registration=registration,
        )
        self.states.heard(line, stands)

    @property
    def is_out(self) -> bool:
        return self.states.out_until("main") > self.clock.monotonic()


def server(why: str = "", address: str = "192.0.2.7:5060") -> ServerStands:
    return ServerStands(address=address, since=1.0, why=why, is_away=bool(why))


def test_a_trunk_is_out_once_every_line_that_runs_says_so() -> None:
    told = Told(0, 1)
    assert told.states.health("main").state is TrunkState.UNKNOWN
    told.says(0, server("refused"))
    assert not told.is_out
    assert told.states.lines_for("main", [0, 1]) == [1]
    assert told.states.health("main").state is TrunkState.DEGRADED
    told.says(1, server("refused"))
    assert told.is_out
    assert told.states.lines_for("main", [0, 1]) == [0, 1]
    assert told.states.health("main").state is TrunkState.DOWN
    told.says(0, server())
    assert not told.is_out
    assert told.changed == ["main"] * 3


def test_a_line_that_died_or_fell_silent_holds_nothing() -> None:
    told = Told(0)
    told.says(0, server("refused"))
    told.clock.advance(BELIEVED_S)
    assert not told.is_out
    told.says(0, server("refused"))
    assert told.is_out
    told.states.line_gone(0)
    assert not told.is_out
    told.states.line_began(0)
    assert not told.is_out
    assert told.states.health("main").state is TrunkState.UNKNOWN


def test_a_line_that_is_started_beside_has_nothing_against_a_call() -> None:
    told = Told(0)
    told.says(0, server("refused"))
    told.changed.clear()
    told.states.line_began(1)
    assert not told.is_out
    assert told.changed == ["main"]


def test_what_is_shown_is_the_worst_that_anybody_found() -> None:
    told = Told(0, 1)
    told.says(0, server(), server("refused", "192.0.2.8:5060"))
    told.says(1, server("silent"), server(address="192.0.2.8:5060"))
    health = told.states.health("main")
    assert {each.address: each.why for each in health.servers} == {
        "192.0.2.7:5060": "silent",
        "192.0.2.8:5060": "refused",
    }
    assert (health.state, health.problem) == (TrunkState.DEGRADED, "")


def test_who_is_registered_by_one_line_alone_is_called_through_by_it() -> None:
    told = Told(0, 1)
    told.says(0, server(), registration=RegistrationStands(is_registered=True, until=9.0))
    told.says(1, server(), registration=RegistrationStands(why="403 Forbidden"))
    health = told.states.health("main")
    assert health.registration is not None
    assert health.registration.why == "403 Forbidden"
    assert health.state is TrunkState.DEGRADED
    assert told.states.lines_for("main", [0, 1]) == [0]
    told.says(0, server(), registration=RegistrationStands())
    assert told.states.health("main").problem == "we are not registered"
