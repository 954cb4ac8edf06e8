"""`/v1/metadatabases`: named tables of an account, and the records pushed into them."""

from fastapi import APIRouter
from starlette.responses import Response

from callwright.domain.ids import MetadatabaseId
from callwright.ports.metadatabases import MetadatabaseRecord
from callwright.ports.store import ReadTx, WriteTx
from callwright.service.metadatabases import (
    add_metadatabase,
    find_metadatabase_by_id,
    push_record,
)
from callwright.web.native.desk import Maker, Queuer, Reader, answer
from callwright.web.native.models.lists import Page, cut_page
from callwright.web.native.models.metadatabases import (
    Metadatabase,
    MetadatabaseOrder,
    Record,
    RecordOrder,
    metadatabase_of,
    record_of,
)
from callwright.web.native.wire import (
    PREFIX,
    Cursor,
    Limit,
    PathId,
    read_cursor,
    write_cursor,
)

router = APIRouter(prefix=PREFIX, tags=["Metadatabases"])

_ONE = "/metadatabases/{metadatabase_id}"


@router.get(
    "/metadatabases", response_model=Page[Metadatabase], summary="Look through metadatabases"
)
async def look_through(desk: Reader, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """Those of the account; newest first."""
    below = read_cursor("metadatabase", cursor)

    def look(tx: ReadTx) -> list[Metadatabase]:
        return [metadatabase_of(found) for found in tx.metadatabases(desk.user.account_id)]

    found = await desk.read(look)
    return desk.show(cut_page(Page[Metadatabase], found, "metadatabase", below, limit))


@router.post(
    "/metadatabases",
    status_code=201,
    response_model=Metadatabase,
    summary="Add a metadatabase",
)
async def add(order: MetadatabaseOrder, desk: Maker) -> Response:
    """A survey may name it from then on, and records can be pushed into it."""
    now = desk.now

    def work(tx: WriteTx) -> Metadatabase:
        number = add_metadatabase(tx, desk.user.account_id, order.name, order.columns, now)
        return metadatabase_of(find_metadatabase_by_id(tx, desk.user, number))

    value = await desk.write(work)
    return answer(value, 201, {"Location": f"/v1/metadatabases/{value.id}"})


@router.get(_ONE, response_model=Metadatabase, summary="Show a metadatabase")
async def show(metadatabase_id: PathId, desk: Reader) -> Response:
    """Its name and its columns."""
    number = MetadatabaseId(metadatabase_id)
    return desk.show(
        await desk.read(lambda tx: metadatabase_of(find_metadatabase_by_id(tx, desk.user, number)))
    )


@router.get(f"{_ONE}/records", response_model=Page[Record], summary="Look through its records")
async def show_records(
    metadatabase_id: PathId, desk: Reader, limit: Limit = 100, cursor: Cursor = None
) -> Response:
    """In the order in which they were pushed."""
    kind = f"record of {metadatabase_id}"
    after = read_cursor(kind, cursor) or 0

    def look(tx: ReadTx) -> list[MetadatabaseRecord]:
        found = find_metadatabase_by_id(tx, desk.user, MetadatabaseId(metadatabase_id))
        return list(tx.metadatabase_records(found.id, after=after, limit=limit + 1))

    found = await desk.read(look)
    more = len(found) > limit
    page = Page[Record](
        items=[record_of(record) for record in found[:limit]],
        next=write_cursor(kind, found[limit - 1].id) if more else None,
    )
    return desk.show(page)


@router.post(f"{_ONE}/records", status_code=204, summary="Push a record")
async def push(metadatabase_id: PathId, order: RecordOrder, desk: Queuer) -> Response:
    """Add a record; nothing is ever replaced."""
    now = desk.now

    def work(tx: WriteTx) -> None:
        found = find_metadatabase_by_id(tx, desk.user, MetadatabaseId(metadatabase_id))
        push_record(tx, desk.user, found, order.values, now)

    await desk.write(work)
    return answer(None, 204)
