"""What was acknowledged is there after `kill -9`, and nothing is half there."""

import asyncio
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from store_world import NOON, OWNER, claim_due_notices, furnish

from callwright.domain.ids import CallId
from callwright.domain.lifecycle import CallState
from callwright.store.sqlite import open_sqlite_store

RUN_S = 0.5

CHILD = """
import asyncio, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from store_world import NOON, OWNER, begin, contact, end, finish, intent, schedule
from callwright.domain.ids import DeploymentId, UserId
from callwright.domain.lifecycle import CallState
from callwright.domain.outcome import Outcome
from callwright.ports.store import NewNotice
from callwright.service.claim_calls import claim_due_calls
from callwright.store.sqlite import open_sqlite_store

def add(tx):
    return tx.add_call(DeploymentId(1), UserId(1), schedule(), contact(7), NOON)

def end_one(tx):
    for claim in claim_due_calls(tx, OWNER, ("main",), 1, NOON).claims:
        assert begin(tx, intent(claim))
        active = tx.active_call(claim.call_id, claim.attempt, OWNER)
        busy = end(Outcome.BUSY)
        assert finish(tx, active, busy, CallState.EXHAUSTED, NOON)
        notice = NewNotice(call_id=claim.call_id, url="u", webhook_id="w", content_type="t",
                           body=b"b")
        tx.add_notices([notice], NOON)
        return claim.call_id

async def work(store):
    while True:
        print("queued", await store.write(add), flush=True)
        done = await store.write(end_one)
        if done is not None:
            print("ended", done, flush=True)

async def main():
    store = open_sqlite_store(Path(sys.argv[1]), server=True)
    await asyncio.gather(*(work(store) for _ in range(8)))

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "calls.db"

    async def prepare() -> None:
        store = open_sqlite_store(path, server=True)
        await store.write(furnish)
        await store.close()

    asyncio.run(prepare())
    lines = _run_and_kill(path)
    told = [(word, CallId(int(number))) for word, number in map(str.split, lines)]
    queued = {call for word, call in told if word == "queued"}
    ended = {call for word, call in told if word == "ended"}
    assert len(queued) > 10
    assert len(ended) > 10

    async def look() -> None:
        store = open_sqlite_store(path, server=True)
        for call in queued:
            details = await store.read(lambda tx, c=call: tx.call_details(c, NOON))
            assert details is not None
            whole = (details.state, len(details.attempts))
            assert whole in ((CallState.QUEUED, 0), (CallState.EXHAUSTED, 1))
            assert call not in ended or details.state is CallState.EXHAUSTED
        notices = await store.write(lambda tx: claim_due_notices(tx, OWNER, NOON, 10**6))
        assert ended <= {notice.call_id for notice in notices}
        counts = await store.read(lambda tx: tx.queue_counts())
        assert counts.active == 0
        assert counts.waiting + len(notices) >= len(queued)
        await store.close()

    asyncio.run(look())


def _run_and_kill(path: Path) -> list[str]:
    """What a process told of its work before it was killed in the middle of it."""
    here = str(Path(__file__).parent)
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), here], stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout is not None
        assert select.select([child.stdout], [], [], 20)[0], "the child never began"
        time.sleep(RUN_S)
        child.send_signal(signal.SIGKILL)
        told = child.stdout.read()
    # The last line may have been cut off by the kill.
    return told[: told.rfind("\n") + 1].splitlines()
