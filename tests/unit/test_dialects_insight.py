"""Insight on the wire: one test for each documented field, status and shape.

Doc lines are those of "Queuing an Outbound Call", "Queuing Multiple Outbound Calls" and
the outbound call status.
"""

from typing import Any

import msgspec
import pytest
from dialects_samples import answered, at, decode_list, deployment_of, details_of

from callwright.dialects import insight
from callwright.dialects.bodies import read_body
from callwright.domain.account import Product
from callwright.domain.call import Contact, HistoryEntry, HistoryEvent, Schedule
from callwright.domain.ids import CallId
from callwright.domain.lifecycle import CallState
from callwright.errors import (
    BodyMalformed,
    Conflict,
    CredentialsInvalid,
    FieldInvalid,
    ListInvalid,
    MediaTypeUnsupported,
    NotFound,
    NotPermitted,
    RequestRefused,
)

COLUMNS = ("first_name", "Zip Code")
COMMON: dict[str, Any] = {
    "now": at(1_800_000_000),
    "default_country": "US",
    "deployment": deployment_of(Product.INSIGHT, metadatabase=COLUMNS),
    "pci_granted": False,
}
WITHOUT_METADATABASE = deployment_of(Product.INSIGHT)
URLENCODED = "application/x-www-form-urlencoded"


def call(body: bytes, **changed: Any) -> tuple[Schedule, Contact]:
    return insight.decode_call(read_body(URLENCODED, body), **{**COMMON, **changed})


def listed(csv: bytes, fields: bytes = b"", **changed: Any) -> tuple[Schedule, list[Contact]]:
    part = b'--X\r\nContent-Disposition: form-data; name="csv"; filename="l.csv"\r\n\r\n'
    form = read_body("multipart/form-data", part + csv + b"\r\n" + fields + b"--X--\r\n")
    return decode_list(insight, form, **{**COMMON, **changed})


def field(name: str, value: str) -> bytes:
    return f'--X\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def test_a_call_goes_out_immediately_and_makes_a_single_attempt() -> None:
    schedule, contact = call(b"phone_number=6175551234")
    assert schedule.window.opens_at == COMMON["now"]
    assert schedule.retry.max_attempts == 1
    assert contact.variables == {}


@pytest.mark.parametrize(
    "metadata",
    [
        b"metadata[First_Name]=Steve&metadata[zip code]=02110",
        b'metadata={"FIRST_NAME":"Steve","Zip Code":"02110"}',
    ],
)
def test_metadata_names_columns_of_the_metadatabase_in_any_case(metadata: bytes) -> None:
    _, contact = call(b"phone_number=6175551234&" + metadata)
    assert contact.variables == {"first_name": "Steve", "Zip Code": "02110"}


def test_metadata_for_a_column_that_does_not_exist_is_400() -> None:
    with pytest.raises(FieldInvalid, match=r"'age' is no column"):
        call(b"phone_number=6175551234&metadata[age]=1")


def test_a_column_given_twice_is_400() -> None:
    with pytest.raises(FieldInvalid, match="given twice"):
        call(b"phone_number=6175551234&metadata[first_name]=1&metadata[FIRST_NAME]=2")


def test_409_metadata_sent_but_no_metadatabase_set_comes_before_any_400() -> None:
    for metadata in (b"metadata[a]=1", b'metadata={"a":1}', b"metadata=Steve", b"metadata[]=x"):
        with pytest.raises(Conflict, match="metadatabase"):
            call(b"phone_number=x&max_attempts=99&" + metadata, deployment=WITHOUT_METADATABASE)


def test_empty_metadata_is_no_conflict() -> None:
    for metadata in (b"", b"metadata=", b"metadata=[]", b"metadata={}"):
        call(b"phone_number=6175551234&" + metadata, deployment=WITHOUT_METADATABASE)


def test_400_example_too_many_attempts_were_supplied() -> None:
    for name in (b"max_attempts", b"attempts"):
        with pytest.raises(FieldInvalid) as refused:
            call(b"phone_number=6175551234&" + name + b"=11")
        status, value = insight.encode_error(refused.value)
        assert status == 400
        text = b"attempts can only be an integer between 1 and 10."
        assert insight.render(value, xml=False)[0] == (b'{"success":false,"error":"' + text + b'"}')
        assert insight.render(value, xml=True)[0] == (
            b"<result><success>false</success><error>" + text + b"</error></result>"
        )


def test_is_pci_is_ignored() -> None:
    for value in (b"1", b"2", b"x"):
        schedule, _ = call(b"phone_number=6175551234&is_pci=" + value)
        assert not schedule.is_pci


def test_list_columns_are_columns_of_the_metadatabase_in_any_case() -> None:
    _, (contact,) = listed(b"ZIP CODE,phone_number,First_name\n02110,6175551234,Steve\n")
    assert contact.variables == {"Zip Code": "02110", "first_name": "Steve"}


def test_a_list_column_that_does_not_exist_is_400() -> None:
    with pytest.raises(FieldInvalid, match=r"csv: 'age' is no column"):
        listed(b"destination,age\n6175551234,7\n")


def test_409_list_columns_but_no_metadatabase_comes_before_any_400() -> None:
    with pytest.raises(Conflict):
        listed(b"destination,a\nx,1\n", field("attempts", "99"), deployment=WITHOUT_METADATABASE)


def test_a_list_of_numbers_alone_needs_no_metadatabase() -> None:
    _, contacts = listed(b"destination\n6175551234\n", deployment=WITHOUT_METADATABASE)
    assert len(contacts) == 1


def test_400_uploaded_csv_was_invalid_or_not_supplied() -> None:
    with pytest.raises(ListInvalid):
        listed(b"destination\nx\n")
    form = read_body(URLENCODED, b"attempts=1")
    with pytest.raises(FieldInvalid, match="csv: is required"):
        decode_list(insight, form, **COMMON)


@pytest.mark.parametrize(
    ("content_type", "taken"),
    [
        (None, True),
        ("", True),
        (URLENCODED, True),
        ("multipart/form-data", True),
        ("Multipart/Form-Data; boundary=x", True),
        ("application/x-www-form-urlencoded;charset=UTF-8", True),
        ("application/json", False),
        ("text/csv", False),
        ("text/plain", False),
        ("multipart/mixed; boundary=x", False),
        ("application/x-www-form-urlencodedx", False),
        ("garbage", False),
    ],
)
def test_415_content_type_present_and_neither_form_type(
    content_type: str | None, taken: bool
) -> None:
    assert insight.accepts_media_type(content_type, bulk=True) is taken
    assert insight.accepts_media_type(content_type, bulk=False) is taken


@pytest.mark.parametrize(
    ("refusal", "status", "text"),
    [
        (FieldInvalid("x", "is wrong"), 400, "x: is wrong"),
        (BodyMalformed(""), 400, "The request is badly formed."),
        (CredentialsInvalid(), 401, "The credentials are invalid, or the account is inactive."),
        (NotPermitted(), 403, "You do not have the permission to do this."),
        (NotFound("survey"), 404, "No survey was found by that survey id and instance id."),
        (NotFound("call"), 404, "No call was found."),
        (Conflict("The survey has expired."), 409, "The survey has expired."),
        (MediaTypeUnsupported("text/csv"), 415, "text/csv"),
    ],
)
def test_an_error_is_a_status_success_false_and_a_text(
    refusal: RequestRefused, status: int, text: str
) -> None:
    assert insight.encode_error(refusal) == (status, {"success": False, "error": text})


def test_200_success_with_the_call_id() -> None:
    value = insight.encode_queued(CallId(12345))
    assert insight.render(value, xml=False) == (
        b'{"success":true,"call_id":12345}',
        "application/json",
    )
    assert insight.render(value, xml=True) == (
        b"<result><success>true</success><call_id>12345</call_id></result>",
        "application/xml; charset=utf-8",
    )


def test_200_success_of_a_list() -> None:
    value = insight.encode_list_queued(2)
    assert insight.render(value, xml=False)[0] == b'{"success":true}'
    assert insight.render(value, xml=True)[0] == b"<result><success>true</success></result>"


def test_call_details_have_the_shape_of_the_documented_example() -> None:
    details = details_of(
        Product.INSIGHT,
        queued=1429214458,
        start=1429214400,
        end=1429218000,
        state=CallState.CANCELED,
        ended=1429214474,
    )
    example = (
        '{"success":true,"call_details":{"status":"canceled","attempts":"0","max_attempts":"1",'
        '"queued_timestamp":"1429214458","last_attempt_timestamp":"1429214474",'
        '"start_timestamp":"1429214400","end_timestamp":"1429218000","reattempt_wait":"0",'
        '"events":[{"event":"queued","timestamp":"1429214458"},'
        '{"event":"canceled","timestamp":"1429214474"}]}}'
    )
    assert insight.render(insight.encode_details_reply(details), xml=False)[0].decode() == example


def test_without_scheduled_times_insight_shows_none_even_after_a_conversation() -> None:
    value = insight.encode_details(
        details_of(
            Product.INSIGHT,
            queued=1000,
            wait_s=60,
            max_attempts=2,
            state=CallState.COMPLETED,
            attempts=(answered(1, 1001, 1010, 1020),),
            ended=1020,
        )
    )
    assert (value["start_timestamp"], value["end_timestamp"]) == ("", "")
    assert value["last_attempt_timestamp"] == "1020"
    assert value["reattempt_wait"] == "60"
    assert "phone_number" not in value
    assert "duration" not in value


def test_every_history_event_has_a_word_on_the_wire() -> None:
    history = tuple(HistoryEntry(event=event, at=at(1000)) for event in HistoryEvent)
    details = msgspec.structs.replace(details_of(Product.INSIGHT), history=history)
    events = insight.encode_details(details)["events"]
    assert isinstance(events, list)
    assert [event["event"] for event in events] == [
        "queued", "dialing", "connected", "disconnected", "failed", "canceled", "rejected",
    ]  # fmt: skip
