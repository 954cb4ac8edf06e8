"""How calls come in: single calls, lists that go live as a whole, and lists that never do."""

import pytest
from store_world import NOON, World, after, contact, contacts, schedule

from callwright.domain.call import Contact, Schedule
from callwright.domain.ids import CallId, DeploymentId
from callwright.domain.lifecycle import CallState
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.errors import FieldInvalid
from callwright.ports.store import WriteTx


def test_a_single_call_is_queued_with_all_it_was_given(world: World) -> None:
    plan = Schedule(
        window=Window(opens_at=after(0.000001), closes_at=after(86_400)),
        start_given=True,
        retry=RetryPolicy(max_attempts=10, wait=after(0.5) - NOON),
        wait_given=True,
        result_url="https://example.org/ä?x=1",
        is_pci=True,
    )
    call = world.queue(plan, number=7, now=after(0.25))
    details = world.details(call)
    assert details.schedule == plan
    assert details.contact == contact(7)
    assert (details.queued_at, details.state, details.attempts) == (
        after(0.25),
        CallState.QUEUED,
        (),
    )
    assert (details.deployment_id, details.user_id, details.account_id) == (
        world.deployment,
        world.user.id,
        world.user.account_id,
    )
    assert world.read(lambda tx: tx.batch_calls(details.batch_id, NOON, 10)) == [details]


def test_variables_come_back_as_they_were(world: World) -> None:
    variables = {"s": "a\x00b\n\u2028'\"", "n": -1.5e300, "big": 10**20, "t": False, "": None}
    given = Contact(dial=contact().dial, variables=variables)
    call = world.write(
        lambda tx: tx.add_call(world.deployment, world.user.id, schedule(), given, NOON)
    )
    back = world.details(call).contact.variables
    assert back == variables
    assert [type(value) for value in back.values()] == [type(v) for v in variables.values()]


def test_text_that_is_no_unicode_is_refused_and_nothing_is_queued(world: World) -> None:
    bad = Contact(dial=contact().dial, variables={"name": "half \ud800"})
    with pytest.raises(FieldInvalid):
        world.write(lambda tx: tx.add_call(world.deployment, world.user.id, schedule(), bad, NOON))
    assert world.read(lambda tx: tx.queue_counts()).waiting == 0


def test_a_call_of_no_deployment_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="FOREIGN KEY"):
        world.queue(deployment=DeploymentId(99))
    assert world.read(lambda tx: tx.queue_counts()).waiting == 0


def test_a_naive_time_is_refused(world: World) -> None:
    with pytest.raises(TypeError):
        world.queue(now=NOON.replace(tzinfo=None))


def test_nobody_sees_a_list_that_is_being_loaded(world: World) -> None:
    batch = world.load(3)
    assert world.read(lambda tx: tx.batch_calls(batch, NOON, 10)) == []
    assert world.read(lambda tx: tx.queue_counts()).waiting == 0
    assert world.read(lambda tx: tx.call_details(CallId(1), NOON)) is None
    assert world.next_due_at() is None
    assert world.claim() == []


def test_a_list_goes_live_as_a_whole_and_in_order(world: World) -> None:
    batch = world.load(3, 2)
    assert world.write(lambda tx: tx.go_live(batch, after(9))) == 5
    calls = world.read(lambda tx: tx.batch_calls(batch, NOON, 10))
    assert [call.contact for call in calls] == contacts(5)
    assert {call.batch_id for call in calls} == {batch}
    assert {call.queued_at for call in calls} == {after(9)}
    assert world.read(lambda tx: tx.batch_calls(batch, NOON, 2)) == calls[:2]
    assert world.read(lambda tx: tx.batch_calls(batch, NOON, 0)) == []
    assert world.read(lambda tx: tx.queue_counts()).waiting == 5


def test_an_empty_list_goes_live_with_no_calls(world: World) -> None:
    batch = world.load()
    assert world.write(lambda tx: tx.go_live(batch, NOON)) == 0
    assert world.read(lambda tx: tx.batch_calls(batch, NOON, 10)) == []
    assert world.claim() == []


def test_lists_that_are_loaded_at_once_keep_their_own_order(world: World) -> None:
    first, second = world.load(), world.load()
    expected = {first: [], second: []}
    number = 0
    for size in (1, 1, 5, 2, 40, 3):
        for batch in (first, second):
            part = [contact(number + offset) for offset in range(size)]
            number += size
            expected[batch] += part
            world.write(lambda tx, batch=batch, part=part: tx.add_calls(batch, part))
        world.queue(number=9999)
    for batch in (second, first):
        assert world.write(lambda tx, batch=batch: tx.go_live(batch, NOON)) == 52
        calls = world.read(lambda tx, batch=batch: tx.batch_calls(batch, NOON, 100))
        assert [call.contact for call in calls] == expected[batch]
    ids = [call.id for batch in (first, second) for call in _calls(world, batch)]
    assert len(set(ids)) == 104


def _calls(world: World, batch: object) -> list:
    return list(world.read(lambda tx: tx.batch_calls(batch, NOON, 1000)))


def test_a_live_list_takes_no_more_calls_and_goes_live_once(world: World) -> None:
    batch = world.queue_list(2)
    with pytest.raises(ValueError, match="not being loaded"):
        world.write(lambda tx: tx.add_calls(batch, contacts(1)))
    with pytest.raises(ValueError, match="not being loaded"):
        world.write(lambda tx: tx.go_live(batch, NOON))
    assert world.read(lambda tx: tx.queue_counts()).waiting == 2


def test_a_live_list_cannot_be_dropped(world: World) -> None:
    batch = world.queue_list(2)
    world.write(lambda tx: tx.drop_batch(batch))
    assert len(_calls(world, batch)) == 2
    assert len(world.claim()) == 2


def test_a_dropped_list_is_forgotten(world: World) -> None:
    batch = world.load(30)
    world.write(lambda tx: tx.drop_batch(batch))
    world.write(lambda tx: tx.drop_batch(batch))
    with pytest.raises(ValueError, match="not being loaded"):
        world.write(lambda tx: tx.add_calls(batch, contacts(1)))
    with pytest.raises(ValueError, match="not being loaded"):
        world.write(lambda tx: tx.go_live(batch, NOON))
    assert world.read(lambda tx: tx.batch_calls(batch, NOON, 10)) == []
    assert world.claim() == []


def test_unfinished_lists_are_dropped_and_live_ones_stay(world: World) -> None:
    live = world.queue_list(4)
    unfinished = [world.load(5), world.load()]
    assert world.write(lambda tx: tx.drop_unfinished_batches()) == 2
    assert world.write(lambda tx: tx.drop_unfinished_batches()) == 0
    for batch in unfinished:
        with pytest.raises(ValueError, match="not being loaded"):
            world.write(lambda tx, batch=batch: tx.go_live(batch, NOON))
    assert len(_calls(world, live)) == 4


def test_ids_of_dropped_lists_are_not_given_to_others(world: World) -> None:
    batch = world.load(30)
    world.write(lambda tx: tx.drop_batch(batch))
    call = world.queue(number=1)
    assert world.details(call).contact == contact(1)
    assert call > 30


def test_twenty_thousand_rows_go_in_and_come_out_once_each(world: World) -> None:
    batch = world.load()
    rows = contacts(1000)
    for _ in range(20):
        world.write(lambda tx: tx.add_calls(batch, rows))
    world.write(lambda tx: tx.add_calls(batch, rows[:7]))

    def go(tx: WriteTx) -> int:
        return tx.go_live(batch, NOON)

    assert world.write(go) == 20_007
    taken = []
    while claims := world.claim(3000):
        taken += [claim.call_id for claim in claims]
    assert taken == sorted(set(taken))
    assert len(taken) == 20_007
    assert world.read(lambda tx: tx.queue_counts()).active == 20_007
