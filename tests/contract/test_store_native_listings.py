"""Looking through calls, batches, notices and keys."""

import asyncio
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from store_world import (
    NOON,
    OPENERS,
    OWNER,
    World,
    after,
    begin,
    claim_due_notices,
    contacts,
    end,
    finish,
    furnish,
    hold_of,
    intent,
    retry,
)
from store_world import schedule as plan

from callwright.domain.api_key import ApiKeyId, Scope
from callwright.domain.ids import AccountId, BatchId, CallId, NoticeId, OwnerId, UserId
from callwright.domain.lifecycle import CallState, next_state
from callwright.domain.notice import Delivery, NoticeState
from callwright.domain.outcome import Outcome
from callwright.ports.control import BatchState, CallsSought, Whose
from callwright.ports.motion import Progress
from callwright.ports.store import NewNotice, TriedNotice, WriteTx
from callwright.service.authenticate import hash_key
from callwright.service.claim_calls import claim_due_calls

MOVES = ("single", "list", "claim", "busy", "answer", "release", "cancel", "cancel list", "settle")


def whose(world: World) -> Whose:
    return Whose(account_id=world.user.account_id, user_id=world.user.id)


def everything(world: World, sought: CallsSought, now: datetime, limit: int = 3) -> list[CallId]:
    """All pages of a search."""
    found: list[CallId] = []
    below: CallId | None = None
    while True:
        page = world.read(lambda tx, b=below: tx.find_calls(sought, below=b, limit=limit, now=now))
        found += [call.id for call in page.calls]
        below = page.looked_to
        if below is None:
            return found


class Life:
    """Moves of a queue, drawn at random; each does what it can and else nothing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seconds = 0.0
        self.batches: list[BatchId] = []
        self.calls: list[CallId] = []

    @property
    def now(self) -> datetime:
        return after(self.seconds)

    def move(self, name: str, number: int) -> None:
        self.seconds += 1
        getattr(self, "do_" + name.replace(" ", "_"))(number)

    def do_single(self, number: int) -> None:
        when = plan(self.seconds, self.seconds + 7 if number % 3 == 0 else None)
        self.calls.append(self.world.queue(when, number=number, now=self.now))

    def do_list(self, number: int) -> None:
        def work(tx: WriteTx) -> BatchId:
            when = plan(self.seconds, self.seconds + 9 if number % 2 else None)
            batch = tx.open_batch(self.world.deployment, self.world.user.id, when, self.now)
            tx.add_calls(batch, contacts(number % 5 + 1))
            tx.go_live(batch, self.now)
            return batch

        batch = self.world.write(work)
        self.batches.append(batch)
        self.calls += [
            call.id for call in self.world.read(lambda tx: tx.batch_calls(batch, self.now, 10))
        ]

    def do_claim(self, number: int) -> None:
        def work(tx: WriteTx) -> None:
            for claim in claim_due_calls(tx, OWNER, ("main",), number % 4 + 1, self.now).claims:
                if number % 5:
                    begin(tx, intent(claim, self.now))

        self.world.write(work)

    def do_busy(self, number: int) -> None:
        self._end(Outcome.BUSY, number)

    def do_answer(self, number: int) -> None:
        self._end(Outcome.ANSWERED, number)

    def do_release(self, number: int) -> None:
        def work(tx: WriteTx) -> None:
            for active in tx.active_calls(OWNER):
                if active.state is CallState.CLAIMED:
                    tx.release_claim(active, self.now)

        self.world.write(work)

    def do_cancel(self, number: int) -> None:
        if self.calls:
            call = self.calls[number % len(self.calls)]
            details = self.world.read(lambda tx: tx.call_details(call, self.now))
            if details is not None and not details.state.is_final:
                self.world.write(lambda tx: tx.cancel_call(call, self.now))

    def do_cancel_list(self, number: int) -> None:
        if self.batches:
            batch = self.batches[number % len(self.batches)]
            self.world.write(lambda tx: tx.cancel_batch(batch, self.now))

    def do_settle(self, number: int) -> None:
        def work(tx: WriteTx) -> None:
            taken = tx.take_ending_calls(self.now, number % 5 + 1)
            tx.end_waiting_calls([(one, next_state(one.from_state, one.event)) for one in taken])

        self.world.write(work)

    def _end(self, outcome: Outcome, number: int) -> None:
        def work(tx: WriteTx) -> None:
            for active in tx.active_calls(OWNER)[: number % 3 + 1]:
                if active.state is not CallState.DIALING:
                    continue
                over = end(outcome, self.now)
                if outcome is Outcome.BUSY and active.counted < 3:
                    retry(tx, active, over, after(self.seconds + 2))
                else:
                    finish(tx, active, over, CallState.EXHAUSTED, self.now)

        self.world.write(work)


@pytest.mark.parametrize("opener", sorted(OPENERS))
@hypothesis_settings(max_examples=25)
@given(moves=st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 20)), max_size=30))
def test_searches_and_counts_agree_with_each_calls_own_state(
    opener: str, moves: list[tuple[str, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:

    store = OPENERS[opener](tmp_path_factory.mktemp("life"))
    with asyncio.Runner() as runner:
        user, deployment = runner.run(store.write(furnish))
        world = World(store, runner, user, deployment)
        life = Life(world)
        for name, number in moves:
            life.move(name, number)
        details = [world.read(lambda tx, c=c: tx.call_details(c, life.now)) for c in life.calls]
        states = {call.id: call.state for call in details if call is not None}
        assert len(states) == len(life.calls)
        for state in CallState:
            sought = CallsSought(whose=whose(world), state=state)
            wanted = sorted((call for call in states if states[call] is state), reverse=True)
            assert everything(world, sought, life.now) == wanted
        for batch in life.batches:
            counts = world.read(lambda tx, b=batch: tx.batch_counts(b, life.now))
            of_batch = [call.state for call in details if call and call.batch_id == batch]
            # One call cancelled out of a list counts as waiting until it is settled.
            if not world.read(lambda tx: tx.next_closing_at()):
                assert counts == {state: of_batch.count(state) for state in set(of_batch)}
            assert sum(counts.values()) == len(of_batch)
        runner.run(store.close())


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
