"""Lists as rows ready to be written, and the refused rows that are kept beside them."""

import json

import pytest
from store_world import NOON, World, schedule

from callwright.domain.ids import BatchId
from callwright.errors import FieldInvalid
from callwright.ports.store import RejectedList, RejectedRow, WriteTx


def values(first: int, count: int) -> list[str]:
    flat: list[str] = []
    for number in range(first, first + count):
        sent = f"617555{number:04}"
        flat += (sent, "+1" + sent, "", "", json.dumps({"row": str(number)}))
    return flat


def open_batch(world: World) -> BatchId:
    return world.write(lambda tx: tx.open_batch(world.deployment, world.user.id, schedule(), NOON))


def rows_of(world: World, batch: BatchId) -> list[tuple[str, str, object]]:
    calls = world.read(lambda tx: tx.batch_calls(batch, NOON, 10_000))
    return [
        (call.contact.dial.sent, call.contact.dial.number.e164, call.contact.variables["row"])
        for call in calls
    ]


@pytest.mark.parametrize("sizes", [(1,), (19,), (20,), (21,), (40, 1), (7, 100, 13, 0, 500)])
def test_rows_of_any_number_come_back_in_order(world: World, sizes: tuple[int, ...]) -> None:
    batch = open_batch(world)
    done = 0
    for size in sizes:
        part = values(done, size)
        world.write(lambda tx, part=part: tx.add_rows(batch, part))  # type: ignore[misc]
        done += size
    assert world.write(lambda tx: tx.go_live(batch, NOON)) == done
    assert rows_of(world, batch) == [
        (f"617555{n:04}", f"+1617555{n:04}", str(n)) for n in range(done)
    ]


def test_a_row_with_no_unicode_text_is_refused_with_its_whole_slice(world: World) -> None:
    batch = open_batch(world)
    bad = values(0, 30)
    bad[29 * 5] = "half \ud800"
    with pytest.raises(FieldInvalid):
        world.write(lambda tx: tx.add_rows(batch, bad))
    world.write(lambda tx: tx.add_rows(batch, values(30, 3)))
    assert world.write(lambda tx: tx.go_live(batch, NOON)) == 3
    assert [row[2] for row in rows_of(world, batch)] == ["30", "31", "32"]


def refused(*lines: int) -> list[RejectedRow]:
    return [RejectedRow(line=line, problem=f"why {line}", text=f'x{line};"ä",\n') for line in lines]


def test_refused_rows_come_back_in_order_and_in_parts(world: World) -> None:
    batch = open_batch(world)

    def load(tx: WriteTx) -> None:
        tx.add_rows(batch, values(0, 2))
        tx.add_rejected_rows(batch, "destination;note", ";", refused(3, 8))

    world.write(load)
    world.write(lambda tx: tx.add_rejected_rows(batch, "ignored now", ",", refused(9, 100)))
    assert world.read(lambda tx: tx.rejected_list(batch)) is None
    assert world.read(lambda tx: tx.rejected_rows(batch, 0, 10)) == []
    world.write(lambda tx: tx.go_live(batch, NOON))
    assert world.read(lambda tx: tx.rejected_list(batch)) == RejectedList(
        header="destination;note", delimiter=";", rows=4
    )
    first = world.read(lambda tx: tx.rejected_rows(batch, 0, 3))
    assert first == refused(3, 8, 9)
    assert world.read(lambda tx: tx.rejected_rows(batch, 9, 3)) == refused(100)
    assert world.read(lambda tx: tx.rejected_rows(batch, 100, 3)) == []


def test_a_list_without_refused_rows_has_none(world: World) -> None:
    batch = world.queue_list(2)
    assert world.read(lambda tx: tx.rejected_list(batch)) is None
    assert world.read(lambda tx: tx.rejected_rows(batch, 0, 10)) == []
    assert world.read(lambda tx: tx.rejected_list(BatchId(2**70))) is None


def test_only_a_list_that_is_being_loaded_takes_refused_rows(world: World) -> None:
    live = world.queue_list(2)
    with pytest.raises(ValueError, match="not being loaded"):
        world.write(lambda tx: tx.add_rejected_rows(live, "destination", ",", refused(3)))
    batch = open_batch(world)
    world.write(lambda tx: tx.add_rejected_rows(batch, "destination", ",", refused(3)))
    world.write(lambda tx: tx.go_live(batch, NOON))
    with pytest.raises(ValueError, match="not being loaded"):
        world.write(lambda tx: tx.add_rejected_rows(batch, "destination", ",", refused(4)))
    assert world.read(lambda tx: tx.rejected_rows(batch, 0, 10)) == refused(3)


def test_a_dropped_list_takes_its_refused_rows_along(world: World) -> None:
    batch = open_batch(world)
    world.write(lambda tx: tx.add_rejected_rows(batch, "destination", ",", refused(3, 4)))
    world.write(lambda tx: tx.drop_batch(batch))
    assert world.read(lambda tx: tx.rejected_list(batch)) is None
    assert world.read(lambda tx: tx.rejected_rows(batch, 0, 10)) == []
