"""What a line tells of a leg's moments, by its own clock, and of its audio."""

from callwright.domain.audio_report import AudioReport
from callwright.ports.line import FromLine, LegAnswered, LegEnded, LegRinging, LegSent
from callwright.ports.meter import LegMeasures


class LegTimes:
    """The moments of one leg, in Unix seconds; 0 = not yet."""

    __slots__ = ("_alerted_at", "_answered_at", "_sent_at")

    def __init__(self) -> None:
        self._sent_at = self._alerted_at = self._answered_at = 0.0

    def heard(self, message: FromLine) -> None:
        """Note when the leg moved on."""
        if type(message) is LegSent:
            self._sent_at = message.at
        elif type(message) is LegRinging:
            self._alerted_at = self._alerted_at or message.at
        elif type(message) is LegAnswered:
            self._alerted_at = self._alerted_at or message.at
            self._answered_at = message.at

    def measures(self, ended: LegEnded) -> LegMeasures | None:
        """What the leg came to; None: its INVITE never left."""
        if not self._sent_at:
            return None
        return LegMeasures(
            post_dial_s=self._alerted_at - self._sent_at if self._alerted_at else None,
            talk_s=ended.at - self._answered_at if self._answered_at else None,
            received_packets=ended.received_packets,
            lost_packets=ended.lost_packets,
            far_lost_packets=ended.far_lost_packets,
            jitter_ms=ended.jitter_ms if ended.received_packets else None,
            round_trip_ms=ended.round_trip_ms,
        )


def audio_of(ended: LegEnded) -> AudioReport | None:
    """How its audio fared; None: there was none."""
    if not ended.sent_packets and not ended.received_packets:
        return None
    return AudioReport(
        sent=ended.sent_packets,
        received=ended.received_packets,
        lost=ended.lost_packets,
        jitter_ms=round(ended.jitter_ms, 1),
        far_lost=ended.far_lost_packets,
        far_jitter_ms=round(ended.far_jitter_ms, 1),
        round_trip_ms=None if ended.round_trip_ms is None else round(ended.round_trip_ms, 1),
    )
