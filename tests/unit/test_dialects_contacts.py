"""Lists of contacts: the rules of the wire contract's section 5, one test a rule."""

import codecs
import tracemalloc

import pytest

from callwright.dialects.bodies import read_body
from callwright.dialects.contacts import (
    ContactList,
    ListLimits,
    RowProblem,
    all_or_nothing,
    open_list,
)
from callwright.domain.call import Contact
from callwright.errors import FieldInvalid, ListInvalid, RequestRefused, TooLarge

NUMBER = "+16175551234"


def opened(data: bytes, limits: ListLimits | None = None) -> ContactList:
    return open_list(read_body("text/csv", data), limits or ListLimits())


def contacts(data: bytes, limits: ListLimits | None = None) -> list[Contact]:
    return list(all_or_nothing(opened(data, limits).contacts(default_country="US")))


def row(data: bytes) -> tuple[str, str, dict[str, object]]:
    (contact,) = contacts(data)
    return contact.dial.number.e164, contact.dial.ani, dict(contact.variables)


def problems(data: bytes) -> tuple[tuple[tuple[int, str], ...], int]:
    with pytest.raises(ListInvalid) as refused:
        contacts(data)
    return refused.value.problems, refused.value.total


@pytest.mark.parametrize("name", ["destination", "phone_number", "Phone_Number", " DESTINATION "])
def test_the_number_column_is_destination_or_phone_number(name: str) -> None:
    assert row(name.encode() + b",first_name\n6175551234,Steve\n") == (
        NUMBER,
        "",
        {"first_name": "Steve"},
    )


def test_the_number_column_may_stand_anywhere() -> None:
    assert row(b"a,destination,b\n1,6175551234,2\n") == (NUMBER, "", {"a": "1", "b": "2"})


def test_other_columns_are_variables_with_trimmed_names_and_untouched_cells() -> None:
    assert row(b"destination, First Name \n6175551234, Steve \n")[2] == {"First Name": " Steve "}


def test_the_number_cell_may_carry_ani_and_postd() -> None:
    (contact,) = contacts(b'destination\n"tel:+16175551234;ani=8009957586;postd=2"\n')
    assert contact.dial.ani == "+18009957586"
    assert contact.dial.postd == "2"
    assert contact.dial.sent == "tel:+16175551234;ani=8009957586;postd=2"


TEXT = "destination,name\n6175551234,Núñez\n"


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("windows-1252"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.rstrip("\n").encode(),
        TEXT.replace(",", ";").encode(),
        TEXT.replace(",", "\t").encode(),
        b"\r\n" + TEXT.encode(),
        b"sep=,\r\n" + TEXT.encode(),
        b'"sep=;"\n' + TEXT.replace(",", ";").encode(),
        b"SEP=|\n" + TEXT.replace(",", "|").encode(),
        '"destination","name"\n"6175551234","Núñez"\n'.encode(),
    ],
)
def test_every_encoding_line_end_and_delimiter_reads_the_same(data: bytes) -> None:
    assert row(data) == (NUMBER, "", {"name": "Núñez"})


def test_a_euro_sign_of_windows_is_one() -> None:
    assert row(b"destination,price\n6175551234,5\x80\n")[2] == {"price": "5€"}


@pytest.mark.parametrize(
    "data",
    [
        b"destination\n6175551234;ani=8009957586\n",
        b"destination;name\n6175551234;ani=8009957586;Steve\n",
        b"destination;name\n6175551234; ANI=8009957586;Steve\n",
        b'destination;name\n"6175551234;ani=8009957586";Steve\n',
        b"name;destination\nSteve;6175551234;ani=8009957586\n",
        b"destination,name\n6175551234;ani=8009957586,Steve\n",
        b"destination\tname\n6175551234;ani=8009957586\tSteve\n",
        b"sep=;\ndestination;name\n6175551234;ani=8009957586;Steve\n",
    ],
)
def test_no_cut_ever_splits_a_dial_parameter(data: bytes) -> None:
    number, ani, variables = row(data)
    assert (number, ani) == (NUMBER, "+18009957586")
    assert variables in ({}, {"name": "Steve"})


def test_two_dial_parameters_stay_with_their_number() -> None:
    (contact,) = contacts(b"destination;n\n6175551234;postd=2;ani=8009957586;x\n")
    assert (contact.dial.ani, contact.dial.postd) == ("+18009957586", "2")
    assert contact.variables == {"n": "x"}


def test_the_delimiter_is_the_one_that_leaves_the_number_column_whole() -> None:
    assert row(b"destination,a;b;c\n6175551234,x;y\n")[2] == {"a;b;c": "x;y"}


def test_quotes_hold_delimiters_line_ends_and_doubled_quotes() -> None:
    assert row(b'destination,note\n6175551234,"a ""b"", c\r\nd"\n')[2] == {"note": 'a "b", c\r\nd'}


def test_a_header_may_hold_quoted_line_ends() -> None:
    with pytest.raises(ListInvalid, match="control characters"):
        contacts(b'destination,"a\nb"\n6175551234,x\n')


def test_blank_rows_are_skipped() -> None:
    assert len(contacts(b"destination,a\n\n6175551234,x\n,\n  ,  \n\r\n6175551235,y\n\n")) == 2


def test_short_rows_have_empty_values() -> None:
    assert row(b"destination,a,b\n6175551234\n")[2] == {"a": "", "b": ""}


def test_other_separators_of_unicode_are_no_line_ends() -> None:
    assert row("destination,a\n6175551234,x\u2028y\x0bz\x85\n".encode())[2] == {
        "a": "x\u2028y\x0bz\x85"
    }


def test_duplicates_are_kept() -> None:
    assert len(contacts(b"destination\n6175551234\n6175551234\n")) == 2


def test_excel_damage_is_refused_by_name_and_point_zero_is_mended() -> None:
    assert row(b"destination\n6175551234.0\n")[0] == NUMBER
    assert row(b"destination\n16175551234.0\n")[0] == NUMBER
    for damaged in (b"6.17555E+09", b"6.17555e9", b'"6,17555E+09"'):
        ((line, text),), _ = problems(b"destination\n" + damaged + b"\n")
        assert line == 2
        assert "spreadsheet" in text


def test_the_zero_that_a_spreadsheet_adds_never_becomes_a_digit() -> None:
    # The dot is a separator elsewhere: these nine digits would be ten, and ring somebody.
    ((_, text),), _ = problems(b"destination\n617555123.0\n")
    assert "10 digits" in text


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"destination,a\n6175551234,x,y\n", 2, "3 cells"),
        (b"destination,a\n6175551234,x\n6175551234,x,\n", 3, "3 cells"),
        (b"destination,a,A\n6175551234,x,y\n", 1, "two columns"),
        (b"destination,Destination\n", 1, "two columns"),
        (b"destination,phone_number\n6175551234,6175551234\n", 1, "both"),
        (b"destination,\n6175551234,x\n", 1, "column 2 has no name"),
        (b"number,a\n6175551234,x\n", 1, "names no destination"),
        (b"6175551234,Steve\n", 1, "names no destination"),
        (b"destination,a\n6175551234,x\0y\n", 2, "NUL"),
        ("destination\n6175551234\n".encode("utf-16-le"), 1, "NUL"),
        (b'destination,a\n6175551234,"x\n6175551235,y\n', 2, "never closed"),
        (b'destination,"a\n6175551234,x\n', 1, "never closed"),
        (b'destination,a\n6175551234,"x"y\n', 2, "closing quote"),
        (b"destination,a\n6175551234," + b"x" * 8193 + b"\n", 2, "8 KiB"),
        (b"destination,a\n6175551234," + "ñ".encode() * 4097 + b"\n", 2, "8 KiB"),
        (b"destination,a\n6175551234," + b"x" * 70000 + b"\n", 2, "64 KiB"),
        (b'destination,a\n6175551234,"' + b"x\n" * 40000 + b'"\n', 2, "64 KiB"),
        (b"destination,a\n6175551234,\x81\n", 2, "Windows-1252"),
        (b"destination,a\r\n1\r2\r\n\x81\n", 4, "Windows-1252"),
        (codecs.BOM_UTF8 + b"destination,a\n6175551234,\xff\n", 2, "UTF-8"),
        (codecs.BOM_UTF16_LE + "destination\n1\n".encode("utf-16-le") + b"\x00\xd8", 3, "UTF-16"),
        (codecs.BOM_UTF16_BE + "destination\n1".encode("utf-16-be") + b"\x00", 2, "UTF-16"),
        (b"destination," + b",".join(b"c%d" % i for i in range(200)) + b"\n", 1, "201 columns"),
        (b"destination,a\n,x\n", 2, "is required"),
        (b"destination,a\nx\n", 2, "digits"),
        (b"destination,a\n911,x\n", 2, "emergency"),
        (b'destination,a\n6175551234,"1\n2\n3"\n\nx,y\n', 6, "digits"),
        (b"sep=,\n\ndestination\nx\n", 4, "digits"),
    ],
)
def test_a_list_that_is_wrong_is_refused_by_line(data: bytes, line: int, words: str) -> None:
    ((first_line, text), *_), total = problems(data)
    assert first_line == line
    assert words in text
    assert total == 1


def test_one_bad_row_refuses_the_whole_list_and_the_first_five_are_named() -> None:
    data = b"destination\n6175551234\n" + b"x\n" * 7 + b"6175551235\n"
    found, total = problems(data)
    assert [line for line, _ in found] == [3, 4, 5, 6, 7]
    assert total == 7
    with pytest.raises(ListInvalid, match=r"7 bad rows, nothing was queued\..*and 2 more"):
        contacts(data)


def test_rows_are_counted_up_to_where_the_file_cannot_be_cut_any_further() -> None:
    found, total = problems(b'destination\nx\n6175551234\n"617\n6175551235\n')
    assert [line for line, _ in found] == [2, 4]
    assert total == 2


def test_after_text_behind_a_quote_reading_goes_on_with_the_next_line() -> None:
    rows = list(
        opened(b'destination,a\n6175551234,"x"y\n6175551235,z\n').contacts(default_country="US")
    )
    assert isinstance(rows[0], RowProblem)
    assert isinstance(rows[1], Contact)


def test_lenient_reading_yields_good_rows_and_reasons_in_order() -> None:
    rows = list(
        opened(b"destination,a\n6175551234,x\n12,y\n6175551235,z\n").contacts(default_country="US")
    )
    assert [type(r) for r in rows] == [Contact, RowProblem, Contact]
    assert rows[1] == RowProblem(
        line=3,
        problem="destination: must have 10 digits, or + and 8 to 15 digits",
        cells=("12", "y"),
        text="12,y",
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"destination,a\n", "no contacts"),
        (b"destination,a\n\n,\n", "no contacts"),
        (b"\n\n", "empty"),
        (b"sep=;\n", "empty"),
        (codecs.BOM_UTF8, "empty"),
    ],
)
def test_a_list_without_contacts_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(FieldInvalid, match=words):
        contacts(data)


@pytest.mark.parametrize(
    "value", ["@/path/to/list.csv", "@list.csv", "@C:\\x.csv;type=text/csv", "@/x.csv\r\n"]
)
def test_a_path_in_place_of_the_file_is_refused_with_what_to_do(value: str) -> None:
    body = f'--X\r\nContent-Disposition: form-data; name="csv"\r\n\r\n{value}\r\n--X--'.encode()
    with pytest.raises(FieldInvalid, match="curl_file_create"):
        open_list(read_body("multipart/form-data", body), ListLimits())


def test_a_list_that_starts_with_an_at_sign_is_no_path() -> None:
    with pytest.raises(ListInvalid, match="names no destination"):
        opened(b"@a,b\n1,2\n")


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        ("application/x-www-form-urlencoded", b"a=1", "is required"),
        ("application/x-www-form-urlencoded", b"csv=", "is empty"),
        ("application/json", b'{"csv": "destination\\n6175551234"}', "multipart/form-data"),
        (None, b"", "is required"),
    ],
)
def test_a_list_that_was_not_sent_is_refused(
    content_type: str | None, body: bytes, words: str
) -> None:
    with pytest.raises(FieldInvalid, match=words):
        open_list(read_body(content_type, body), ListLimits())


def test_a_list_in_an_urlencoded_form_is_read() -> None:
    form = read_body("application/x-www-form-urlencoded", b"csv=destination%0A6175551234%0A")
    (contact,) = open_list(form, ListLimits()).contacts(default_country="US")
    assert isinstance(contact, Contact)


def test_limits_of_rows_bytes_and_columns_hold() -> None:
    data = b"destination,a\n6175551234,x\n6175551234,x\n"
    assert len(contacts(data, ListLimits(rows=2, bytes=len(data), columns=2))) == 2
    with pytest.raises(TooLarge, match="more than 1 rows"):
        contacts(data, ListLimits(rows=1))
    with pytest.raises(TooLarge, match="more than 1 rows"):
        contacts(b"destination\n6175551234\n\n\n", ListLimits(rows=1))
    with pytest.raises(TooLarge, match="larger than"):
        contacts(data, ListLimits(bytes=len(data) - 1))
    with pytest.raises(RequestRefused, match="2 columns"):
        contacts(data, ListLimits(columns=1))


def test_reading_a_list_takes_memory_for_one_row_not_for_all() -> None:
    data = b"destination,a\n" + b"6175551234,some text in a cell\n" * 2_000
    contacts_of = opened(data)
    for _ in contacts_of.contacts(default_country="US"):
        break  # what is made once: buffers, regular expressions
    rows = opened(data).contacts(default_country="US")
    tracemalloc.start()
    try:
        for _ in rows:
            pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_a_renamed_column_brings_its_value_under_the_new_name() -> None:
    (contact,) = opened(b"FIRST,destination\nx,6175551234\n").contacts(
        default_country="US", names=("first",)
    )
    assert isinstance(contact, Contact)
    assert contact.variables == {"first": "x"}


def test_numbers_without_a_plus_are_of_the_default_country() -> None:
    (contact,) = opened(b"destination\n030 901820\n").contacts(default_country="DE")
    assert isinstance(contact, Contact)
    assert contact.dial.number.e164 == "+4930901820"
