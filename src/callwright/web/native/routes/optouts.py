"""`/v1/optouts`: the numbers that the account never calls again."""

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from callwright.domain.ids import SuppressionId
from callwright.domain.phone import PhoneNumber, parse_phone_number
from callwright.errors import FieldInvalid
from callwright.service.opt_outs import add_opt_outs, remove_opt_outs, require_admin
from callwright.web.native.desk import Controller, Desk, Reader, answer
from callwright.web.native.models.lists import Page
from callwright.web.native.models.optouts import (
    NumbersOrder,
    OptOut,
    OptOutsAdded,
    OptOutsRemoved,
    opt_out_of,
)
from callwright.web.native.preferences import is_dry_run
from callwright.web.native.wire import PREFIX, Cursor, Limit, read_cursor, write_cursor

router = APIRouter(prefix=PREFIX, tags=["Opt-outs"])

_DRY = {"X-Dry-Run": "true"}


@router.get("/optouts", response_model=Page[OptOut], summary="Look through the opt-out list")
async def look_through(desk: Reader, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """The numbers that no call of the account is dialled to; the latest first."""
    below = read_cursor("optout", cursor)
    found = await desk.read(
        lambda tx: tx.suppressions(
            desk.user.account_id,
            below=None if below is None else SuppressionId(below),
            limit=limit + 1,
        )
    )
    shown, is_more = found[:limit], len(found) > limit
    return desk.show(
        Page[OptOut](
            items=[opt_out_of(entry) for entry in shown],
            next=write_cursor("optout", shown[-1].id) if is_more else None,
        )
    )


@router.post("/optouts", response_model=OptOutsAdded, summary="Put numbers on the opt-out list")
async def add(order: NumbersOrder, desk: Controller) -> Response:
    """From the moment of the answer no call of the account is dialled to them, whatever was
    queued before; one that rings or talks already finishes. All of them, or none if one is no
    phone number. Repeating it is harmless. `X-Dry-Run: true` only checks."""
    numbers = _read(order, desk)
    if is_dry_run(desk.request):
        return answer(OptOutsAdded(added=0, numbers=len(numbers)), 200, _DRY)
    now = desk.now
    added = await desk.write(lambda tx: add_opt_outs(tx, desk.user, numbers, now))
    return answer(OptOutsAdded(added=added, numbers=len(numbers)))


@router.post(
    "/optouts/remove",
    response_model=OptOutsRemoved,
    summary="Take numbers off the opt-out list",
)
async def remove(order: NumbersOrder, desk: Controller) -> Response:
    """For admins: they may be called again. Calls that were rejected meanwhile stay so."""
    require_admin(desk.user)
    numbers = _read(order, desk)
    removed = await desk.write(lambda tx: remove_opt_outs(tx, desk.user, numbers))
    return answer(OptOutsRemoved(removed=removed, numbers=len(numbers)))


def _read(order: NumbersOrder, desk: Desk) -> list[PhoneNumber]:
    """The numbers that the order names.

    Raises:
        RequestValidationError: some are none; it names each.
    """
    country = desk.parts.config.numbers.default_country
    numbers: list[PhoneNumber] = []
    errors: list[dict[str, object]] = []
    for position, text in enumerate(order.numbers):
        try:
            numbers.append(parse_phone_number(text, default_country=country, field="number"))
        except FieldInvalid as exc:
            place = ("body", "numbers", position)
            errors.append({"loc": place, "msg": exc.problem, "type": "value_error"})
    if errors:
        raise RequestValidationError(errors)
    return numbers
