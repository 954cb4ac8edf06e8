"""What all lines without a network have in common: they do as they are told, in one process.

Which legs there are and what becomes of each is for every one of them to say.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection

from callwright.ports.line import (
    EndOrphans,
    FromLine,
    HangUp,
    HangUpAll,
    LegAnswered,
    LegOrder,
    LegRinging,
    LegSent,
    LineReady,
    Orphan,
    ToLine,
)


class ObedientLine(ABC):
    """A `Line` whose legs are made up."""

    def __init__(self, *, near: str = "127.0.0.1:5062", far: str = "127.0.0.1:5060") -> None:
        """`near` and `far`: its own address and port, and those of whoever is called."""
        self._near = near
        self._far = far
        self._heard: Callable[[FromLine], None] = lambda message: None
        self._gone: asyncio.Future[str] | None = None

    async def start(self, heard: Callable[[FromLine], None]) -> LineReady:
        self._heard = heard
        self._gone = asyncio.get_running_loop().create_future()
        return LineReady(pid=0, local_sip={"main": self._near})

    def say(self, message: ToLine) -> None:
        self._obey(message)

    async def stop(self) -> None:
        self._obey(HangUpAll())
        self._be_gone("stopped")

    def when_gone(self) -> Awaitable[str]:
        assert self._gone is not None
        return asyncio.shield(self._gone)

    @abstractmethod
    def _place(self, order: LegOrder) -> None: ...

    @abstractmethod
    def _live_legs(self) -> Collection[str]: ...

    @abstractmethod
    def _hang_up(self, leg: str) -> None:
        """End a leg, if it is not over."""

    @abstractmethod
    def _end_orphan(self, orphan: Orphan) -> None: ...

    @abstractmethod
    def _unix(self) -> float:
        """What its wall clock shows."""

    def _obey(self, message: ToLine) -> None:
        match message:
            case LegOrder():
                self._place(message)
            case HangUp(leg=leg):
                self._hang_up(leg)
            case HangUpAll():
                for leg in list(self._live_legs()):
                    self._hang_up(leg)
            case EndOrphans(orphans=orphans):
                for orphan in orphans:
                    self._end_orphan(orphan)
            case _:
                pass

    def _tell(self, message: FromLine) -> None:
        self._heard(message)

    def _tell_sent(self, leg: str) -> None:
        self._tell(LegSent(leg=leg, at=self._unix(), remote_address=self._far))

    def _tell_ringing(self, leg: str) -> None:
        self._tell(LegRinging(leg=leg, at=self._unix(), code=180))

    def _tell_answered(self, leg: str) -> None:
        self._tell(
            LegAnswered(
                leg=leg,
                at=self._unix(),
                to_tag="callee",
                remote_target=f"sip:callee@{self._far.partition(':')[0]}",
                route_set=(),
                cseq=1,
            )
        )

    def _be_gone(self, reason: str) -> None:
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(reason)
