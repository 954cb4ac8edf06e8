"""What the log shows of a path and a query: one line, no numbers, no secrets."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.web.request_log import MOST_CHARS, masked, printable, shown_path, shown_query

HOSTILE = [
    "a\nb", "a\rb", "a\r\n{\"event\":\"forged\"}", "a\x0bb", "a\x0cb", "a\x1c\x1d\x1eb", "a\x85b",
    "a\u2028b", "a\u2029b", "a\x00b", "a\x1b[2Jb", "a\x1b]0;title\x07", "a\u202eb", "a\ud800b",
    "a\ufeffb", "a\x7fb", "é" * 50, "%s%n{0}{event}",
]  # fmt: skip


def path(text: str, *, found: bool = False, **params: str) -> str:
    return shown_path({"path": text, "path_params": params}, found=found)


def query(text: str) -> str:
    return shown_query({"query_string": text.encode()})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("/api/outbound/123456", "/api/outbound/123456"),
        ("/api/outbound/6175551234", "/api/outbound/**********"),
        ("/api/outbound/+1 (617) 555-1234", "/api/outbound/+****************"),
        ("/api/outbound/617.555.1234", "/api/outbound/************"),
        ("/api/outbound/1 2 3 4 5 6 7", "/api/outbound/*************"),
    ],
)
def test_what_may_be_a_telephone_number_is_starred_out(text, wanted):
    assert path(text) == wanted


def test_an_id_that_was_found_is_shown():
    text = "/api/outbound/12345678"
    assert path(text, found=True, call_id="12345678") == text
    assert path(text, found=False, call_id="12345678") == "/api/outbound/********"
    assert path(text, found=True, number="12345678") == "/api/outbound/********"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ""),
        ("limit=10&offset=20", "limit=10&offset=20"),
        ("number=6175551234&limit=10", "number=**********&limit=10"),
        ("number=%2B1617%205551234", "number=+************"),
        ("number=%36175551234", "number=**********"),
        ("api_key=abc&Token=e&password=f", "api_key=***&Token=***&password=***"),
        ("developer%5Fkey=ab%26cd", "developer_key=***"),
        ("signature=abc&Authorization=Basic+x", "signature=***&Authorization=***"),
        ("plain", "plain"),
    ],
)  # fmt: skip
def test_a_query_is_shown_without_numbers_and_secrets(text, wanted):
    assert query(text) == wanted


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_on_one_line_and_shows(text):
    for shown in (path("/" + text), printable(text)):
        assert shown.isascii()
        assert shown.isprintable()
        assert len(shown.splitlines()) == 1
        json.dumps(shown).encode()


@given(st.text(max_size=400), st.binary(max_size=400))
def test_any_path_and_query_is_shown_in_bounds(text, raw):
    for shown in (path("/" + text), shown_query({"query_string": raw})):
        assert shown.isascii()
        assert shown.isprintable() or not shown
        assert len(shown) <= MOST_CHARS * 10 + 3


@given(st.from_regex(r"[0-9]{7,20}", fullmatch=True), st.text(max_size=20))
def test_no_long_number_survives(number, around):
    assert number not in masked(around + number + around)
