"""Looking through calls, batches, notices and keys."""

from seeking import everything, whose
from store_world import (
    NOON,
    World,
    after,
    claim_due_notices,
    contacts,
    end,
    hold_of,
    retry,
)
from store_world import schedule as plan

from callwright.domain.api_key import ApiKeyId, Scope
from callwright.domain.ids import AccountId, BatchId, CallId, NoticeId, OwnerId, UserId
from callwright.domain.notice import Delivery, NoticeState
from callwright.ports.control import BatchState, CallsSought, Whose
from callwright.ports.motion import Progress
from callwright.ports.store import NewNotice, TriedNotice, WriteTx
from callwright.service.authenticate import hash_key


def test_a_page_says_where_to_go_on_and_the_last_one_does_not(world: World) -> None:
    for number in range(7):
        world.queue(number=number)
    sought = CallsSought(whose=whose(world))
    first = world.read(lambda tx: tx.find_calls(sought, below=None, limit=3, now=NOON))
    assert [call.id for call in first.calls] == [7, 6, 5]
    world.queue()
    second = world.read(lambda tx: tx.find_calls(sought, below=first.looked_to, limit=3, now=NOON))
    assert [call.id for call in second.calls] == [4, 3, 2]
    third = world.read(lambda tx: tx.find_calls(sought, below=second.looked_to, limit=3, now=NOON))
    assert ([call.id for call in third.calls], third.looked_to) == ([1], None)


def test_conditions_are_all_met(world: World) -> None:
    world.queue(number=1)
    other = world.deploy()
    world.queue(number=21, deployment=other, now=after(10))

    def found(**conditions: object) -> list[int]:
        sought = CallsSought(whose=whose(world), **conditions)  # type: ignore[arg-type]
        return list(everything(world, sought, after(20)))

    assert found() == [2, 1]
    assert found(number_ends="1") == [2, 1]
    assert found(number_ends="21") == [2]
    assert found(deployment_id=other) == [2]
    assert found(deployment_id=other, number_ends="01") == []
    assert found(queued_from=after(10)) == [2]
    assert found(queued_before=after(10)) == [1]


def test_only_what_is_ones_own_is_found(world: World) -> None:
    world.queue()
    account = world.user.account_id
    for mine, count in (
        (Whose(account_id=account, user_id=None), 1),
        (Whose(account_id=account, user_id=UserId(99)), 0),
        (Whose(account_id=AccountId(99), user_id=None), 0),
    ):
        assert len(everything(world, CallsSought(whose=mine), NOON)) == count
        found = world.read(
            lambda tx, m=mine: tx.next_calls(CallsSought(whose=m), above=None, look=9, now=NOON)
        )
        assert len(found.calls) == count


def test_a_list_that_loads_is_seen_as_a_batch_and_its_calls_are_not(world: World) -> None:
    batch = world.write(lambda tx: tx.open_batch(world.deployment, world.user.id, plan(), NOON))
    world.write(lambda tx: tx.add_calls(batch, contacts(4)))
    found = world.read(lambda tx: tx.batch(batch))
    assert found is not None
    assert (found.state, found.calls, found.is_list) == (BatchState.LOADING, 4, True)
    assert everything(world, CallsSought(whose=whose(world)), NOON) == []
    assert world.read(lambda tx: tx.batch_counts(batch, NOON)) == {}
    listed = world.read(
        lambda tx: tx.batches(
            whose(world), deployment_id=None, state=BatchState.LOADING, below=None, limit=9
        )
    )
    assert [item.id for item in listed] == [batch]
    world.write(lambda tx: tx.drop_batch(batch))
    assert world.read(lambda tx: tx.batch(batch)) is None


def test_going_up_in_pieces_meets_every_call_once(world: World) -> None:
    for number in range(5):
        world.queue(number=number)
    batch = world.write(lambda tx: tx.open_batch(world.deployment, world.user.id, plan(), NOON))
    world.write(lambda tx: tx.add_calls(batch, contacts(4)))
    world.write(lambda tx: tx.go_live(batch, NOON))
    for sought, wanted in (
        (CallsSought(whose=whose(world)), list(range(1, 10))),
        (CallsSought(whose=whose(world), batch_id=batch), list(range(6, 10))),
    ):
        met: list[int] = []
        above: CallId | None = None
        while True:
            found = world.read(
                lambda tx, a=above, s=sought: tx.next_calls(s, above=a, look=2, now=NOON)
            )
            met += [call.id for call in found.calls]
            above = found.looked_to
            if above is None:
                break
        assert met == wanted


def test_the_facts_of_a_call_hold_every_attempt(world: World) -> None:
    call = world.queue()
    active = world.dial()
    heard = Progress(hold=hold_of(active), remote_address="192.0.2.1:5060", rang_at=after(1))
    world.write(lambda tx: tx.note_progress([heard]))
    world.write(lambda tx: retry(tx, active, end(at=after(5)), after(65)))
    facts = world.read(lambda tx: tx.call_facts(call))
    (attempt,) = facts.attempts
    assert (attempt.trunk, attempt.remote_address) == ("main", "192.0.2.1:5060")
    assert (attempt.rang_at, attempt.ended_at) == (after(1), after(5))
    assert (attempt.sip_code, attempt.sip_call_id) == (486, f"c{call}-1")
    assert facts.next_attempt_at == after(65)
    again = world.queue()
    world.write(lambda tx: tx.note_retry(again, call))
    assert world.read(lambda tx: tx.call_facts(call)).retried_by == [again]
    assert world.read(lambda tx: tx.call_facts(again)).retry_of == call


def test_a_list_of_calls_is_copied_and_each_copy_names_its_original(world: World) -> None:
    old = [world.queue(number=number) for number in range(5)]

    def load(tx: WriteTx) -> BatchId:
        batch = tx.open_batch(world.deployment, world.user.id, plan(), NOON)
        tx.add_calls(batch, contacts(1))
        tx.add_retries(batch, old[1:3])
        tx.add_retries(batch, old[4:])
        return batch

    batch = world.write(load)
    assert world.read(lambda tx: tx.calls_retried(old)) == {old[1], old[2], old[4]}
    world.write(lambda tx: tx.go_live(batch, NOON))
    copies = world.read(lambda tx: tx.batch_calls(batch, NOON, 10))[1:]
    for copy, original in zip(copies, (old[1], old[2], old[4]), strict=True):
        assert copy.contact == world.details(original).contact
        facts = world.read(lambda tx, c=copy.id: tx.call_facts(c))
        assert facts.retry_of == original


def test_copies_of_a_dropped_list_are_forgotten(world: World) -> None:
    old = [world.queue(number=number) for number in range(3)]
    batch = world.write(lambda tx: tx.open_batch(world.deployment, world.user.id, plan(), NOON))
    world.write(lambda tx: tx.add_retries(batch, old))
    world.write(lambda tx: tx.drop_batch(batch))
    assert world.read(lambda tx: tx.calls_retried(old)) == set()
    again = world.write(lambda tx: tx.open_batch(world.deployment, world.user.id, plan(), NOON))
    world.write(lambda tx: tx.add_retries(again, old))
    assert world.write(lambda tx: tx.go_live(again, NOON)) == 3


def test_a_notice_can_be_sent_again_unless_it_is_being_sent(world: World) -> None:
    call = world.queue()

    def owe(tx: WriteTx) -> None:
        notice = NewNotice(
            call_id=call,
            url="http://x/",
            webhook_id="msg_1",
            content_type="application/json",
            body=b"{}",
        )
        tx.add_notices([notice], NOON)

    world.write(owe)
    owner = OwnerId("pump")
    world.write(lambda tx: tx.add_owner(owner, NOON))
    (notice,) = world.write(lambda tx: claim_due_notices(tx, owner, NOON, 5))
    assert world.write(lambda tx: tx.replay_notice(notice.id, NOON)) is False
    tried = TriedNotice(
        id=notice.id,
        at=after(1),
        ended_at=after(2),
        delivery=Delivery(status=410, took_ms=7),
        state=NoticeState.DEAD,
        due_at=None,
    )
    world.write(lambda tx: tx.note_deliveries(owner, [tried]))
    stored = world.read(lambda tx: tx.notice_of_call(call))
    assert stored is not None
    assert (stored.state, stored.tries, stored.due_at) == (NoticeState.DEAD, 1, None)
    (told,) = world.read(lambda tx: tx.notice_tries(notice.id))
    assert (told.number, told.status, told.took_ms) == (1, 410, 7)
    assert world.write(lambda tx: tx.replay_notice(notice.id, after(60))) is True
    (again,) = world.write(lambda tx: claim_due_notices(tx, owner, after(60), 5))
    assert (again.body, again.webhook_id, again.tries) == (b"{}", "msg_1", 1)
    for state, ids in ((NoticeState.PENDING, [notice.id]), (NoticeState.DEAD, []), (None, [1])):
        found = world.read(
            lambda tx, s=state: tx.notices(whose(world), state=s, below=None, limit=5)
        )
        assert [item.id for item in found.notices] == ids
    assert world.read(lambda tx: tx.notice(NoticeId(99))) is None


def test_keys_are_found_by_their_hash_and_revoked_once(world: World) -> None:
    key_id = world.write(
        lambda tx: tx.add_api_key(
            world.user.id,
            "cron",
            hash_key("k"),
            frozenset({Scope.READ, Scope.QUEUE}),
            expires_at=after(60),
            now=NOON,
        )
    )
    key = world.read(lambda tx: tx.api_key_by_hash(hash_key("k")))
    assert key is not None
    assert (key.id, key.name, key.scopes) == (key_id, "cron", {Scope.READ, Scope.QUEUE})
    assert key.is_valid(after(59))
    assert not key.is_valid(after(60))
    assert world.read(lambda tx: tx.api_key_by_hash(hash_key("other"))) is None
    for seconds in (1, 2):
        world.write(lambda tx, s=seconds: tx.revoke_api_key(key_id, after(s)))
    (revoked,) = world.read(lambda tx: tx.api_keys(world.user.id))
    assert revoked.revoked_at == after(1)
    assert world.read(lambda tx: tx.api_key(ApiKeyId(99))) is None
    user = world.read(lambda tx: tx.user(world.user.id))
    assert user == world.user
    assert world.read(lambda tx: tx.user(UserId(99))) is None


def test_ids_that_no_row_can_have_are_simply_not_there(world: World) -> None:
    huge = 2**70
    assert world.read(lambda tx: tx.batch(BatchId(huge))) is None
    assert world.read(lambda tx: tx.notice(NoticeId(huge))) is None
    assert world.read(lambda tx: tx.api_key(ApiKeyId(huge))) is None
