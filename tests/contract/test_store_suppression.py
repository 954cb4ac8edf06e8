"""Numbers that an account never calls again."""

from store_world import NOON, World, after

from callwright.domain.ids import CallId
from callwright.domain.phone import PhoneNumber

ANN, BOB = PhoneNumber("+16175550100"), PhoneNumber("+16175550101")


def test_a_number_is_on_its_accounts_list_only(world: World) -> None:
    mine = world.user.account_id
    other = world.write(lambda tx: tx.add_account("other", NOON))
    assert world.write(lambda tx: tx.suppress(mine, ANN, None, NOON)) is True
    assert world.read(lambda tx: tx.is_suppressed(mine, ANN)) is True
    assert world.read(lambda tx: tx.is_suppressed(mine, BOB)) is False
    assert world.read(lambda tx: tx.is_suppressed(other, ANN)) is False


def test_many_numbers_are_looked_up_at_once(world: World) -> None:
    mine = world.user.account_id
    other = world.write(lambda tx: tx.add_account("other", NOON))
    world.write(lambda tx: tx.suppress(other, BOB, None, NOON))
    assert world.read(lambda tx: tx.suppressed_among(mine, [ANN, BOB])) == set()
    world.write(lambda tx: tx.suppress(mine, ANN, None, NOON))
    assert world.read(lambda tx: tx.suppressed_among(mine, [ANN, BOB])) == {ANN}
    assert world.read(lambda tx: tx.suppressed_among(mine, [BOB])) == set()
    assert world.read(lambda tx: tx.suppressed_among(mine, [])) == set()


def test_the_first_time_counts(world: World) -> None:
    account = world.user.account_id
    world.write(lambda tx: tx.suppress(account, ANN, CallId(7), NOON))
    assert world.write(lambda tx: tx.suppress(account, ANN, None, after(9))) is False
    (kept,) = world.read(lambda tx: tx.suppressions(account, below=None, limit=10))
    assert (kept.number, kept.at, kept.call_id) == (ANN, NOON, CallId(7))


def test_a_number_can_be_taken_off_again(world: World) -> None:
    account = world.user.account_id
    world.write(lambda tx: tx.suppress(account, ANN, None, NOON))
    assert world.write(lambda tx: tx.unsuppress(account, BOB)) is False
    assert world.write(lambda tx: tx.unsuppress(account, ANN)) is True
    assert world.read(lambda tx: tx.is_suppressed(account, ANN)) is False


def test_the_list_is_read_in_pages_the_latest_first(world: World) -> None:
    account = world.user.account_id
    other = world.write(lambda tx: tx.add_account("other", NOON))
    for owner, number in ((account, BOB), (other, ANN), (account, ANN)):
        world.write(lambda tx, o=owner, n=number: tx.suppress(o, n, None, NOON))  # type: ignore[misc]
    [first] = world.read(lambda tx: tx.suppressions(account, below=None, limit=1))
    rest = world.read(lambda tx: tx.suppressions(account, below=first.id, limit=9))
    assert [one.number for one in (first, *rest)] == [ANN, BOB]
