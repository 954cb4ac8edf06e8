"""Which numbers may be dialled, in which forms, and what becomes of them."""

import pytest
from refused_numbers import problem_of

from callwright.domain.phone import (
    MAX_POSTD,
    DialString,
    mask_number,
    parse_caller_id,
    parse_dial_string,
    parse_phone_number,
)
from callwright.errors import FieldInvalid


@pytest.mark.parametrize(
    ("sent", "e164", "ani", "postd"),
    [
        # Wire contract, section 4: the documented forms, in its order.
        ("6175551234", "+16175551234", "", ""),
        ("16175551234", "+16175551234", "", ""),
        ("tel:+16175551234", "+16175551234", "", ""),
        ("tel:16175551234;ani=2125551234", "+16175551234", "+12125551234", ""),
        ("tel:16175551234;ani=2125551234;postd=2", "+16175551234", "+12125551234", "2"),
        ("16175551234;ani=8009957586", "+16175551234", "+18009957586", ""),
        ("16175551234;postd=2", "+16175551234", "", "2"),
        ("+1234567890;ani=8001234567", "+1234567890", "+18001234567", ""),
        # Its rules: any case, any order, punctuation dropped.
        ("TEL:6175551234", "+16175551234", "", ""),
        ("tel:6175551234;POSTD=12;ANI=2125551234", "+16175551234", "+12125551234", "12"),
        ("6175551234;Ani=+442079460000", "+16175551234", "+442079460000", ""),
        ("(617) 555-1234", "+16175551234", "", ""),
        ("617.555.1234", "+16175551234", "", ""),
        ("1-617-555-1234", "+16175551234", "", ""),
        ("+1 (617) 555-1234", "+16175551234", "", ""),
        ("+44 20 7946 0000", "+442079460000", "", ""),
        ("6175551234 ; ani = 2125551234", "+16175551234", "+12125551234", ""),
        # 8 to 15 digits after a plus are kept.
        ("+29012345", "+29012345", "", ""),
        ("+491512345678901", "+491512345678901", "", ""),
    ],
)
def test_each_documented_form_is_read(sent: str, e164: str, ani: str, postd: str) -> None:
    dial = parse_dial_string(sent)
    assert dial == DialString(sent=sent, number=dial.number, ani=ani, postd=postd)
    assert dial.number.e164 == str(dial.number) == e164


def test_the_text_as_sent_is_kept_but_for_spaces_around_it() -> None:
    assert parse_dial_string("  (617) 555-1234;postd=1 ").sent == "(617) 555-1234;postd=1"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "tel:",
        "+",
        "()",
        ";ani=2125551234",
        # Letters, other scripts' digits, and what a phone library would forgive.
        "617555CALL",
        "1-800-FLOWERS",
        "anonymous",
        "６１７５５５１２３４",
        "٦١٧٥٥٥١٢٣٤",
        "६१७५५५१२३४",
        "617555123²",
        "＋16175551234",
        "0116175551234",
        "tel:6175551234;phone-context=+1",
        # What would mean something to a dial plan, a URI or a header.
        "6175551234@example.com",
        "6175551234&SIP/trunk/911",
        "617555%31234",
        "6175551234%0d%0aX: y",
        "6175551234\r\nX-Injected: y",
        "6175551234\n",
        "\n6175551234",
        "6175551234\r",
        "617555\x001234",
        "6175551234\t",
        "617\u00a0555\u00a01234",
        "617\u20115551234",
        "6175551234>",
        '"6175551234"',
        "6175551234,,5",
        "sip:6175551234",
        "tel:tel:6175551234",
        "tel: tel:6175551234",
        "++16175551234",
        "1+6175551234",
        # Extensions.
        "6175551234x5",
        "6175551234 ext 5",
        "6175551234#5",
        "6175551234;ext=5",
        # Parameters.
        "6175551234;",
        "6175551234;ani",
        "6175551234;foo=1",
        "6175551234;ani=2125551234;ani=2125551234",
        "6175551234;postd=1;POSTD=1",
        "6175551234;ani=2125551234;",
        "6175551234;isub=1",
        # Lengths.
        "5551234",
        "617555123",
        "26175551234",
        "617555123456",
        "+1234567",
        "+1234567890123456",
        "+06175551234",
        "6" * 300,
        # A spreadsheet's damage.
        "6.17555E+09",
        "6,17555E+09",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    assert problem_of(text)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "required"),
        ("6.17555E+09", "spreadsheet"),
        ("6175551234;foo=1", ";ani= and ;postd="),
        ("6175551234;postd=1;postd=2", "twice"),
        ("5551234", "10 digits"),
        ("7" * 257, "256"),
        ("911", "emergency"),
    ],
)
def test_a_refusal_says_what_to_do(text: str, hint: str) -> None:
    assert hint in problem_of(text)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        *((number, "US") for number in ("911", "112", "988", "999", "000")),
        *((f"{n}11", "US") for n in range(2, 10)),
        ("tel:911", "US"),
        ("9-1-1", "US"),
        ("+911", "US"),
        ("+112", "US"),
        ("1911", "US"),
        ("+1911", "US"),
        ("+1 911", "US"),
        # A switch that reads digit by digit rings the service after three of them.
        ("9115551234", "US"),
        ("19115551234", "US"),
        ("+19115551234", "US"),
        ("(911) 555-1234", "US"),
        ("+1 411 555 1234", "US"),
        ("9885551234", "US"),
        ("1125551234", "US"),
        ("9995551234", "US"),
        ("+10005551234", "US"),
        ("911;postd=1", "US"),
        # Abroad, whatever the default country is.
        ("+44999", "US"),
        ("+44999123456", "US"),
        ("+449991234567", "US"),
        ("+441121234567", "US"),
        ("+4911012345", "US"),
        ("+4911212345678", "US"),
        ("+49116117", "US"),
        ("+39116117", "US"),
        ("+44116123", "US"),
        ("+44118500", "US"),
        ("+61000123456", "US"),
        ("+852999123456", "US"),
        ("+85299912", "US"),
        ("+99912345678", "US"),
        # At home elsewhere.
        ("999", "GB"),
        ("112", "GB"),
        ("101", "GB"),
        ("111", "GB"),
        ("116123", "GB"),
        ("9991234567", "GB"),
        ("110", "DE"),
        ("112", "DE"),
        ("116117", "DE"),
        ("1101234567", "DE"),
        ("000", "AU"),
        ("0001234567", "AU"),
        ("15", "FR"),
        ("112", "FR"),
        ("118000", "FR"),
        ("9115551234", "CA"),
    ],
)
def test_emergency_and_service_numbers_are_never_dialled(text: str, country: str) -> None:
    assert problem_of(text, country)


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        # Real numbers that begin like a service of their country or of ours.
        ("+33 1 53 00 11 22", "US", "+33153001122"),
        ("01 53 00 11 22", "FR", "+33153001122"),
        ("01 12 34 56 78", "FR", "+33112345678"),
        ("+91 11 2345 6789", "US", "+911123456789"),
        ("+353 1 123 4567", "US", "+35311234567"),
        ("+34 911 234 567", "US", "+34911234567"),
        ("+55 11 98765 4321", "US", "+5511987654321"),
        ("+66 2 123 4567", "US", "+6621234567"),
        ("+998 90 123 45 67", "US", "+998901234567"),
        ("+65 9123 4567", "US", "+6591234567"),
        ("+39 06 1234 5678", "US", "+390612345678"),
        ("13 11 14", "AU", "+61131114"),
        # National forms elsewhere.
        ("020 7946 0000", "GB", "+442079460000"),
        ("07700 900123", "GB", "+447700900123"),
        ("030 123456", "DE", "+4930123456"),
        ("0151 23456789", "DE", "+4915123456789"),
        ("(02) 9876 5432", "AU", "+61298765432"),
        ("0412 345 678", "AU", "+61412345678"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("06 1234 5678", "IT", "+390612345678"),
        ("613-555-0123", "CA", "+16135550123"),
        ("+16175551234", "DE", "+16175551234"),
        # Numbers in North America whose exchange, not area, is a service's.
        ("617 911 1234", "US", "+16179111234"),
    ],
)
def test_real_numbers_of_any_country_pass(text: str, country: str, e164: str) -> None:
    assert parse_phone_number(text, default_country=country).e164 == e164


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("011442079460000", "US"),
        ("00442079460000", "DE"),
        ("0044999123456", "DE"),
        ("0019115551234", "GB"),
        ("0011442079460000", "AU"),
        ("010442079460000", "JP"),
    ],
)
def test_an_international_prefix_is_refused_in_favour_of_a_plus(text: str, country: str) -> None:
    assert "+" in problem_of(text, country)


@pytest.mark.parametrize(
    ("text", "country", "caller_id"),
    [
        ("2125551234", "US", "+12125551234"),
        ("12125551234", "CA", "+12125551234"),
        ("+12125551234", "US", "+12125551234"),
        ("12345", "US", "12345"),
        ("22125551234", "US", "22125551234"),
        ("02079460000", "GB", "02079460000"),
        ("123", "US", "123"),
        ("123456789012345", "US", "123456789012345"),
    ],
)
def test_a_caller_id_is_completed_only_where_it_is_clear(
    text: str, country: str, caller_id: str
) -> None:
    assert parse_caller_id(text, default_country=country) == caller_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        "1" * 16,
        "+",
        "212-555-1234",
        "anonymous",
        "２１２５５５１２３４",
        '"x"',
        "212\r\n",
    ],
)
def test_a_bad_caller_id_is_refused(text: str) -> None:
    assert "ani" in problem_of(f"6175551234;ani={text}")
    with pytest.raises(FieldInvalid) as refused:
        parse_caller_id(text)
    assert refused.value.field == "ani"


@pytest.mark.parametrize("postd", ["2", "0123456789", "ABCD", "*#", ",,1p2", "1" * MAX_POSTD])
def test_post_dial_digits_and_pauses_are_kept(postd: str) -> None:
    assert parse_dial_string(f"6175551234;postd={postd}").postd == postd


@pytest.mark.parametrize("postd", ["", "E", "a", "w", "1 2", "1" * (MAX_POSTD + 1), "１", "1\n"])
def test_bad_post_dial_digits_are_refused(postd: str) -> None:
    assert "postd" in problem_of(f"6175551234;postd={postd}")


def test_a_refusal_names_the_field_it_was_asked_for() -> None:
    with pytest.raises(FieldInvalid) as refused:
        parse_dial_string("911", field="destination")
    assert refused.value.field == "destination"


@pytest.mark.parametrize(
    ("text", "masked"),
    [("+16175551234", "+1********34"), ("16175551234", "1********34"), ("911", "***"), ("", "")],
)
def test_logs_see_the_first_digit_and_the_last_two(text: str, masked: str) -> None:
    assert mask_number(text) == masked


def test_a_number_masks_itself() -> None:
    assert parse_phone_number("6175551234").masked == "+1********34"
