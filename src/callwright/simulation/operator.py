"""The person who looks after a simulated server: decides on calls that are quarantined."""

from contextlib import suppress

from callwright.domain.account import User
from callwright.errors import StoreUnavailable
from callwright.ports.control import CallsSought
from callwright.ports.store import Store, WriteTx
from callwright.runtime.gate import Gate
from callwright.service.find_owned import whose
from callwright.service.quarantine_calls import release_call
from callwright.service.stop_calls import cancel_call
from callwright.simulation.history import History
from callwright.simulation.virtual_loop import VirtualLoop
from callwright.simulation.world_time import WallClock

PAGE = 100


class Operator:
    """Lets quarantined calls go on, and cancels those known to kill."""

    def __init__(self, deadly: frozenset[str], history: History) -> None:
        self.released: list[tuple[str, float]] = []
        """Numbers, and the true seconds at which they were let go."""
        self._deadly = deadly
        self._history = history

    async def resume(self, gate: Gate) -> None:
        """Let a server dial whose start was held."""
        # Who gets an error says it again later.
        with suppress(StoreUnavailable):
            await gate.open()

    async def attend(self, store: Store, user: User, *, loop: VirtualLoop, wall: WallClock) -> None:
        """Decide on every call that is quarantined now."""
        now_s = loop.time()
        now = wall.at(now_s)

        def decide(tx: WriteTx) -> None:
            sought = CallsSought(whose=whose(user), is_quarantined=True)
            for call in tx.find_calls(sought, below=None, limit=PAGE, now=now).calls:
                number = call.contact.dial.number.e164
                if call.state.is_final:
                    continue
                if number in self._deadly:
                    cancel_call(tx, user, call.id, now)
                else:
                    release_call(tx, user, call.id, now)
                    # Even if the commit fails: it may be on disk all the same.
                    self.released.append((number, now_s))
                    self._history.add(now_s, "release", number)

        # Who gets an error looks again later.
        with suppress(StoreUnavailable):
            await store.write(decide)
