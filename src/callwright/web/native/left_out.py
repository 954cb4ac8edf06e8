"""Contacts of a JSON list that were left out, as rows of a CSV that can be mended and sent.

The columns are the variables that any of them brings, in the order in which they come.
"""

import csv
import io
from collections.abc import Iterable, Sequence

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
        for name in contact.order.variables:
            columns.setdefault(name.casefold(), name)
    rows = []
    for contact in refused:
        values = {name.casefold(): value for name, value in contact.order.variables.items()}
        cells = (_text_of(values.get(column)) for column in columns)
        text = _line([contact.order.phone_number, *cells])
        rows.append(RejectedRow(line=contact.position + 1, problem=contact.problem, text=text))
    return LeftOut(header=_line([NUMBER, *columns.values()]), delimiter=DELIMITER, rows=rows)


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
