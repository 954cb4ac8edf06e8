"""What a media session works with: its beat, the plane it came from, a recorder."""

import socket
from typing import TYPE_CHECKING, Protocol

from callwright.telephony.rtp.ticker import Member

if TYPE_CHECKING:
    from callwright.telephony.rtp.session import MediaSession


class Beat(Protocol):
    """What ticks a session: the plane's `Ticker`, or a test's hand."""

    def join(self, member: Member) -> None:
        """Tick `member` from now on."""
        ...

    def leave(self, member: Member) -> None:
        """No tick any more."""
        ...


class Recorder(Protocol):
    """Takes both sides of a call; places count samples on one time line, codes are µ-law."""

    def heard(self, at: int, codes: bytes) -> None:
        """What the peer said."""
        ...

    def said(self, at: int, codes: bytes) -> None:
        """What we said."""
        ...

    def close(self) -> None:
        """The call is over."""
        ...


class MediaOwner(Protocol):
    """What a session needs of the plane it came from."""

    @property
    def ticker(self) -> Beat:
        """Where the session's 20 ms come from."""
        ...

    def bind_beside(self, port: int) -> socket.socket | None:
        """A socket for the reports of whoever has that port; None: there is none."""
        ...

    def release(self, session: "MediaSession") -> None:
        """The session's port is free again."""
        ...
