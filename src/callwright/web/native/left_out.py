"""Contacts of a JSON list that were left out, as rows of a CSV that can be mended and sent.

The columns are the variables that any of them brings, in the order in which they come.
"""

import csv
import io
from collections.abc import Iterable, Sequence

from callwright.domain.passport import IDENTITY_VARIABLE
from callwright.ports.store import RejectedRow
from callwright.service.load_list import LeftOut
from callwright.web.native.contacts import RefusedContact

NUMBER = "phone_number"
DELIMITER = ","


def left_out(refused: Sequence[RefusedContact]) -> LeftOut:
    """The rows; the line of each is its place in the list, from 1."""
    # Compared without case, as the columns of a list are.
    columns: dict[str, str] = {}
    for contact in refused:
        for name in _variables(contact):
            columns.setdefault(name.casefold(), name)
    rows = []
    for contact in refused:
        values = {name.casefold(): value for name, value in _variables(contact).items()}
        cells = (_text_of(values.get(column)) for column in columns)
        text = _line([contact.order.phone_number, *cells])
        rows.append(RejectedRow(line=contact.position + 1, problem=contact.problem, text=text))
    return LeftOut(header=_line([NUMBER, *columns.values()]), delimiter=DELIMITER, rows=rows)


def _variables(contact: RefusedContact) -> dict[str, object]:
    """All that a list would hold in columns of its own."""
    variables: dict[str, object] = dict(contact.order.variables)
    if contact.order.sip_identity is not None:
        variables.setdefault(IDENTITY_VARIABLE, contact.order.sip_identity)
    return variables


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=DELIMITER, lineterminator="").writerow(cells)
    return out.getvalue()


def _text_of(value: object) -> str:
    """A single value as a CSV would hold it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
