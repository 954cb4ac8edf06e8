"""Sheets of workbooks as the lists they would be saved as."""

import sys

import pytest

from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import ListLimits, RowProblem, open_list
from callwright.dialects.workbook import csv_lines, is_workbook
from callwright.domain.call import Contact
from callwright.errors import ConfigInvalid, FieldInvalid
from callwright.testing.workbooks import DATE, DATE_TIME, PLAIN, SKIP, SPAN, TEXT, workbook


def lines(*rows, **more) -> list[str]:
    return list(csv_lines(workbook({"Sheet1": rows}, **more)))


def test_a_sheet_becomes_the_list_that_it_shows() -> None:
    text = lines(["phone_number", "name", "note"], ["6175551234", 'Ann "A", b', "x"])
    assert text == ["phone_number,name,note\r\n", '6175551234,"Ann ""A"", b",x\r\n']


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ((6175551234, PLAIN), "6175551234"),
        ((16175551234.0, PLAIN), "16175551234"),
        ((0.1 + 0.2, PLAIN), "0.3"),
        ((-12.5, PLAIN), "-12.5"),
        ((999999999999999, PLAIN), "999999999999999"),
        ((1234567890123456, PLAIN), "1.23456789012346E+15"),
        ((46082, DATE), "2026-03-01"),
        ((46082.5, DATE_TIME), "2026-03-01 12:00:00"),
        ((1.5, SPAN), "36:00:00"),
        ((True, PLAIN), "TRUE"),
        (("two\r\nlines\nand\rmore", TEXT), "two lines and more"),
        (("06175551234", TEXT), "06175551234"),
        (("", TEXT), ""),
    ],
)
def test_a_cell_is_written_as_people_see_it(cell: tuple[object, str], shown: str) -> None:
    assert lines(["a", "b"], [cell, "end"])[1] == f"{shown},end\r\n"


def test_a_line_is_a_row_of_the_sheet_wherever_its_data_begins() -> None:
    rows = [[], [], ["phone_number", "a"], ["x"], [], ["6175551234", "b"]]
    shifted = [[(None, SKIP), *row] for row in rows]
    text = "".join(csv_lines(workbook({"S": rows})))
    assert "".join(csv_lines(workbook({"S": shifted}))) == text
    contacts = open_list(read_body("text/csv", text.encode()), ListLimits())
    problem, contact = contacts.contacts(default_country="US")
    assert isinstance(problem, RowProblem)
    assert problem.line == 4
    assert isinstance(contact, Contact)


def test_a_number_that_a_spreadsheet_rounded_is_no_phone_number() -> None:
    text = "".join(lines(["phone_number"], [(4420718387501234567, PLAIN)]))
    contacts = open_list(read_body("text/csv", text.encode()), ListLimits())
    (problem,) = contacts.contacts(default_country="US")
    assert isinstance(problem, RowProblem)
    assert "damaged by a spreadsheet" in problem.problem


def test_the_first_sheet_to_be_seen_is_read_or_the_one_that_is_named() -> None:
    data = workbook({"Old": [["x"]], "Calls": [["phone_number"]], "Other": [["y"]]}, hidden=["Old"])
    assert list(csv_lines(data)) == ["phone_number\r\n"]
    assert list(csv_lines(data, "Other")) == ["y\r\n"]
    with pytest.raises(FieldInvalid, match="no sheet 'Nix'; it has: Calls, Other"):
        list(csv_lines(data, "Nix"))


def test_an_empty_sheet_is_an_empty_list() -> None:
    assert list(csv_lines(workbook({"S": []}))) == []


@pytest.mark.parametrize("data", [b"", b"phone_number\n", b"PK\x03\x04nonsense", workbook({})])
def test_what_is_no_workbook_is_refused(data: bytes) -> None:
    with pytest.raises(FieldInvalid, match="workbook"):
        list(csv_lines(data))


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(ConfigInvalid, match=r"callwright\[xlsx\]"):
        list(csv_lines(workbook({"S": [["x"]]})))


def test_a_dialect_says_that_it_wants_csv() -> None:
    data = workbook({"S": [["phone_number"], ["6175551234"]]})
    assert is_workbook(data)
    with pytest.raises(FieldInvalid, match="is a workbook, not CSV"):
        open_list(read_body("text/csv", data), ListLimits())
