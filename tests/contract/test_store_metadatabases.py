"""Metadatabases and their records."""

from store_world import NOON, World, after

from callwright.domain.account import Product
from callwright.domain.ids import MetadatabaseId


def test_a_metadatabase_is_found_by_its_name_in_any_case(world: World) -> None:
    account = world.user.account_id
    added = world.write(lambda tx: tx.add_metadatabase(account, "Straße", ["first", "Last"], NOON))
    found = world.read(lambda tx: tx.metadatabase_by_name(account, "STRASSE"))
    assert found is not None
    assert (found.id, found.name, found.columns) == (added, "Straße", ("first", "Last"))
    assert world.read(lambda tx: tx.metadatabases(account)) == [found]


def test_a_name_stands_for_one_metadatabase_of_an_account(world: World) -> None:
    account = world.user.account_id
    other = world.write(lambda tx: tx.add_account("other", NOON))
    assert world.write(lambda tx: tx.add_metadatabase(account, "people", [], NOON)) is not None
    assert world.write(lambda tx: tx.add_metadatabase(account, "PEOPLE", ["a"], NOON)) is None
    assert world.read(lambda tx: tx.metadatabase_by_name(other, "people")) is None
    assert world.write(lambda tx: tx.add_metadatabase(other, "people", [], NOON)) is not None


def test_records_are_read_in_pages(world: World) -> None:
    account, user = world.user.account_id, world.user.id
    people = world.write(lambda tx: tx.add_metadatabase(account, "people", ["a", "b"], NOON))
    assert people is not None
    for number in range(3):
        values = {"a": number, "b": None} if number else {"a": "x"}
        world.write(
            lambda tx, values=values, at=number: tx.add_record(people, user, values, after(at))  # type: ignore[misc]
        )
    first = world.read(lambda tx: tx.metadatabase_records(people, after=0, limit=2))
    rest = world.read(lambda tx: tx.metadatabase_records(people, after=first[-1].id, limit=9))
    assert [one.values for one in (*first, *rest)] == [
        {"a": "x"},
        {"a": 1, "b": None},
        {"a": 2, "b": None},
    ]
    assert rest[0].user_id == user
    assert rest[0].at == after(2)
    assert (
        world.read(lambda tx: tx.metadatabase_records(MetadatabaseId(99), after=0, limit=9)) == []
    )


def test_surveys_may_share_a_metadatabase(world: World) -> None:
    people = world.write(
        lambda tx: tx.add_metadatabase(world.user.account_id, "people", ["first"], NOON)
    )
    for name in ("one", "two"):
        world.write(
            lambda tx, name=name: tx.add_program(  # type: ignore[misc]
                Product.INSIGHT, world.user, name, metadatabase=people, script="{}", now=NOON
            )
        )
    surveys = world.read(lambda tx: tx.programs(Product.INSIGHT))
    assert [survey.metadatabase for survey in surveys] == [("first",), ("first",)]
