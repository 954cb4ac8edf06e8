"""Contacts of a request as domain values, by the rules of the deployment's product.

Which variables a call may bring is the dialects' knowledge (names a script can use; columns
of the survey's metadatabase): it is asked, not repeated here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from callwright.dialects import by_product
from callwright.dialects.bodies import BodyKind, Field, Form
from callwright.domain.account import Deployment
from callwright.domain.call import Contact
from callwright.domain.passport import IDENTITY_VARIABLE, check_identity, split_identity
from callwright.errors import FieldInvalid
from callwright.web.native.desk import Desk
from callwright.web.native.models.orders import ContactOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedContact:
    """A contact that cannot be called."""

    position: int
    """In the list, from 0."""
    order: ContactOrder
    pointer: str
    """What is wrong, as its place in the JSON body."""
    problem: str


def read_contact(order: ContactOrder, deployment: Deployment, desk: Desk) -> Contact:
    """The contact that an order names.

    Raises:
        FieldInvalid: its number cannot be dialled, or a variable has no proper name.
        Conflict: it brings variables, and the survey has no metadatabase.
    """
    fields = [Field(name="phone_number", value=order.phone_number)]
    if order.variables:
        fields.append(Field(name="metadata", value=order.variables))
    try:
        _, contact = by_product[deployment.program.product].decode_call(
            Form(kind=BodyKind.JSON, fields=fields),
            now=desk.now,
            default_country=desk.parts.config.numbers.default_country,
            deployment=deployment,
            pci_granted=desk.user.pci_granted,
        )
    except FieldInvalid as exc:
        field = "variables" if exc.field == "metadata" else exc.field
        raise FieldInvalid(field, exc.problem) from None
    return _signed(contact, order.sip_identity) if order.sip_identity else contact


def _signed(contact: Contact, identity: str) -> Contact:
    """With the Identity header that came in a field of its own, where it is checked too: it is
    the same as a variable, and no column of a survey's metadatabase."""
    if split_identity(contact.variables)[0] is not None:
        raise FieldInvalid(IDENTITY_VARIABLE, "is given twice: as a field and as a variable")
    variables = {**contact.variables, IDENTITY_VARIABLE: identity}
    check_identity(variables)
    return msgspec.structs.replace(contact, variables=variables)


def read_contacts(
    orders: list[ContactOrder], deployment: Deployment, desk: Desk
) -> Iterator[Contact | RefusedContact]:
    """Each of the orders' contacts, or what is wrong with it."""
    for position, order in enumerate(orders):
        try:
            yield read_contact(order, deployment, desk)
        except FieldInvalid as exc:
            pointer = f"/contacts/{position}/{exc.field}"
            yield RefusedContact(
                position=position, order=order, pointer=pointer, problem=exc.problem
            )
