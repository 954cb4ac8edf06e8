"""Whatever text is sent, it is a number that may be dialled or is refused."""

import re

from hypothesis import example, given, settings
from hypothesis import strategies as st
from refused_numbers import problem_of

from callwright.domain.phone import (
    parse_dial_string,
    parse_phone_number,
)
from callwright.errors import FieldInvalid

# The same examples in every run, and no clock: a failure is never the machine's bad luck.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)
E164 = re.compile(r"\+[1-9][0-9]{7,14}")
_NEAR_NUMBERS = st.text(
    alphabet="0123456789+ .-();=anipostdtel:ABCD*#,xEe\r\n\x00@&%٣５", max_size=60
)


_COUNTRIES = st.sampled_from(["US", "CA", "GB", "DE", "AU", "FR", "IT", "JP", "IN", "BR"])


@REPEATABLE
@given(text=st.one_of(st.text(max_size=60), _NEAR_NUMBERS), country=_COUNTRIES)
@example(text="\ud800", country="US")
@example(text="0" * 256, country="DE")
@example(text="+" + "9" * 255, country="DE")
def test_any_text_is_a_dial_string_or_is_refused(text: str, country: str) -> None:
    try:
        dial = parse_dial_string(text, default_country=country)
    except FieldInvalid:
        return
    assert E164.fullmatch(dial.number.e164)
    assert re.fullmatch(r"(\+?[0-9]{3,15})?", dial.ani)
    assert re.fullmatch(r"[0-9A-D*#,p]{0,32}", dial.postd)
    assert dial.sent == text.strip(" ")


@REPEATABLE
@given(digits=st.from_regex(r"\+?[0-9]{1,16}", fullmatch=True), country=_COUNTRIES)
@example(digits="+80012345678", country="US")
@example(digits="+21012345678", country="US")
def test_any_digits_give_e164_or_are_refused(digits: str, country: str) -> None:
    try:
        number = parse_phone_number(digits, default_country=country)
    except FieldInvalid:
        return
    assert E164.fullmatch(number.e164)
    if digits.startswith("+"):
        assert number.e164 == digits


@REPEATABLE
@given(area=st.sampled_from(["911", "112", "988", "411", "211"]), rest=st.integers(0, 10**7 - 1))
def test_no_number_of_a_service_area_passes(area: str, rest: int) -> None:
    for prefix in ("", "1", "+1"):
        assert problem_of(f"{prefix}{area}{rest:07d}")
