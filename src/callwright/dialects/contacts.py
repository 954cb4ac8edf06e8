"""A list of contacts: a CSV file to contacts, or to what is wrong with each row.

`open_list` reads the header, so that a dialect can refuse the columns before anything
else. `ContactList.contacts` then goes through the rows, one at a time in constant memory,
and yields a `Contact` or a `RowProblem` for each. `all_or_nothing` turns that into the
documented behaviour, where one bad row refuses the whole list.

Source: wire contract, section 5.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from callwright.dialects.csv_reader import CsvReader
from callwright.dialects.fields import dial_string_of
from callwright.dialects.form import LIST_FIELD, Form, Upload
from callwright.domain.call import Contact
from callwright.errors import FieldInvalid, ListInvalid, TooLarge

PROBLEMS_SHOWN = 5
MAX_PATH_CHARS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLimits:
    """How large a list may be."""

    rows: int = 1_000_000
    bytes: int = 256 * 1024 * 1024
    columns: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """A row that is no contact: the line it starts on, why, and what it held."""

    line: int
    problem: str
    cells: tuple[str, ...] = ()


class ContactList:
    """An opened list: the names of its variables, and its contacts."""

    def __init__(self, reader: CsvReader) -> None:
        self._reader = reader
        header = reader.header
        at = header.number_at
        self.columns: tuple[str, ...] = header.names[:at] + header.names[at + 1 :]
        """The variables that each row brings, spelt as in the file."""

    def contacts(
        self, *, default_country: str, names: tuple[str, ...] | None = None
    ) -> Iterator[Contact | RowProblem]:
        """Each row that is not blank, in order. Can be gone through once.

        `names` renames `columns`, one for one.

        Raises:
            ListInvalid: the file cannot be cut into rows from some line on.
            FieldInvalid: there are no rows.
            TooLarge: there are more rows than the list was opened for.
        """
        at = self._reader.header.number_at
        number_name = self._reader.header.names[at]
        names = self.columns if names is None else names
        is_empty = True
        for row in self._reader:
            is_empty = False
            if row.problem:
                yield RowProblem(line=row.line, problem=row.problem, cells=tuple(row.cells))
                continue
            cells = row.cells
            try:
                dial = dial_string_of(cells[at], default_country=default_country, field=number_name)
            except FieldInvalid as exc:
                yield RowProblem(line=row.line, problem=str(exc), cells=tuple(cells))
                continue
            del cells[at]
            yield Contact(dial=dial, variables=dict(zip(names, cells, strict=True)))
        if is_empty:
            raise FieldInvalid(LIST_FIELD, "has a header row but no contacts")


def open_list(form: Form, limits: ListLimits) -> ContactList:
    """The list that a request brings as file, as text, or as its whole body.

    Raises:
        FieldInvalid: there is none, it is empty, or a path was sent in its place.
        ListInvalid: its header row is unusable; names the line.
        TooLarge: more bytes than `limits` allow.
    """
    data = _list_data(form)
    if len(data) > limits.bytes:
        raise TooLarge(f"csv: is larger than {limits.bytes} bytes.")
    reader = CsvReader(data, max_rows=limits.rows, max_columns=limits.columns)
    return ContactList(reader)


def all_or_nothing(rows: Iterable[Contact | RowProblem]) -> Iterator[Contact]:
    """The contacts, as long as no row is wrong; then reads on only to count the wrong ones.

    Raises:
        ListInvalid: at the end, with the first problems and how many there are.
    """
    shown: list[tuple[int, str]] = []
    total = 0
    try:
        for row in rows:
            if isinstance(row, Contact):
                if not total:
                    yield row
                continue
            total += 1
            if len(shown) < PROBLEMS_SHOWN:
                shown.append((row.line, row.problem))
    except ListInvalid as exc:
        shown = [*shown, *exc.problems][:PROBLEMS_SHOWN]
        total += exc.total
    if total:
        raise ListInvalid(shown, total)


def _list_data(form: Form) -> memoryview:
    field = form.last(LIST_FIELD)
    if field is None:
        raise FieldInvalid(
            LIST_FIELD, "is required: a CSV file as a part of multipart/form-data, or its text"
        )
    if not isinstance(field.value, Upload):
        raise FieldInvalid(LIST_FIELD, "must be sent as multipart/form-data or as text/csv")
    data = field.value.data
    if field.value.filename is None and _is_path(bytes(data[: MAX_PATH_CHARS + 1])):
        raise FieldInvalid(
            LIST_FIELD,
            "the file itself was not sent, only its path; "
            "PHP 5.5 and later need curl_file_create($path) (a CURLFile) in place of '@path'",
        )
    if not data:
        raise FieldInvalid(LIST_FIELD, "is empty: a header row and at least one contact are needed")
    return data


def _is_path(start: bytes) -> bool:
    text = start.strip(b"\r\n")
    return text.startswith(b"@") and b"\n" not in text and b"\r" not in text
