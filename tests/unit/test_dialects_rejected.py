"""Refused rows as a file that can be mended and sent again."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import ListLimits, RowProblem, open_list
from callwright.dialects.csv_reader import Block
from callwright.dialects.rejected import RejectedReport
from callwright.domain.call import Contact


def read(data: bytes) -> list[Contact | RowProblem]:
    return list(open_list(read_body("text/csv", data), ListLimits()).contacts(default_country="US"))


def report_of(data: bytes) -> bytes:
    """The report of what is wrong in a list."""
    contacts = open_list(read_body("text/csv", data), ListLimits())
    report = RejectedReport(contacts.header, contacts.delimiter)
    text = report.head()
    for row in contacts.contacts(default_country="US"):
        if isinstance(row, RowProblem):
            text += report.row(row.line, row.problem, row.text)
    return text.encode()


def test_a_report_names_line_and_problem_before_the_row_as_it_was_sent() -> None:
    data = b'destination,note\n6175551234,fine\n12,"a, ""b"""\r\n6175551234,too,long\n'
    assert report_of(data).decode("utf-8-sig") == (
        "callwright_line,callwright_problem,destination,note\r\n"
        '3,"destination: must have 10 digits, or + and 8 to 15 digits",12,"a, ""b"""\r\n'
        '4,"has 3 cells, but the header names 2 columns",6175551234,too,long\r\n'
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_mended_report_is_a_list_again(delimiter: str) -> None:
    row = delimiter.join(["617555;ani=8009957586", "x", "=1+1"])
    data = delimiter.join(["destination", "a", "b"]) + "\n" + row + "\n"
    report = report_of(data.encode())
    assert b"'=1+1" in report
    (contact,) = read(report.replace(b"617555;", b"6175551234;"))
    assert isinstance(contact, Contact)
    assert contact.dial.sent == "6175551234;ani=8009957586"
    assert contact.variables == {"a": "x", "b": "=1+1"}


def test_a_report_that_is_refused_again_has_its_columns_once() -> None:
    first = report_of(b"destination,a\nx,1\n12,2\n")
    second = report_of(first.replace(b"x,1", b"6175551234,1"))
    assert second.decode("utf-8-sig") == (
        "callwright_line,callwright_problem,destination,a\r\n"
        '3,"destination: must have 10 digits, or + and 8 to 15 digits",12,2\r\n'
    )


def test_a_list_that_names_its_separator_has_a_report_that_does_so_too() -> None:
    report = report_of(b"sep=|\ndestination|a\n12|x\n")
    assert report.decode("utf-8-sig").startswith("sep=|\r\ncallwright_line|")
    (problem,) = read(report)
    assert isinstance(problem, RowProblem)


def test_a_row_that_cannot_be_cut_is_given_back_in_one_piece() -> None:
    (row,) = list(csv.reader(io.StringIO(report_of(b'destination,a\n=1,"x"y\n').decode())))[1:]
    assert row == [
        "2",
        "text follows a closing quote; a quote inside is written twice",
        '\'=1,"x"y',
    ]


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4), st.sampled_from([",", ";", "\t"]))
def test_no_cell_of_a_report_starts_a_formula_and_all_come_back(
    rows: list[tuple[str, str]], delimiter: str
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["destination", "a", "b"])
    # Wrong in its number, so that every row is refused.
    writer.writerows(["x", *(f"{mark}{cell}" for mark, cell in zip("=-", row))] for row in rows)  # noqa: B905
    report = report_of(out.getvalue().encode())
    for cells in csv.reader(
        io.StringIO(report.decode("utf-8-sig"), newline=""), delimiter=delimiter
    ):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    mended = report.replace(
        b"%sx%s" % ((delimiter.encode(),) * 2), b"%s6175551234%s" % ((delimiter.encode(),) * 2)
    )
    contacts = read(mended)
    assert [c.variables for c in contacts if isinstance(c, Contact)] == [
        {"a": "=" + a, "b": "-" + b} for a, b in rows
    ]


def test_a_report_is_read_row_by_row_with_the_same_result_as_blocks() -> None:
    data = report_of(b"destination,a\nx,'=1\n12,'\n").replace(b",12,", b",6175551234,")
    blocks = list(open_list(read_body("text/csv", data), ListLimits()).blocks(default_country="US"))
    assert isinstance(blocks[0], RowProblem)
    assert isinstance(blocks[1], Block)
    assert blocks[1].values[-1] == '{"a":"\'"}'
