"""Numbers that an account never calls again."""

from store_world import NOON, World, after

from callwright.domain.ids import CallId
from callwright.domain.phone import PhoneNumber
from callwright.ports.suppression import Suppression

ANN, BOB = PhoneNumber("+16175550100"), PhoneNumber("+16175550101")


def test_a_number_is_on_its_accounts_list_only(world: World) -> None:
    mine = world.user.account_id
    other = world.write(lambda tx: tx.add_account("other", NOON))
    assert world.write(lambda tx: tx.suppress(mine, ANN, None, NOON)) is True
    assert world.read(lambda tx: tx.is_suppressed(mine, ANN)) is True
    assert world.read(lambda tx: tx.is_suppressed(mine, BOB)) is False
    assert world.read(lambda tx: tx.is_suppressed(other, ANN)) is False


def test_the_first_time_counts(world: World) -> None:
    account = world.user.account_id
    world.write(lambda tx: tx.suppress(account, ANN, CallId(7), NOON))
    assert world.write(lambda tx: tx.suppress(account, ANN, None, after(9))) is False
    (kept,) = world.read(lambda tx: tx.suppressions(account, after="", limit=10))
    assert kept == Suppression(number=ANN, at=NOON, call_id=CallId(7))


def test_a_number_can_be_taken_off_again(world: World) -> None:
    account = world.user.account_id
    world.write(lambda tx: tx.suppress(account, ANN, None, NOON))
    assert world.write(lambda tx: tx.unsuppress(account, BOB)) is False
    assert world.write(lambda tx: tx.unsuppress(account, ANN)) is True
    assert world.read(lambda tx: tx.is_suppressed(account, ANN)) is False


def test_the_list_is_read_in_pages(world: World) -> None:
    account = world.user.account_id
    for number in (BOB, ANN):
        world.write(lambda tx, number=number: tx.suppress(account, number, None, NOON))  # type: ignore[misc]
    first = world.read(lambda tx: tx.suppressions(account, after="", limit=1))
    rest = world.read(lambda tx: tx.suppressions(account, after=ANN.e164, limit=9))
    assert [one.number for one in (*first, *rest)] == [ANN, BOB]
