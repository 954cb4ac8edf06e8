"""What the server counts, and `/metrics` in Prometheus' text format.

`Metrics` is the `ports.meter.Meter` of the loops and the store and the meter of the
requests. What stands somewhere anyway (queue, trunks, connections) is read when somebody
asks, not counted along. Labels take few values: routes, not paths; outcomes, not reasons.

Source: Prometheus, "Metric and label naming" and "Exposition formats".
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from callwright.domain.answered_by import AnsweredBy
from callwright.domain.lifecycle import CallState
from callwright.domain.notice import NoticeState
from callwright.domain.outcome import Outcome
from callwright.domain.trunk_health import UNKNOWN, TrunkHealth
from callwright.ports.meter import LegMeasures
from callwright.ports.store import QueueCounts
from callwright.web.trunk_metrics import TrunkMetrics

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
LAG_EVERY_S = 0.25

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_GROUP_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkReading:
    """How a trunk is doing now."""

    name: str
    active: int
    limit: int
    in_trouble: bool
    health: TrunkHealth = UNKNOWN


class Metrics:
    """All counts of one server. Every method but `text` may be called from any thread."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Histogram(
            "callwright_http_request_seconds",
            "Requests answered, from their head to the end of the answer.",
            ["route", "method", "status"],
            buckets=_REQUEST_BUCKETS,
            registry=registry,
        )
        self._request_series: dict[tuple[str, str, int], Histogram] = {}
        self._refused = Counter(
            "callwright_http_refused_unread",
            "Connections refused and requests cut off before they were whole.",
            ["status"],
            registry=registry,
        )
        self._queued = Counter(
            "callwright_calls_queued", "Calls accepted.", ["product"], registry=registry
        )
        self._started = Counter(
            "callwright_attempts_started", "Attempts dialled.", ["trunk"], registry=registry
        )
        self._ended = Counter(
            "callwright_attempts_ended",
            "Attempts over, by outcome.",
            ["trunk", "outcome"],
            registry=registry,
        )
        self._identified = Counter(
            "callwright_identified",
            "Attempts whose script asked who answered, by what could be heard.",
            ["trunk", "who"],
            registry=registry,
        )
        self._on_trunks = TrunkMetrics(registry)
        self._calls_ended = Counter(
            "callwright_calls_ended", "Calls over, by final state.", ["state"], registry=registry
        )
        self._tries = Counter(
            "callwright_notice_tries",
            "Tries to tell a result; pending = failed, and will be tried again.",
            ["state"],
            registry=registry,
        )
        self._hosts_in_trouble = Gauge(
            "callwright_callback_hosts_in_trouble",
            "Hosts of result URLs that fail and are only probed.",
            registry=registry,
        )
        self._groups = Histogram(
            "callwright_store_group_size",
            "Pieces of work in one commit.",
            buckets=_GROUP_BUCKETS,
            registry=registry,
        )
        self._commits = Histogram(
            "callwright_store_commit_seconds",
            "From the first piece of work of a group to its commit on disk.",
            buckets=_COMMIT_BUCKETS,
            registry=registry,
        )
        self._lag = Histogram(
            "callwright_event_loop_lag_seconds",
            "How much later than asked for the event loop woke up.",
            buckets=_LAG_BUCKETS,
            registry=registry,
        )
        self._queue = Gauge(
            "callwright_queue_calls",
            "Calls that wait (quarantined ones among them) or are in motion.",
            ["part"],
            registry=registry,
        )
        self._notices = Gauge(
            "callwright_notices", "Notices owed, or given up.", ["state"], registry=registry
        )
        self._trunk_active = Gauge(
            "callwright_trunk_calls", "Calls in motion on a trunk.", ["trunk"], registry=registry
        )
        self._trunk_limit = Gauge(
            "callwright_trunk_calls_limit", "How many there may be.", ["trunk"], registry=registry
        )
        self._trouble = Gauge(
            "callwright_trunk_in_trouble",
            "1 while a trunk fails and is only probed.",
            ["trunk"],
            registry=registry,
        )
        self._up = Gauge(
            "callwright_trunk_up",
            "0 while calls wait because no server of a trunk answers, or it has us not registered.",
            ["trunk"],
            registry=registry,
        )
        self._server_up = Gauge(
            "callwright_trunk_server_up",
            "1 while a server of a trunk works, as far as is known.",
            ["trunk", "server"],
            registry=registry,
        )
        self._registered = Gauge(
            "callwright_trunk_registered",
            "1 while we are registered at a trunk that wants it.",
            ["trunk"],
            registry=registry,
        )
        self._held = Gauge(
            "callwright_held_at_start",
            "1 while nothing is dialled because the store may be an old copy.",
            registry=registry,
        )
        self._connections = Gauge(
            "callwright_http_connections", "Connections that are open.", registry=registry
        )

    # Told by the HTTP side

    def request_done(self, route: str, method: str, status: int, seconds: float) -> None:
        key = (route, method if method in _METHODS else "other", status)
        series = self._request_series.get(key)
        if series is None:
            series = self._request_series[key] = self._requests.labels(*key)
        series.observe(seconds)

    def refused_unread(self, status: int) -> None:
        self._refused.labels(status).inc()

    def calls_queued(self, product: str, count: int) -> None:
        self._queued.labels(product).inc(count)

    # Told by loops and store (ports.meter.Meter)

    def attempt_started(self, trunk: str) -> None:
        self._started.labels(trunk).inc()

    def attempt_ended(self, trunk: str, outcome: Outcome) -> None:
        self._ended.labels(trunk, outcome.value).inc()

    def leg_measured(self, trunk: str, measures: LegMeasures) -> None:
        self._on_trunks.count(trunk, measures)

    def identified(self, trunk: str, who: AnsweredBy) -> None:
        self._identified.labels(trunk, who.value).inc()

    def call_ended(self, state: CallState) -> None:
        self._calls_ended.labels(state.value).inc()

    def notice_tried(self, state: NoticeState) -> None:
        self._tries.labels(state.value).inc()

    def hosts_in_trouble(self, count: int) -> None:
        self._hosts_in_trouble.set(count)

    def group_committed(self, works: int, seconds: float) -> None:
        self._groups.observe(works)
        self._commits.observe(seconds)

    async def watch_loop(self) -> None:
        """Measure the event loop's lag until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            asked_at = loop.time()
            await asyncio.sleep(LAG_EVERY_S)
            self._lag.observe(max(0.0, loop.time() - asked_at - LAG_EVERY_S))

    # Asked by `/metrics`

    def text(
        self,
        queue: QueueCounts | None,
        trunks: Iterable[TrunkReading],
        connections: int,
        *,
        is_held: bool = False,
    ) -> bytes:
        """Everything as Prometheus reads it; without the queue if the store gave no answer."""
        self._queue.clear()
        self._notices.clear()
        if queue is not None:
            self._queue.labels("waiting").set(queue.waiting)
            self._queue.labels("active").set(queue.active)
            self._queue.labels("quarantined").set(queue.quarantined)
            self._notices.labels("pending").set(queue.notices_pending)
            self._notices.labels("dead").set(queue.notices_dead)
        self._server_up.clear()
        for trunk in trunks:
            self._trunk_active.labels(trunk.name).set(trunk.active)
            self._trunk_limit.labels(trunk.name).set(trunk.limit)
            self._trouble.labels(trunk.name).set(trunk.in_trouble)
            self._up.labels(trunk.name).set(not trunk.health.is_out)
            for server in trunk.health.servers:
                self._server_up.labels(trunk.name, server.address).set(server.is_up)
            if trunk.health.registration is not None:
                is_registered = trunk.health.registration.is_registered
                self._registered.labels(trunk.name).set(is_registered)
        self._connections.set(connections)
        self._held.set(is_held)
        return generate_latest(self._registry)
