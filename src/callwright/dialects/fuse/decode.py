"""Fuse requests to domain values.

Source: Fuse "Queue Call" and "Queue Multiple Calls"; wire contract, sections 2 to 5.
"""

from datetime import datetime

from callwright.dialects.contacts import (
    ListLimits,
    ReadyList,
    open_list,
    ready_list,
)
from callwright.dialects.fields import read_dial_string, read_is_pci
from callwright.dialects.form import Form
from callwright.dialects.metadata import check_names, read_metadata
from callwright.dialects.schedule import read_schedule
from callwright.domain.account import Deployment
from callwright.domain.call import Contact, Schedule

ATTEMPTS_TEXT = "max_attempts can only be an integer between 1 and 10."


def accepts_media_type(content_type: str | None, *, bulk: bool) -> bool:
    """Always: 415 is none of Fuse's documented answers; what cannot be read is a 400."""
    return True


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
        NotPermitted: `is_pci=1` without the account's grant; before anything else.
        FieldInvalid: the first field that is wrong.
    """
    is_pci = read_is_pci(form, granted=pci_granted)
    dial = read_dial_string(form, default_country=default_country)
    schedule = read_schedule(form, now=now, attempts_text=ATTEMPTS_TEXT, is_pci=is_pci)
    variables = read_metadata(form)
    check_names(tuple(variables))
    return schedule, Contact(dial=dial, variables=variables)


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
        NotPermitted: `is_pci=1` without the account's grant; before anything else.
        FieldInvalid: a field is wrong, or there is no list.
        ListInvalid: the list's header row is unusable.
        TooLarge: the list is over `limits`.
    """
    is_pci = read_is_pci(form, granted=pci_granted)
    schedule = read_schedule(form, now=now, attempts_text=ATTEMPTS_TEXT, is_pci=is_pci)
    contacts = open_list(form, limits)
    return schedule, ready_list(contacts, default_country=default_country)
