"""Requests to look something up, records that are pushed, and how reports are written."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.dialects.bodies import BodyKind, Field, Form
from callwright.dialects.formulas import guard
from callwright.dialects.fuse.logs import encode_call_log
from callwright.dialects.insight.records import read_metadatabase_name, read_record
from callwright.dialects.insight.reports import encode_report
from callwright.dialects.lookups import (
    MAX_LIMIT,
    MAX_OFFSET,
    LookUp,
    read_log_request,
    read_report_request,
)
from callwright.domain.ids import CallId, DeploymentId, ProgramId
from callwright.domain.phone import PhoneNumber
from callwright.domain.visit import SurveyReport, Visit
from callwright.errors import FieldInvalid, RequestRefused

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
UNIX = int(NOON.timestamp())


def log_request(start: object, end: object, query: bytes = b"") -> LookUp:
    return read_log_request(str(start), str(end), query, default_country="US")


def test_both_seconds_of_a_span_are_included() -> None:
    asked = log_request(UNIX, UNIX)
    assert (asked.since, asked.before) == (NOON, NOON + timedelta(seconds=1))
    assert (asked.limit, asked.offset, asked.number) == (1000, 0, None)


def test_the_path_says_the_span_whatever_the_query_says() -> None:
    assert log_request(UNIX, UNIX, b"start=1&end=2") == log_request(UNIX, UNIX)


def test_the_last_second_there_is_can_be_named() -> None:
    assert log_request(0, 253_402_300_799).before is None


@pytest.mark.parametrize(
    "query", [b"number=%2B16175551234", b"number=+16175551234", b"number=6175551234"]
)
def test_a_number_is_found_however_it_is_written(query: bytes) -> None:
    assert log_request(1, 2, query).number == PhoneNumber("+16175551234")


def test_a_report_takes_both_moments_or_neither() -> None:
    asked = read_report_request(b"")
    assert (asked.since, asked.before, asked.limit) == (None, None, 500)
    asked = read_report_request(b"start_timestamp=0&end_timestamp=1&limit=10000&offset=3")
    assert (asked.limit, asked.offset) == (10_000, 3)
    with pytest.raises(FieldInvalid, match="end_timestamp"):
        read_report_request(b"start_timestamp=0&end_timestamp=")


@given(
    start=st.one_of(st.text(), st.integers(0, 10**20).map(str)),
    end=st.one_of(st.text(), st.integers(0, 10**20).map(str)),
    query=st.one_of(
        st.binary(max_size=200),
        st.tuples(
            st.sampled_from([b"limit", b"offset", b"number", b"start_timestamp", b"end_timestamp"]),
            st.one_of(st.binary(max_size=30), st.integers().map(lambda n: str(n).encode())),
        ).map(lambda pair: b"=".join(pair)),
    ),
)
def test_anything_is_read_or_refused(start: str, end: str, query: bytes) -> None:
    for read in (lambda: log_request(start, end, query), lambda: read_report_request(query)):
        try:
            asked = read()
        except RequestRefused:
            continue
        assert 1 <= asked.limit <= MAX_LIMIT
        assert 0 <= asked.offset <= MAX_OFFSET
        assert asked.since is None or asked.before is None or asked.since < asked.before


@given(st.one_of(st.text(), st.from_regex(r'\{("[a-c]{0,2}":(1|null|"x"|\[\]),?){0,3}\}?')))
def test_a_record_is_single_values_by_column_or_refused(text: str) -> None:
    form = Form(kind=BodyKind.URLENCODED, fields=[Field(name="record", value=text)])
    try:
        record = read_record(form)
    except FieldInvalid:
        return
    assert not any(isinstance(value, (dict, list)) for value in record.values())


def test_a_push_names_its_metadatabase() -> None:
    form = Form(kind=BodyKind.URLENCODED, fields=[Field(name="metadatabase", value=" Test ")])
    assert read_metadatabase_name(form) == "Test"


def visit(number: str = "+16175550100", caller_id: str = "") -> Visit:
    return Visit(
        call_id=CallId(7),
        attempt=2,
        program_id=ProgramId(1),
        deployment_id=DeploymentId(1),
        number=PhoneNumber(number),
        caller_id=caller_id,
        queued_at=NOON,
        started_at=NOON + timedelta(seconds=1),
        rang_at=None,
        answered_at=NOON + timedelta(seconds=2.9),
        ended_at=NOON + timedelta(seconds=9.1),
        finished=True,
        keyed=(),
    )


def test_a_log_shows_whole_seconds_and_ten_digits_in_north_america_alone() -> None:
    log = encode_call_log([visit(), visit("+3545551234")], 2, NOON)
    first, second = log["calls"]  # type: ignore[misc]
    assert (first["dest"], second["dest"]) == ("6175550100", "+3545551234")
    assert (first["start"], first["end"]) == (UNIX + 2, UNIX + 9)
    assert first["session_id"] == f"7;002;{UNIX + 1}"


def test_a_report_quotes_as_php_does_and_no_cell_is_a_formula() -> None:
    report = SurveyReport(
        survey_id=ProgramId(3),
        survey_name="-Name",
        questions={"q": 'How "much"?', "r": "Why"},
        rows=[(visit(caller_id="+442079460000"), {"q": "=1+1"})],
        total=9,
    )
    body, headers = encode_report(report, offset=4, limit=1)
    header, line, rest = body.decode().split("\n")
    assert header.endswith('Start,End,Completed,"How ""much""?",Why')
    assert line == f"3,'-Name,phone,442079460000,16175550100,{UNIX + 2},{UNIX + 9},yes,'=1+1,"
    assert rest == ""
    assert headers["X-Plum-Total-Rows"] == "9"
    assert headers["X-Plum-Row-Offset"] == "4"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\0"])
def test_a_cell_that_begins_like_a_formula_is_guarded(start: str) -> None:
    assert guard(f"{start}1") == f"'{start}1"
    assert guard(f"1{start}") == f"1{start}"
    assert guard("") == ""
