"""A list of contacts: a CSV file to contacts, or to what is wrong with each row.

`open_list` reads the header, so that a dialect can refuse the columns before anything
else. What it gives can be read in two ways that come to the same: `contacts` goes through
the rows one at a time; `blocks` gives whole blocks of them, ready to be written. Both work
in constant memory. `all_or_nothing` turns either into the documented behaviour, where one
bad row refuses the whole list.

Source: wire contract, section 5.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from callwright.dialects.content import Content
from callwright.dialects.csv_blocks import BlockReader, one_row
from callwright.dialects.csv_reader import Block, CsvReader, Row
from callwright.dialects.csv_text import Encoding, find_encoding
from callwright.dialects.fields import dial_string_of
from callwright.dialects.form import LIST_FIELD, Form, Upload
from callwright.dialects.rejected import REPORT_COLUMNS, unguard
from callwright.dialects.workbook import is_workbook
from callwright.domain.call import Contact
from callwright.domain.phone import DialString
from callwright.errors import FieldInvalid, ListInvalid, TooLarge

PROBLEMS_SHOWN = 5
MAX_PATH_CHARS = 4096

T = TypeVar("T")


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
    text: str = ""
    """The row as it was sent, without its line end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPlan:
    """How a list is to be read: all that is needed besides its bytes."""

    encoding: Encoding
    max_rows: int
    max_columns: int
    default_country: str
    names: tuple[str, ...]
    """What its columns are called as variables, one for one."""


class ContactList:
    """A list whose header was read: the names of its variables, and its contacts.

    Its rows can be gone through once, in one of the two ways.
    """

    def __init__(
        self, data: Content, encoding: Encoding, *, max_rows: int, max_columns: int
    ) -> None:
        """Read the header row.

        Raises:
            FieldInvalid: there is none.
            ListInvalid: it is unusable; names the line.
        """
        self.data = data
        self._encoding = encoding
        self._max_rows = max_rows
        self._max_columns = max_columns
        self._reader = CsvReader(data, encoding, max_rows=max_rows, max_columns=max_columns)
        header = self._reader.header
        self._kept = [
            at
            for at, name in enumerate(header.names)
            if at != header.number_at and name.lower() not in REPORT_COLUMNS
        ]
        self._is_report = len(self._kept) < len(header.names) - 1
        self.columns: tuple[str, ...] = tuple(header.names[at] for at in self._kept)
        """The variables that each row brings, spelt as in the file."""
        self.header: str = header.text
        """The header row as it was sent, without its line end."""
        self.delimiter: str = header.delimiter

    @property
    def bytes_read(self) -> int:
        """How much of the data was looked at so far."""
        return self._reader.bytes_read

    def plan(self, *, default_country: str, names: tuple[str, ...]) -> ListPlan:
        """How somebody else can read this list just as `blocks` would."""
        return ListPlan(
            encoding=self._encoding,
            max_rows=self._max_rows,
            max_columns=self._max_columns,
            default_country=default_country,
            names=names,
        )

    def contacts(
        self, *, default_country: str, names: tuple[str, ...] | None = None
    ) -> Iterator[Contact | RowProblem]:
        """Each row that is not blank, in order.

        `names` renames `columns`, one for one.

        Raises:
            ListInvalid: the file cannot be cut into rows from some line on.
            FieldInvalid: there are no rows.
            TooLarge: there are more rows than the list was opened for.
        """
        names = self.columns if names is None else names
        is_empty = True
        for row in self._reader:
            is_empty = False
            read = self._read_row(row, default_country)
            if isinstance(read, RowProblem):
                yield read
            else:
                dial, cells = read
                yield Contact(dial=dial, variables=dict(zip(names, cells, strict=True)))
        if is_empty:
            raise _no_contacts()

    def blocks(
        self, *, default_country: str, names: tuple[str, ...] | None = None
    ) -> Iterator[Block | RowProblem]:
        """The same rows in the same order, as calls that are ready to be written.

        Raises:
            ListInvalid, FieldInvalid, TooLarge: just as `contacts` does.
        """
        names = self.columns if names is None else names
        by_column = dict(zip(self._kept, names, strict=True))
        fast = BlockReader(self._reader.header, by_column, default_country=default_country)
        is_empty = True
        # The cells of a report must be looked at one by one.
        for row in self._reader if self._is_report else self._reader.read(fast.read):
            is_empty = False
            if isinstance(row, Block):
                yield row
                continue
            read = self._read_row(row, default_country)
            if isinstance(read, RowProblem):
                yield read
            else:
                dial, cells = read
                yield one_row(dial, names, cells)
        if is_empty:
            raise _no_contacts()

    def _read_row(
        self, row: Row, default_country: str
    ) -> tuple[DialString, list[str]] | RowProblem:
        """Whom a row dials and the cells that are its variables, or what is wrong with it."""
        header = self._reader.header
        problem = row.problem
        if not problem:
            cells = list(map(unguard, row.cells)) if self._is_report else row.cells
            try:
                dial = dial_string_of(
                    cells[header.number_at],
                    default_country=default_country,
                    field=header.names[header.number_at],
                )
            except FieldInvalid as exc:
                problem = str(exc)
            else:
                return dial, [cells[at] for at in self._kept]
        text = self._reader.row_text
        return RowProblem(line=row.line, problem=problem, cells=tuple(row.cells), text=text)


def _no_contacts() -> FieldInvalid:
    return FieldInvalid(LIST_FIELD, "has a header row but no contacts")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyList:
    """A list with all that is to be known before its rows are read."""

    list: ContactList
    plan: ListPlan

    def contacts(self) -> Iterator[Contact | RowProblem]:
        """See `ContactList.contacts`."""
        plan = self.plan
        return self.list.contacts(default_country=plan.default_country, names=plan.names)

    def blocks(self) -> Iterator[Block | RowProblem]:
        """See `ContactList.blocks`."""
        plan = self.plan
        return self.list.blocks(default_country=plan.default_country, names=plan.names)


def ready_list(
    contacts: ContactList, *, default_country: str, names: tuple[str, ...] | None = None
) -> ReadyList:
    """`contacts` with a country for its numbers, and `names` for its columns if not their own."""
    plan = contacts.plan(
        default_country=default_country, names=contacts.columns if names is None else names
    )
    return ReadyList(list=contacts, plan=plan)


def open_again(data: Content, plan: ListPlan) -> ReadyList:
    """The list that `plan` was made of, from the same bytes."""
    contacts = ContactList(
        data, plan.encoding, max_rows=plan.max_rows, max_columns=plan.max_columns
    )
    return ReadyList(list=contacts, plan=plan)


def open_list(form: Form, limits: ListLimits) -> ContactList:
    """The list that a request brings as file, as text, or as its whole body.

    Raises:
        FieldInvalid: there is none, it is empty, or a path was sent in its place.
        ListInvalid: its header row is unusable; names the line.
        TooLarge: more bytes than `limits` allow.
    """
    data = _list_data(form)
    if is_workbook(data):
        raise FieldInvalid(
            LIST_FIELD, "is a workbook, not CSV; save the sheet as CSV UTF-8 and send that"
        )
    if len(data) > limits.bytes:
        raise TooLarge(f"csv: is larger than {limits.bytes} bytes (limits.csv_bytes).")
    return ContactList(data, find_encoding(data), max_rows=limits.rows, max_columns=limits.columns)


def all_or_nothing(rows: Iterable[T | RowProblem]) -> Iterator[T]:
    """What is no problem, until a row is wrong; then reads on only to count the wrong ones.

    Raises:
        ListInvalid: at the end, with the first problems and how many there are.
    """
    shown: list[tuple[int, str]] = []
    total = 0
    try:
        for row in rows:
            if not isinstance(row, RowProblem):
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


def _list_data(form: Form) -> Content:
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
