"""Owe callbacks to receivers that are down, flaky or hang, and see that each arrives.

    python3 go stress callbacks
    python3 go stress callbacks --only flaky --count 10000
    python3 go stress callbacks --only hanging --hosts 40 --seconds 60
    python3 go stress callbacks --break no-host-slots

Three parts, judged by what the receivers saw:

down     two hosts are silent, then answer 503, for --down hours of simulated time, while others
         are in order; the server dies a few times
flaky    a sink of its own process fails --fail of its requests; real HTTP, a database on disk,
         and a clock that skips what nobody works in
hanging  half of the hosts take requests and never answer, in real time
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import structlog

from _breaks import breaking
from _callback_breaks import CALLBACK_BREAKS
from _figures import finish
from _pump import SkippingClock, pumped
from _sink_process import SinkProcess, sink_process
from callwright.clock import SystemClock
from callwright.domain.ids import CallId, NoticeId
from callwright.domain.notice import host_of
from callwright.ports.store import OwedNotice
from callwright.simulation.virtual_loop import run_virtual
from callwright.testing.callback_world import CallbackWorld, Post

PARTS = ("down", "flaky", "hanging")
DOWN = ("down1:80", "down2:80")
GOOD = ("good1:80", "good2:80", "good3:80")
AS_LATE_AS_S = 2.0
PATIENCE_S = 60.0
BARE = [f"bare_{number}" for number in range(300)]
"""Sent without the pump, to know how fast the sender alone is."""

Figures = dict[str, object]
Result = tuple[Figures, list[str]]


def p95(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[int(0.95 * (len(ordered) - 1))] if ordered else float("inf")


def one_of_each(seen: Mapping[str, Sequence[tuple[str, int]]], deaths: int = 0) -> Iterator[str]:
    """What is wrong with what came for each id: bodies and answers, in order."""
    for webhook_id, posts in seen.items():
        if len({body for body, _ in posts}) > 1:
            yield f"BODY {webhook_id} came with two bodies"
        answers = [status for _, status in posts]
        if 200 in answers and len(answers) - 1 - answers.index(200) > deaths:
            yield f"AGAIN {webhook_id} was told again after it was heard"


async def live_through_an_outage(
    seed: int, *, calls: int, hours: float, deaths: int
) -> tuple[CallbackWorld, dict[str, float], tuple[int, int]]:
    """The world after all, when each call was owed, and what is pending and dead."""
    outage_s = hours * 3600

    def status_of(host: str, at_s: float, number: int) -> int | None:
        if host in GOOD or at_s >= outage_s:
            return 200
        return None if at_s < outage_s / 2 else 503

    world = CallbackWorld(status_of, seed_number=seed)
    chance = random.Random(seed)
    plan = sorted(
        (chance.uniform(0, 1.1 * outage_s), chance.choice(DOWN + GOOD)) for _ in range(calls)
    )
    dies_at = sorted(chance.uniform(0, 1.1 * outage_s) for _ in range(deaths))
    owed: dict[str, float] = {}
    for until_s in [*dies_at, float("inf")]:
        async with world.pumping() as pump:
            while plan and plan[0][0] < until_s:
                at_s, host = plan.pop(0)
                await asyncio.sleep(max(0.0, at_s - world.loop.time()))
                await world.owe(host)
                pump.wake()
                owed[f"msg_{len(owed) + 1}"] = at_s
            if plan:
                await asyncio.sleep(max(0.0, until_s - world.loop.time()))
            else:
                for _ in range(5 * 24):
                    if (await world.counts())[0] == 0:
                        break
                    await asyncio.sleep(3600)
    return world, owed, await world.counts()


def part_down(given: argparse.Namespace) -> Result:
    world, owed, (pending, dead) = run_virtual(
        live_through_an_outage(given.seed, calls=given.calls, hours=given.down, deaths=given.deaths)
    )
    posts: dict[str, list[Post]] = defaultdict(list)
    for post in world.receivers.posts:
        posts[f"msg_{post.body.split(b':')[1].strip().rstrip(b'}').decode()}"].append(post)
    faults = [f"LOST {name} was never delivered" for name in owed if not _heard(posts[name])]
    if dead or pending:
        faults.append(f"LOST {dead} were given up, {pending} still wait")
    for name, each in posts.items():
        if len({post.webhook_id for post in each}) > 1:
            faults.append(f"ID {name} came under two ids")
    seen = {name: [(str(p.body), p.status) for p in each] for name, each in posts.items()}
    faults += one_of_each(seen, given.deaths)
    late = [
        heard[0].at_s - at_s
        for name, at_s in owed.items()
        if (heard := _heard(posts[name])) and heard[0].host in GOOD
    ]
    # A death may cut a try off; the next life makes it at once.
    if p95(late) > AS_LATE_AS_S:
        faults.append(f"LATE hosts in order were told {p95(late):.1f} s late (p95)")
    most_probes = given.down * 60 + 12 * (given.deaths + 1)
    for host in DOWN:
        tries = world.receivers.tried[host] - sum(p.host == host for p in world.receivers.told)
        if tries > most_probes:
            faults.append(f"REST {host} was tried {tries} times while it was down")
    back_s = given.down * 3600
    behind = [post.at_s - back_s for post in world.receivers.told if post.host in DOWN]
    figures: Figures = {
        "owed": len(owed),
        "delivered": sum(bool(_heard(each)) for each in posts.values()),
        "tries": world.receivers.tried.total(),
        "hours_down": given.down,
        "deaths": given.deaths,
        "good_p95_s": round(p95(late), 3),
        "half_delivered_s_after_return": round(sorted(behind)[len(behind) // 2])
        if behind
        else None,
    }
    return figures, faults


def _heard(posts: Sequence[Post]) -> list[Post]:
    return [post for post in posts if post.status == 200]


def judge_sink(requests: Sequence[Mapping[str, Any]], ids: Sequence[str]) -> list[str]:
    """What is wrong with what a sink saw, if all of `ids` had to arrive there."""
    seen: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for entry in requests:
        seen[entry["id"]].append((entry["body"], entry["status"]))
    faults = [f"ID {name} is an id that nobody owed" for name in seen.keys() - set(ids)]
    faults += [
        f"LOST {name} was never delivered"
        for name in ids
        if 200 not in [status for _, status in seen.get(name, ())]
    ]
    return faults + list(one_of_each(seen))


async def run_flaky(given: argparse.Namespace, sink: SinkProcess) -> Result:
    clock = SkippingClock()
    host = sink.good[0]
    url = f"http://{host}:{sink.port}/result"
    async with pumped(clock, allow=[host], seed_number=given.seed) as world:
        bare = await bare_rate(world.sender, url)
        ids = await world.owe([f"{url}/{n}" for n in range(given.count)], 1)
        began_s, busy_s, until_s = time.time(), 0.0, time.time() + PATIENCE_S + given.count / 20
        running = asyncio.create_task(world.pump.run())
        while await world.pending() and time.time() < until_s and not running.done():
            await asyncio.sleep(0.02)
            next_at = await world.next_at()
            if not clock.under_way and next_at is not None and next_at > clock.now():
                busy_s = busy_s or time.time() - began_s
                clock.skip_to(next_at)
                world.pump.wake()
        took_s = time.time() - began_s
        busy_s = busy_s or took_s
    seen = [entry for entry in sink.seen() if entry["id"] not in BARE]
    first = [entry["status"] for entry in seen if entry["at"] < began_s + busy_s]
    rate = len(first) / busy_s
    figures: Figures = {
        "owed": given.count,
        "delivered": len({entry["id"] for entry in seen if entry["status"] == 200}),
        "tries": len(seen),
        "skipped_hours": round(clock.skipped.total_seconds() / 3600, 1),
        "took_s": round(took_s, 1),
        "delivered_per_minute": round(first.count(200) / busy_s * 60),
        "tries_per_second": round(rate),
        "bare_tries_per_second": round(bare),
        "ratio": round(rate / bare, 2),
    }
    return figures, judge_sink(seen, ids)


async def bare_rate(sender: object, url: str) -> float:
    """Tries a second of the sender alone, as many at once as one host may have."""
    places = asyncio.Semaphore(64)

    async def send(name: str) -> None:
        notice = OwedNotice(
            id=NoticeId(0),
            call_id=CallId(0),
            url=url,
            host=host_of(url),
            webhook_id=name,
            content_type="application/json",
            body=b"{}",
            tries=0,
        )
        async with places:
            await sender.send(notice, SystemClock().now())  # type: ignore[attr-defined]

    began = time.perf_counter()
    await asyncio.gather(*(send(name) for name in BARE))
    return len(BARE) / (time.perf_counter() - began)


def part_flaky(given: argparse.Namespace) -> Result:
    with sink_process(good=1, fail=given.fail, seed=given.seed) as sink:
        return asyncio.run(run_flaky(given, sink))


async def run_hanging(given: argparse.Namespace, sink: SinkProcess) -> Result:
    clock = SystemClock()
    hosts = [*sink.good, *sink.hanging]
    chance = random.Random(given.seed)
    owed_at: dict[str, float] = {}
    good_ids: list[str] = []
    async with pumped(clock, allow=hosts, seed_number=given.seed) as world:

        async def owe(to: Sequence[str]) -> None:
            urls = [f"http://{host}:{sink.port}/result" for host in to]
            at = time.time()
            ids = await world.owe(urls, len(owed_at) + 1)
            owed_at.update(dict.fromkeys(ids, at))
            good_ids.extend(name for name, host in zip(ids, to, strict=True) if host in sink.good)

        await owe([chance.choice(sink.hanging) for _ in range(given.backlog)])
        running = asyncio.create_task(world.pump.run())
        until = clock.monotonic() + given.seconds
        while clock.monotonic() < until:
            await owe([chance.choice(hosts) for _ in range(max(1, given.rate // 10))])
            await asyncio.sleep(0.1)
        patience = clock.monotonic() + 20
        while clock.monotonic() < patience and not running.done():
            heard = {entry["id"] for entry in sink.seen() if entry["status"] == 200}
            if heard.issuperset(good_ids):
                break
            await asyncio.sleep(0.2)
    arrived = {e["id"]: e["at"] for e in reversed(sink.seen()) if e["host"] in sink.good}
    late = [arrived[name] - owed_at[name] for name in good_ids if name in arrived]
    faults = [f"LOST {name} was never delivered" for name in good_ids if name not in arrived]
    if p95(late) > AS_LATE_AS_S:
        faults.append(f"LATE hosts in order were told {p95(late):.2f} s late (p95)")
    to_each = Counter(entry["host"] for entry in sink.seen())
    figures: Figures = {
        "owed": len(owed_at),
        "hosts": len(hosts),
        "hanging": len(sink.hanging),
        "good_p50_s": round(sorted(late)[len(late) // 2], 3) if late else None,
        "good_p95_s": round(p95(late), 3),
        "good_max_s": round(max(late), 3) if late else None,
        "tries_to_hanging": sum(to_each[host] for host in sink.hanging),
    }
    return figures, faults


def part_hanging(given: argparse.Namespace) -> Result:
    hanging = max(1, round(given.hosts * given.dead))
    with sink_process(good=given.hosts - hanging, hanging=hanging, seed=given.seed) as sink:
        return asyncio.run(run_hanging(given, sink))


def hours(text: str) -> float:
    return float(text.removesuffix("h"))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=PARTS, action="append", help="one part; may be repeated")
    parser.add_argument("--down", type=hours, default=24.0, metavar="HOURS", help="e.g. 24h")
    parser.add_argument("--calls", type=int, default=2000, help="owed around the outage")
    parser.add_argument("--deaths", type=int, default=5, help="of the server, in that time")
    parser.add_argument("--count", type=int, default=2000, help="owed to the flaky sink")
    parser.add_argument("--fail", type=float, default=0.3, help="share of requests that fail there")
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--dead", type=float, default=0.5, help="share of the hosts that hang")
    parser.add_argument("--backlog", type=int, default=600, help="that waits for those already")
    parser.add_argument("--rate", type=int, default=60, help="owed a second to all hosts")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--break", dest="broken", choices=sorted(CALLBACK_BREAKS))
    given = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    figures: Figures = {"stress": "callbacks", "seed": given.seed}
    faults: list[str] = []
    parts = {"down": part_down, "flaky": part_flaky, "hanging": part_hanging}
    with breaking(given.broken, CALLBACK_BREAKS):
        for name in given.only or PARTS:
            figures[name], found = parts[name](given)
            faults += found
    return finish(figures, faults, given.broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
