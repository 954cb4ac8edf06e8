"""How fast the SQLite store takes lists in and carries calls from claim to notice.

No HTTP and no SIP: the use cases of `service` on a real file, every step durable, each beside
its limit measured in the same run (bare `executemany` of the same rows into the same table).

    python bench/store_life_cycle.py [--rows N] [--calls N] [--folder DIR]

Prints a table, and the figures as one JSON line at the end.
"""

import argparse
import asyncio
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import uvloop

from callwright.cli.garbage import spare_what_stands
from callwright.domain.account import Product
from callwright.domain.call import Contact, Schedule
from callwright.domain.ids import CallId, DeploymentId, OwnerId, UserId
from callwright.domain.outcome import Outcome
from callwright.domain.phone import parse_dial_string
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.ports.motion import Claim, Dialog, Hold, Intent, Progress
from callwright.ports.store import Lane, WriteTx
from callwright.service.begin_attempt import Started, begin_attempts
from callwright.service.claim_calls import claim_due_calls
from callwright.service.finish_attempt import Ending, finish_attempts
from callwright.service.tell_result import NoticeStyle
from callwright.store.sqlite import SqliteStore, open_sqlite_store
from callwright.store.sqlite.opening import open_writer
from callwright.store.sqlite.queries import QUERIES
from callwright.store.sqlite.values import call_values

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
OWNER = OwnerId("bench")
SLICE = 1_000
"""Rows of a list in one transaction."""
CLAIMS = 100
"""Calls claimed at once."""
DIALLERS = 4
"""Claimed slices in motion at once."""
CLIENTS = 64
"""Requests that queue single calls at once."""
SCHEDULE = Schedule(
    window=Window(opens_at=NOW, closes_at=NOW + timedelta(days=1)),
    start_given=False,
    retry=RetryPolicy(max_attempts=3, wait=timedelta(minutes=5)),
    wait_given=True,
    result_url="https://example.org/results?list=7",
)
TABLE = [
    ("bare executemany, one transaction", "bare_rows_per_s", "rows/s"),
    (f"list, durable slices of {SLICE:,}", "import_rows_per_s", "rows/s"),
    ("  as a share of bare", "import_share_of_bare", ""),
    (f"single calls, {CLIENTS} clients, durable", "singles_per_s", "calls/s"),
    ("life cycle of calls of a list", "life_cycles_per_s", "calls/s"),
    ("  processor time of all threads", "life_cycle_cpu_us", "us/call"),
    ("life cycle of single calls", "life_cycles_of_singles_per_s", "calls/s"),
]
"""What is printed of the figures, in this order."""
DIALOG = Dialog(to_tag="7f3a", remote_target="sip:callee@192.0.2.7:5060", route_set=(), cseq=1)


def contacts(count: int) -> list[Contact]:
    """Different people with three variables each."""
    dial = parse_dial_string("+16175550100")
    return [
        Contact(
            dial=dial,
            variables={"first_name": f"name{n}", "balance": n * 0.25, "city": "Boston"},
        )
        for n in range(count)
    ]


def furnish(tx: WriteTx) -> tuple[DeploymentId, UserId]:
    account = tx.add_account("bench", NOW)
    tx.add_user(account, "bench@example.org", b"", is_admin=False, now=NOW)
    user = tx.user_by_email("bench@example.org")
    assert user is not None
    program = tx.add_program(Product.FUSE, user, "bench", metadatabase=None, script="{}", now=NOW)
    deployment = tx.add_deployment(
        program,
        label="",
        script="{}",
        variables={},
        caller_id="",
        trunk="main",
        expires_at=None,
        max_responses=None,
        now=NOW,
    )
    return deployment, user.id


def bare_rows_per_s(folder: Path, rows: list[Contact]) -> float:
    """The limit: one `executemany` of ready values in one transaction, made durable."""
    connection = open_writer(folder / "bare.db", server=True)
    connection.pragma("foreign_keys", False)
    ready = [(n, 1, *call_values([contact])) for n, contact in enumerate(rows, start=1)]
    began = time.perf_counter()
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(QUERIES["add_call"], ready)
    connection.execute("COMMIT")
    took = time.perf_counter() - began
    connection.close()
    return len(rows) / took


async def import_rows_per_s(
    store: SqliteStore, place: tuple[DeploymentId, UserId], rows: list[Contact]
) -> float:
    """A list in slices, each a durable transaction, then live."""
    began = time.perf_counter()
    batch = await store.write(lambda tx: tx.open_batch(*place, SCHEDULE, NOW), lane=Lane.INTAKE)
    for start in range(0, len(rows), SLICE):
        part = rows[start : start + SLICE]
        await store.write(lambda tx, part=part: tx.add_calls(batch, part), lane=Lane.IMPORT)
    await store.write(lambda tx: tx.go_live(batch, NOW), lane=Lane.INTAKE)
    return len(rows) / (time.perf_counter() - began)


async def singles_per_s(
    store: SqliteStore, place: tuple[DeploymentId, UserId], rows: list[Contact]
) -> float:
    """Single calls, each acknowledged when it is on disk."""
    waiting = iter(rows)

    def queue(contact: Contact) -> Callable[[WriteTx], CallId]:
        return lambda tx: tx.add_call(*place, SCHEDULE, contact, NOW)

    async def client() -> None:
        for contact in waiting:
            await store.write(queue(contact), lane=Lane.INTAKE)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return len(rows) / (time.perf_counter() - began)


async def life_cycles_per_s(store: SqliteStore, calls: int) -> float:
    """Claimed and written down, answered, ended with a notice: three durable steps a call."""
    ids = itertools.count()
    style = NoticeStyle(new_id=lambda: f"msg_{next(ids)}")
    slices = iter([min(CLAIMS, calls - done) for done in range(0, calls, CLAIMS)])

    async def dial() -> None:
        for limit in slices:
            started = await store.write(partial(begin_slice, limit, style))
            assert len(started.begun) == limit, "the queue ran dry"
            holds = [
                Hold(begun.claim.call_id, begun.claim.attempt, OWNER) for begun in started.begun
            ]
            await store.write(partial(answer_slice, holds))
            await store.write(partial(finish_slice, holds, style))

    began = time.perf_counter()
    await asyncio.gather(*(dial() for _ in range(DIALLERS)))
    return calls / (time.perf_counter() - began)


def begin_slice(limit: int, style: NoticeStyle, tx: WriteTx) -> Started:
    claims = claim_due_calls(tx, OWNER, ("main",), limit, NOW).claims
    return begin_attempts(tx, claims, intent, NOW, style)


def answer_slice(holds: Sequence[Hold], tx: WriteTx) -> None:
    heard = [Progress(hold=hold, answered_at=NOW, dialog=DIALOG) for hold in holds]
    assert len(tx.note_progress(heard)) == len(holds)


def finish_slice(holds: Sequence[Hold], style: NoticeStyle, tx: WriteTx) -> None:
    endings = [
        Ending(
            call_id=hold.call_id,
            attempt=hold.attempt,
            owner=OWNER,
            at=NOW,
            outcome=Outcome.ANSWERED,
            sip_code=200,
        )
        for hold in holds
    ]
    assert None not in finish_attempts(tx, endings, NOW, style)


def intent(claim: Claim, caller_id: str) -> Intent:
    return Intent(
        call_id=claim.call_id,
        attempt=claim.attempt,
        owner=OWNER,
        at=NOW,
        trunk="main",
        number=claim.contact.dial.number.e164,
        caller_id=caller_id or "+16175550199",
        sip_call_id=f"{claim.call_id}-{claim.attempt}@bench",
        from_tag="5e2c",
        branch="z9hG4bK77ef4c",
        cseq=1,
        local_sip="127.0.0.1:5060",
    )


async def measure(folder: Path, rows: int, calls: int) -> dict[str, float]:
    people = contacts(rows)
    # A server holds no list in memory: the collector shall not walk ours again and again.
    spare_what_stands()
    bare = bare_rows_per_s(folder, people)
    store = open_sqlite_store(folder / "calls.db", server=True)
    place = await store.write(furnish)
    imported = await import_rows_per_s(store, place, people)
    cpu_began = time.process_time()
    lives = await life_cycles_per_s(store, calls)
    life_cpu = time.process_time() - cpu_began
    singles = await singles_per_s(store, place, people[:calls])
    lives_of_singles = await life_cycles_per_s(store, calls)
    counts = await store.read(lambda tx: tx.queue_counts())
    assert counts.waiting == rows - calls
    assert counts.notices_pending == 2 * calls
    await store.close()
    return {
        "bare_rows_per_s": bare,
        "import_rows_per_s": imported,
        "import_share_of_bare": imported / bare,
        "life_cycles_per_s": lives,
        "life_cycle_cpu_us": life_cpu / calls * 1e6,
        "singles_per_s": singles,
        "life_cycles_of_singles_per_s": lives_of_singles,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the list")
    parser.add_argument("--calls", type=int, default=20_000, help="calls of each life cycle")
    parser.add_argument("--folder", type=Path, help="where the files are made and left")
    options = parser.parse_args()
    if options.calls > options.rows:
        parser.error("--calls must not be more than --rows")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        figures = uvloop.run(measure(folder, options.rows, options.calls))
    print(f"a list of {options.rows:,} rows; {options.calls:,} calls of each kind")
    for label, name, unit in TABLE:
        print(f"  {label:<40}{figures[name]:>12,.2f} {unit}")
    rounded = {name: round(value, 3) for name, value in figures.items()}
    print(json.dumps({"bench": "store_life_cycle", **rounded}))


if __name__ == "__main__":
    main()
