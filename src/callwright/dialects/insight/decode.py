"""Insight requests to domain values.

Variables are columns of the survey's metadatabase, compared without case and kept as the
metadatabase spells them. A survey without a metadatabase takes none, which is a conflict
(409) and told before any field that is wrong (400). `is_pci` is not an Insight field.

Source: Insight "Queuing an Outbound Call" and "Queuing Multiple Outbound Calls"; wire
contract, sections 2 to 5.
"""

from collections.abc import Iterable
from datetime import datetime

from callwright.dialects.charset import quote_for_people
from callwright.dialects.contacts import (
    ListLimits,
    ReadyList,
    open_list,
    ready_list,
)
from callwright.dialects.fields import read_dial_string
from callwright.dialects.form import Form
from callwright.dialects.media_type import FORM_TYPES, essence
from callwright.dialects.metadata import metadata_was_sent, read_metadata
from callwright.dialects.schedule import read_schedule
from callwright.domain.account import Deployment
from callwright.domain.call import Contact, Schedule
from callwright.errors import Conflict, FieldInvalid

ATTEMPTS_TEXT = "attempts can only be an integer between 1 and 10."


def accepts_media_type(content_type: str | None, *, bulk: bool) -> bool:
    """Whether `content_type` is absent or one of the two form types."""
    media_type = essence(content_type)
    return not media_type or media_type in FORM_TYPES


def decode_call(
    form: Form,
    *,
    now: datetime,
    default_country: str,
    deployment: Deployment,
    pci_granted: bool,
) -> tuple[Schedule, Contact]:
    """What a `queue` request asks for.

    Raises:
        Conflict: metadata was sent but the survey has no metadatabase; before anything else.
        FieldInvalid: the first field that is wrong.
    """
    if metadata_was_sent(form):
        _require_metadatabase(deployment)
    dial = read_dial_string(form, default_country=default_country)
    schedule = read_schedule(form, now=now, attempts_text=ATTEMPTS_TEXT, is_pci=False)
    sent = read_metadata(form)
    names = _as_columns(sent, deployment, "metadata")
    return schedule, Contact(dial=dial, variables=dict(zip(names, sent.values(), strict=True)))


def open_contacts(
    form: Form,
    *,
    now: datetime,
    default_country: str,
    deployment: Deployment,
    pci_granted: bool,
    limits: ListLimits,
) -> tuple[Schedule, ReadyList]:
    """What a `bulk_queue` request asks for, its rows still unread.

    Going through the rows raises what `ContactList.contacts` says.

    Raises:
        Conflict: there are columns but the survey has no metadatabase.
        FieldInvalid: a field is wrong, a column is none of the metadatabase's, or there
            is no list.
        ListInvalid: the list's header row is unusable.
        TooLarge: the list is over `limits`.
    """
    contacts = open_list(form, limits)
    if contacts.columns:
        _require_metadatabase(deployment)
    names = _as_columns(contacts.columns, deployment, "csv")
    schedule = read_schedule(form, now=now, attempts_text=ATTEMPTS_TEXT, is_pci=False)
    return schedule, ready_list(contacts, default_country=default_country, names=names)


def _require_metadatabase(deployment: Deployment) -> None:
    if deployment.program.metadatabase is None:
        raise Conflict("Metadata was sent, but no metadatabase is set for the survey.")


def _as_columns(names: Iterable[str], deployment: Deployment, field: str) -> tuple[str, ...]:
    """`names` as the metadatabase spells them."""
    columns = {column.casefold(): column for column in deployment.program.metadatabase or ()}
    spelt: list[str] = []
    for name in names:
        column = columns.get(name.casefold())
        if column is None:
            raise FieldInvalid(
                field, f"{quote_for_people(name)} is no column of the survey's metadatabase"
            )
        if column in spelt:
            raise FieldInvalid(field, f"the column {quote_for_people(column)} is given twice")
        spelt.append(column)
    return tuple(spelt)
