"""What carriers are compared by, trunk by trunk: ASR, ACD, post-dial delay, lost audio.

Source: ITU-T E.411 (answer seizure ratio) and E.437 (what telephone networks are judged by).
"""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from callwright.ports.meter import LegMeasures

_POST_DIAL_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 60.0)
_TALK_BUCKETS = (1.0, 3.0, 6.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)

_JITTER_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1)
_ROUND_TRIP_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)


@dataclass(slots=True)
class _Legs:
    sent: int = 0
    answered: int = 0
    talk_s: float = 0.0


class TrunkMetrics:
    """Counts legs that were sent and are over."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._post_dial = Histogram(
            "callwright_trunk_post_dial_delay_seconds",
            "From the INVITE to the first ringing, or to the answer.",
            ["trunk"],
            buckets=_POST_DIAL_BUCKETS,
            registry=registry,
        )
        self._talk = Histogram(
            "callwright_trunk_talk_seconds",
            "From the answer to the end, of the legs that were answered.",
            ["trunk"],
            buckets=_TALK_BUCKETS,
            registry=registry,
        )
        self._packets = Counter(
            "callwright_trunk_rtp_packets",
            "Audio packets of legs that are over: received, lost on the way here, or on the way"
            " there as the trunk reports it (lost_there).",
            ["trunk", "fate"],
            registry=registry,
        )
        self._jitter = Histogram(
            "callwright_trunk_jitter_seconds",
            "How unevenly audio came on legs that are over, as RFC 3550 counts it.",
            ["trunk"],
            buckets=_JITTER_BUCKETS,
            registry=registry,
        )
        self._round_trip = Histogram(
            "callwright_trunk_round_trip_seconds",
            "To the far end of the audio and back, of legs whose far end reports.",
            ["trunk"],
            buckets=_ROUND_TRIP_BUCKETS,
            registry=registry,
        )
        self._answer_ratio = Gauge(
            "callwright_trunk_answer_seizure_ratio",
            "ASR: the part of the legs that was answered, since the server began.",
            ["trunk"],
            registry=registry,
        )
        self._mean_talk = Gauge(
            "callwright_trunk_average_call_duration_seconds",
            "ACD: mean talk time of the answered legs, since the server began.",
            ["trunk"],
            registry=registry,
        )
        self._legs: dict[str, _Legs] = {}

    def count(self, trunk: str, measures: LegMeasures) -> None:
        """One leg is over."""
        legs = self._legs.setdefault(trunk, _Legs())
        legs.sent += 1
        if measures.post_dial_s is not None:
            # The line reads the clock of the wall, which may step back between two moments.
            self._post_dial.labels(trunk).observe(max(0.0, measures.post_dial_s))
        if measures.talk_s is not None:
            talk_s = max(0.0, measures.talk_s)
            self._talk.labels(trunk).observe(talk_s)
            legs.answered += 1
            legs.talk_s += talk_s
            self._mean_talk.labels(trunk).set(legs.talk_s / legs.answered)
        self._answer_ratio.labels(trunk).set(legs.answered / legs.sent)
        self._packets.labels(trunk, "received").inc(measures.received_packets)
        self._packets.labels(trunk, "lost").inc(measures.lost_packets)
        self._packets.labels(trunk, "lost_there").inc(measures.far_lost_packets)
        if measures.jitter_ms is not None:
            self._jitter.labels(trunk).observe(measures.jitter_ms / 1e3)
        if measures.round_trip_ms is not None:
            self._round_trip.labels(trunk).observe(measures.round_trip_ms / 1e3)
