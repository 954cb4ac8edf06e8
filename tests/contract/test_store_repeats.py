"""Requests that may come twice, and the files that lists came from."""

from datetime import timedelta

from store_world import NOON, World, after, schedule

from callwright.domain.ids import BatchId, DeploymentId, UserId
from callwright.ports.repeats import Answer, RepeatableRequest

ANSWER = Answer(
    status=200,
    headers=(("Content-Type", "application/json"), ("Link", '<http://x/1>; rel="status"')),
    body=b'{"call_id":1}',
)


def request(world: World, key: str = "k", asked: bytes = b"one") -> RepeatableRequest:
    return RepeatableRequest(user_id=world.user.id, key=key, fingerprint=asked)


def test_an_answer_is_kept_byte_for_byte(world: World) -> None:
    world.write(lambda tx: tx.keep_answer(request(world), ANSWER, NOON))
    kept = world.read(lambda tx: tx.kept_request(world.user.id, "k"))
    assert kept is not None
    assert (kept.fingerprint, kept.at, kept.answer) == (b"one", NOON, ANSWER)


def test_a_key_is_its_users_own_word(world: World) -> None:
    world.write(lambda tx: tx.keep_answer(request(world), ANSWER, NOON))
    assert world.read(lambda tx: tx.kept_request(UserId(99), "k")) is None
    assert world.read(lambda tx: tx.kept_request(world.user.id, "K")) is None


def test_a_list_that_loads_is_kept_without_an_answer_until_it_has_one(world: World) -> None:
    batch = world.load(2)
    world.write(lambda tx: tx.reserve_request(request(world), batch, NOON))
    kept = world.read(lambda tx: tx.kept_request(world.user.id, "k"))
    assert kept is not None
    assert (kept.answer, kept.batch_id) == (None, batch)
    world.write(lambda tx: tx.keep_answer(request(world), ANSWER, after(1)))
    kept = world.read(lambda tx: tx.kept_request(world.user.id, "k"))
    assert kept is not None
    assert (kept.answer, kept.batch_id) == (ANSWER, None)


def test_a_list_that_was_dropped_leaves_nothing_behind(world: World) -> None:
    batch = world.load(2)
    world.write(lambda tx: tx.reserve_request(request(world), batch, NOON))
    world.write(lambda tx: tx.drop_batch(batch))
    assert world.read(lambda tx: tx.kept_request(world.user.id, "k")) is None


def test_old_requests_are_forgotten_the_oldest_first(world: World) -> None:
    for number in range(3):
        one = request(world, f"k{number}")
        world.write(lambda tx, one=one, at=number: tx.keep_answer(one, ANSWER, after(at)))  # type: ignore[misc]
    assert world.write(lambda tx: tx.forget_requests(after(2), 1)) == 1
    assert world.read(lambda tx: tx.kept_request(world.user.id, "k0")) is None
    assert world.read(lambda tx: tx.kept_request(world.user.id, "k1")) is not None
    assert world.write(lambda tx: tx.forget_requests(after(2), 9)) == 1
    assert world.read(lambda tx: tx.kept_request(world.user.id, "k2")) is not None


def test_the_same_file_is_noticed_on_its_deployment_for_a_while(world: World) -> None:
    other = world.deploy()

    def queue(at_s: float, file_hash: bytes = b"hash", deployment: DeploymentId | None = None):  # type: ignore[no-untyped-def]
        batch = world.queue_list(1, deployment=deployment, now=after(at_s))
        target = deployment or world.deployment
        world.write(lambda tx: tx.note_list_file(batch, target, file_hash, after(at_s)))
        return batch

    def same(batch: BatchId) -> BatchId | None:
        return world.read(lambda tx: tx.list_of_same_file(batch, timedelta(hours=1)))

    first, again, third = queue(0), queue(60), queue(90)
    assert (same(first), same(again), same(third)) == (None, first, again)
    assert same(queue(100, b"else")) is None
    assert same(queue(100, deployment=other)) is None
    assert same(queue(90 + 3600)) == third
    assert same(queue(2 * 3600 + 91)) is None
    assert same(world.queue_list(1)) is None


def test_the_latest_request_under_a_key_replaces_the_one_before(world: World) -> None:
    batch = world.load(1, plan=schedule())
    world.write(lambda tx: tx.reserve_request(request(world, "one"), batch, NOON))
    world.write(lambda tx: tx.reserve_request(request(world, "one", b"two"), batch, after(1)))
    kept = world.read(lambda tx: tx.kept_request(world.user.id, "one"))
    assert kept is not None
    assert (kept.fingerprint, kept.at) == (b"two", after(1))
