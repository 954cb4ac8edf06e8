"""How the audio of an attempt fared: what passed, what was lost, how evenly it came."""

import msgspec


class AudioReport(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Counts are packets of 20 ms; `far_...` is what the other end reported of ours, 0 where it
    reported nothing."""

    sent: int
    received: int
    lost: int
    jitter_ms: float
    far_lost: int
    far_jitter_ms: float
    round_trip_ms: float | None
    """None: the other end reported nothing that tells."""
