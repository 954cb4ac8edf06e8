"""Fuse on the wire: one test for each documented field, status and shape.

Doc lines are those of "Queue Call", "Queue Multiple Calls" and the outbound call status.
"""

import json
from typing import Any

import pytest
from dialects_samples import answered, at, decode_list, deployment_of, details_of

from callwright.dialects import fuse
from callwright.dialects.bodies import read_body
from callwright.domain.account import Product
from callwright.domain.call import Attempt, Contact, Schedule
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
    TooLarge,
)

COMMON: dict[str, Any] = {
    "now": at(1_800_000_000),
    "default_country": "US",
    "deployment": deployment_of(Product.FUSE),
    "pci_granted": False,
}
URLENCODED = "application/x-www-form-urlencoded"


def call(body: bytes, content_type: str = URLENCODED, **changed: Any) -> tuple[Schedule, Contact]:
    return fuse.decode_call(read_body(content_type, body), **{**COMMON, **changed})


def listed(body: bytes, **changed: Any) -> tuple[Schedule, list[Contact]]:
    form = read_body("text/csv", body)
    return decode_list(fuse, form, **{**COMMON, **changed})


def test_a_call_goes_out_immediately_and_makes_a_single_attempt() -> None:
    schedule, contact = call(b"phone_number=6175551234")
    assert schedule.window.opens_at == COMMON["now"]
    assert schedule.retry.max_attempts == 1
    assert contact.dial.number.e164 == "+16175551234"
    assert contact.variables == {}


def test_metadata_is_a_json_object_of_variables() -> None:
    _, contact = call(b'phone_number=6175551234&metadata={"first_name":"Steve"}')
    assert contact.variables == {"first_name": "Steve"}


def test_a_json_body_is_read_on_single_calls() -> None:
    schedule, contact = call(
        b'{"phone_number": "6175551234", "max_attempts": 2, "reattempt_wait": 60,'
        b' "metadata": {"n": 1}}',
        "application/json",
    )
    assert schedule.retry.max_attempts == 2
    assert contact.variables == {"n": 1}


def test_metadata_names_are_names_of_variables() -> None:
    with pytest.raises(FieldInvalid, match="no variable name"):
        call(b'phone_number=6175551234&metadata={"first name":"Steve"}')


def test_unknown_fields_are_ignored() -> None:
    call(b"phone_number=6175551234&foo=bar&csv=x&metadata.x=1")


def test_max_attempts_is_between_1_and_10() -> None:
    for body in (b"phone_number=6175551234&max_attempts=11", b"phone_number=6175551234&attempts=0"):
        with pytest.raises(FieldInvalid) as refused:
            call(body)
        assert str(refused.value) == "max_attempts can only be an integer between 1 and 10."


def test_is_pci_without_the_grant_is_403_before_any_400() -> None:
    with pytest.raises(NotPermitted):
        call(b"is_pci=1&phone_number=x&max_attempts=99")
    form = read_body(URLENCODED, b"is_pci=1&max_attempts=99")
    with pytest.raises(NotPermitted):
        decode_list(fuse, form, **COMMON)
    schedule, _ = call(b"is_pci=1&phone_number=6175551234", pci_granted=True)
    assert schedule.is_pci


def test_a_list_is_a_csv_of_contacts_with_one_schedule() -> None:
    schedule, contacts = listed(b"destination,first name\n6175551234,Steve\n6175551235,Ana\n")
    assert [dict(c.variables) for c in contacts] == [
        {"first name": "Steve"},
        {"first name": "Ana"},
    ]
    assert not schedule.start_given


def test_an_invalid_list_queues_nothing() -> None:
    with pytest.raises(ListInvalid):
        listed(b"destination\n6175551234\nx\n")


def test_fuse_documents_no_415() -> None:
    for content_type in (None, "", URLENCODED, "text/csv", "application/json", "text/plain"):
        assert fuse.accepts_media_type(content_type, bulk=True)
        assert fuse.accepts_media_type(content_type, bulk=False)


@pytest.mark.parametrize(
    ("refusal", "status", "text"),
    [
        (FieldInvalid("x", "is wrong"), 400, "x: is wrong"),
        (FieldInvalid("x", "Documented.", exact=True), 400, "Documented."),
        (BodyMalformed("Cut off."), 400, "Cut off."),
        (ListInvalid([(2, "bad")], 1), 400, "csv: 1 bad row, nothing was queued. line 2: bad"),
        (CredentialsInvalid(), 401, "The credentials are invalid, or the account is inactive."),
        (CredentialsInvalid("no such user"), 401,
         "The credentials are invalid, or the account is inactive."),
        (NotPermitted(), 403, "You do not have the permission to do this."),
        (NotPermitted("Not yours."), 403, "Not yours."),
        (NotFound("deployment"), 404,
         "No deployment was found by that application id and deployment id."),
        (NotFound("call"), 404, "No call was found."),
        (NotFound("path"), 404, "No path was found."),
        (Conflict("The application was deleted."), 409, "The application was deleted."),
        (TooLarge("Too many rows."), 400, "Too many rows."),
        (MediaTypeUnsupported("Not compressed."), 400, "Not compressed."),
        (RequestRefused("no"), 400, "no"),
    ],
)  # fmt: skip
def test_an_error_is_a_status_and_an_error_text(
    refusal: RequestRefused, status: int, text: str
) -> None:
    assert fuse.encode_error(refusal) == (status, {"error": text})


def test_200_success_call_successfully_queued() -> None:
    value = fuse.encode_queued(CallId(12345))
    assert fuse.render(value, xml=False) == (b'{"call_id":12345}', "application/json")
    assert fuse.render(value, xml=True)[0] == (
        b'<?xml version="1.0"?>\n<result><call_id>12345</call_id></result>'
    )


def test_200_success_calls_successfully_queued() -> None:
    value = fuse.encode_list_queued(2)
    assert fuse.render(value, xml=False)[0] == b'{"calls_queued":2}'
    body, content_type = fuse.render(value, xml=True)
    assert body == b'<?xml version="1.0"?>\n<result><calls_queued>2</calls_queued></result>'
    assert content_type == "application/xml; charset=utf-8"


def test_400_on_failure_multiple_attempts_were_set_without_a_retry_interval() -> None:
    with pytest.raises(FieldInvalid) as refused:
        call(b"phone_number=6175551234&max_attempts=2")
    _, value = fuse.encode_error(refused.value)
    text = b"The reattempt_wait parameter must be supplied when max_attempts is greater than 1."
    assert fuse.render(value, xml=False)[0] == b'{"error":"' + text + b'"}'
    assert fuse.render(value, xml=True)[0] == (
        b'<?xml version="1.0"?>\n<result><error>' + text + b"</error></result>"
    )


def test_call_details_are_those_of_the_documented_example() -> None:
    details = details_of(
        Product.FUSE,
        state=CallState.COMPLETED,
        attempts=(answered(1, 1475095893, 1475095925.9, 1475095928.1),),
        ended=1475095928.1,
    )
    example = (
        '{"call_details":{"max_attempts":"1","attempts":"1",'
        '"events":[{"event":"queued","timestamp":1475095892},'
        '{"event":"dialing","timestamp":1475095893},'
        '{"event":"connected","timestamp":1475095925},'
        '{"event":"disconnected","timestamp":1475095928}],'
        '"phone_number":"6173720293","status":"completed","queued_timestamp":"1475095892",'
        '"start_timestamp":"1475095925","end_timestamp":"1475095928",'
        '"reattempt_wait":"300","duration":3}}'
    )
    assert fuse.render(fuse.encode_details_reply(details), xml=False)[0].decode() == example


def test_call_details_in_xml_name_each_event_item() -> None:
    body, _ = fuse.render(fuse.encode_details_reply(details_of(Product.FUSE)), xml=True)
    assert body.decode() == (
        '<?xml version="1.0"?>\n<result><call_details><max_attempts>1</max_attempts>'
        "<attempts>0</attempts><events><item><event>queued</event>"
        "<timestamp>1475095892</timestamp></item></events>"
        "<phone_number>6173720293</phone_number><status>queued</status>"
        "<queued_timestamp>1475095892</queued_timestamp><start_timestamp/><end_timestamp/>"
        "<reattempt_wait>300</reattempt_wait><duration>0</duration></call_details></result>"
    )


def test_scheduled_times_are_shown_when_they_were_given() -> None:
    details = details_of(
        Product.FUSE,
        queued=1000,
        start=2000,
        end=3000,
        wait_s=60,
        max_attempts=2,
        state=CallState.COMPLETED,
        attempts=(answered(1, 2000, 2010, 2020),),
        ended=2020,
    )
    value = fuse.encode_details(details)
    assert (value["start_timestamp"], value["end_timestamp"]) == ("2000", "3000")
    assert value["reattempt_wait"] == "60"
    assert value["duration"] == 10


def test_until_it_is_over_a_conversation_has_no_end_and_no_duration() -> None:
    details = details_of(
        Product.FUSE,
        queued=1000,
        state=CallState.CONNECTED,
        attempts=(answered(1, 1001, 1010, 1020), answered(2, 1100, 1110, None)),
    )
    value = fuse.encode_details(details)
    assert (value["start_timestamp"], value["end_timestamp"]) == ("1110", "")
    assert value["duration"] == 0


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (CallState.QUEUED, "queued"),
        (CallState.WAITING, "queued"),
        (CallState.CLAIMED, "queued"),
        (CallState.DIALING, "dialing"),
        (CallState.CONNECTED, "connected"),
        (CallState.COMPLETED, "completed"),
        (CallState.CANCELED, "canceled"),
        (CallState.EXHAUSTED, "failed"),
        (CallState.EXPIRED, "failed"),
        (CallState.REJECTED, "rejected"),
    ],
)
def test_the_status_is_the_documented_word_for_each_state(state: CallState, word: str) -> None:
    assert fuse.encode_details(details_of(Product.FUSE, state=state))["status"] == word


def test_attempts_are_dial_attempts_really_made() -> None:
    given_back = Attempt(number=1, started_at=at(1001), ended_at=at(1002), counts=False)
    failed = Attempt(number=2, started_at=at(1010), ended_at=at(1020))
    value = fuse.encode_details(
        details_of(
            Product.FUSE,
            queued=1000,
            state=CallState.EXHAUSTED,
            attempts=(given_back, failed),
            ended=1020,
        )
    )
    assert value["attempts"] == "1"
    assert value["events"] == [
        {"event": "queued", "timestamp": 1000},
        {"event": "dialing", "timestamp": 1010},
        {"event": "failed", "timestamp": 1020},
    ]


def test_phone_number_is_the_string_as_it_was_sent() -> None:
    sent = "tel:16175551234;ani=8009957586;postd=2"
    value = fuse.encode_details(details_of(Product.FUSE, sent=sent))
    assert json.loads(fuse.render(value, xml=False)[0])["phone_number"] == sent
