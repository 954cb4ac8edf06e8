"""A list in a request: contacts in JSON, or a CSV file in a multipart form.

The CSV is read by the dialects' own reader, so that one file means the same everywhere; the
other fields of the form have the names of the JSON body.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from callwright.dialects import by_product
from callwright.dialects.bodies import Form, read_body
from callwright.dialects.contacts import ListLimits, ReadyList
from callwright.dialects.content import Content
from callwright.dialects.form import LIST_FIELD, Field, Upload
from callwright.dialects.media_type import JSON_TYPE, essence
from callwright.dialects.workbook import is_workbook
from callwright.domain.account import Deployment
from callwright.domain.call import Contact
from callwright.errors import FieldInvalid, MediaTypeUnsupported, TooLarge
from callwright.service.idempotency import hash_of_file
from callwright.web.native.contacts import RefusedContact, read_contacts
from callwright.web.native.desk import Desk
from callwright.web.native.models.batches import BatchOrder
from callwright.web.native.models.orders import ContactOrder, ScheduleOrder
from callwright.web.native.problems import FieldProblem, RowsInvalid
from callwright.web.native.wire import MAX_ID

MAX_JSON_BYTES = 16 * 1024 * 1024
MULTIPART = "multipart/form-data"
ERRORS_SHOWN = 100

_NUMBERS = ("max_attempts", "retry_wait_s")
_TEXTS = ("opens_at", "closes_at", "result_url")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOrder:
    """A list that was asked for, its rows still unread."""

    deployment_id: int
    schedule: ScheduleOrder
    contacts: list[ContactOrder] | Form
    """From JSON, or the form with the file."""
    file_hash: bytes | None = None
    """Of that file and the sheet that is meant, if there is one."""
    sheet: str = ""
    """Of a workbook: the one that is meant, else the first."""

    def asked(self) -> list[object]:
        """What is asked for, as JSON could write it. A long list takes a while."""
        schedule = self.schedule.model_dump(mode="json", include=set(ScheduleOrder.model_fields))
        asked: list[object] = [self.deployment_id, schedule]
        if not isinstance(self.contacts, Form):
            return [*asked, [contact.model_dump(mode="json") for contact in self.contacts]]
        return [*asked, None if self.file_hash is None else self.file_hash.hex()]


@dataclass(slots=True)
class Sifted:
    """The good contacts of a JSON list as they are asked for, and what was wrong with others."""

    rows: Iterator[Contact | RefusedContact]
    lenient: bool
    rejected: int = 0
    errors: list[FieldProblem] = field(default_factory=list)
    refused: list[RefusedContact] = field(default_factory=list)
    """All that were wrong, if the good ones are wanted."""

    def contacts(self) -> Iterator[Contact]:
        """The contacts.

        Raises:
            RowsInvalid: at the end, if any was wrong; leniently, if all were.
        """
        good = 0
        for row in self.rows:
            if isinstance(row, Contact):
                good += 1
                # once one is wrong the rest is only counted, unless the good ones are wanted
                if self.lenient or not self.rejected:
                    yield row
                continue
            self.rejected += 1
            if len(self.errors) < ERRORS_SHOWN:
                self.errors.append(FieldProblem(detail=row.problem, pointer=row.pointer))
            if self.lenient:
                self.refused.append(row)
        if self.rejected and (not self.lenient or not good):
            raise RowsInvalid(self.errors, self.rejected)


async def read_list(body: Content, content_type: str | None) -> ListOrder:
    """What a request that brings a list asks for.

    Raises:
        MediaTypeUnsupported: neither JSON nor a multipart form.
        RequestValidationError, FieldInvalid, BodyMalformed: it is wrong.
        TooLarge: more JSON than is read at once.
    """
    media_type = essence(content_type)
    if media_type == JSON_TYPE:
        if len(body) > MAX_JSON_BYTES:
            raise TooLarge(f"More than {MAX_JSON_BYTES >> 20} MiB of JSON; send a CSV instead.")
        order = await asyncio.to_thread(validate, BatchOrder, bytes(body[: len(body)]))
        return ListOrder(deployment_id=order.deployment_id, schedule=order, contacts=order.contacts)
    if media_type != MULTIPART:
        raise MediaTypeUnsupported(f"A list comes as {JSON_TYPE} or {MULTIPART}.")

    def read_form() -> ListOrder:
        form = read_body(content_type, body)
        return _with_hash(_from_form(form), form)

    return await asyncio.to_thread(read_form)


def sift(order: list[ContactOrder], deployment: Deployment, desk: Desk, lenient: bool) -> Sifted:
    """The contacts of a JSON list, as far as they can be called on `deployment`."""
    return Sifted(read_contacts(order, deployment, desk), lenient)


@asynccontextmanager
async def csv_of(order: ListOrder, desk: Desk) -> AsyncIterator[Form]:
    """The form of an order with its file as CSV, also if a workbook was sent.

    Raises:
        FieldInvalid: the workbook cannot be read, or a sheet is named and there is none.
        TooLarge, Unavailable: as `Workbooks.list_of`.
    """
    form = order.contacts
    assert isinstance(form, Form)
    sent = form.last(LIST_FIELD)
    if sent is None or not isinstance(sent.value, Upload) or not is_workbook(sent.value.data):
        if order.sheet:
            raise FieldInvalid("sheet", "is for workbooks, and the file is none")
        yield form
        return
    parts = desk.parts
    file = await parts.workbooks.list_of(
        sent.value.data,
        parts.spool_folder,
        sheet=order.sheet,
        max_bytes=parts.config.limits.csv_bytes,
    )
    try:
        yield Form(kind=form.kind, fields=[Field(name=LIST_FIELD, value=Upload(data=file.content))])
    finally:
        file.close()


def open_file(form: Form, deployment: Deployment, desk: Desk) -> ReadyList:
    """The CSV in a form, its header row read.

    Raises:
        RequestRefused: as the dialect's `open_contacts`.
    """
    limits = desk.parts.config.limits
    # The file alone: the dialect's own fields would be read in the dialect's way.
    file = Form(kind=form.kind, fields=form.every(LIST_FIELD))
    _, ready = by_product[deployment.program.product].open_contacts(
        file,
        now=desk.now,
        default_country=desk.parts.config.numbers.default_country,
        deployment=deployment,
        pci_granted=desk.user.pci_granted,
        limits=ListLimits(rows=limits.csv_rows, bytes=limits.csv_bytes, columns=limits.csv_columns),
    )
    return ready


def validate(model: type[BaseModel], value: bytes | dict[str, object]) -> Any:
    """`value` as a `model`.

    Raises:
        RequestValidationError: it is none.
    """
    try:
        if isinstance(value, bytes):
            return model.model_validate_json(value)
        return model.model_validate(value)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError(
            [{**error, "loc": ("body", *error["loc"])} for error in errors[:ERRORS_SHOWN]]
        ) from None


def _from_form(form: Form) -> ListOrder:
    texts = _texts_of(form)
    sheet = texts.pop("sheet", "")
    deployment_id = _number("deployment_id", texts.pop("deployment_id", ""))
    if not 1 <= deployment_id <= MAX_ID:
        raise FieldInvalid("deployment_id", f"must be 1 to {MAX_ID}")
    values: dict[str, object] = dict(texts)
    for name in _NUMBERS:
        if name in texts:
            values[name] = _number(name, texts[name])
    for name in ("is_pci", "record"):
        if name in texts:
            flag = _FLAGS.get(texts[name].lower())
            if flag is None:
                raise FieldInvalid(name, "must be true or false")
            values[name] = flag
    schedule: ScheduleOrder = validate(ScheduleOrder, values)
    return ListOrder(deployment_id=deployment_id, schedule=schedule, contacts=form, sheet=sheet)


def _with_hash(order: ListOrder, form: Form) -> ListOrder:
    file_hash = hash_of_file(form)
    if file_hash is not None and order.sheet:
        # Another sheet is another list.
        file_hash = hashlib.sha256(file_hash + order.sheet.encode()).digest()
    return replace(order, file_hash=file_hash)


def _texts_of(form: Form) -> dict[str, str]:
    """The fields beside the file that are not empty: an empty value is an absent one."""
    known = {*_NUMBERS, *_TEXTS, "deployment_id", "is_pci", "record", "sheet"}
    texts: dict[str, str] = {}
    for sent in form.fields:
        if sent.name == LIST_FIELD:
            continue
        if sent.name not in known:
            raise FieldInvalid(sent.name, "is no field of this form")
        if sent.name in texts:
            raise FieldInvalid(sent.name, "was sent more than once")
        if not isinstance(sent.value, str):
            raise FieldInvalid(sent.name, "must be a single text value")
        texts[sent.name] = sent.value
    return {name: text for name, text in texts.items() if text}


def _number(name: str, text: str) -> int:
    if not text:
        raise FieldInvalid(name, "is required")
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise FieldInvalid(name, "must be a whole number in digits")
    return int(text)
