"""Phone numbers and dial strings: what may be dialled, read by a strict grammar.

`parse_dial_string` is the only way to make either. The grammar runs before the
phonenumbers library sees anything, because the library is too kind for a dialler: it
takes letters, full-width digits and extensions, and reads `0116175551234` as Australian.

    dial string = [ "tel:" ] number *( ";ani=" digits / ";postd=" dtmf )

Source: wire contract, section 4; the documented forms are in tests/unit/test_domain_phone.py.
"""

import re
from collections.abc import Sequence

import msgspec
import phonenumbers

from callwright.errors import FieldInvalid

MAX_SENT_LENGTH = 256
"""Longest phone_number text looked at: number, ani, 32 post-dial digits and their names."""

MAX_POSTD = 32

_SEPARATORS = re.compile(r"[ .\-()]")
_DIGITS = re.compile(r"[0-9]+\Z")
_NUMBER = re.compile(r"\+?[0-9]+\Z")
_POSTD = re.compile(r"[0-9A-D*#,p]+\Z")
_TEL = re.compile(r"tel:", re.IGNORECASE)

_NANP_SERVICE_AREA = re.compile(r"(?:[2-9]11|988|112|[01]11|999|000)")
"""Area codes nobody has. A switch that reads digit by digit would ring the service."""

_PLAIN_NUMBERS = tuple(
    (prefix, re.compile(rf"(?:{start}(?!{_NANP_SERVICE_AREA.pattern})[0-9]{{10}}\n)*\Z"))
    for start, prefix in (("", "+1"), ("1", "+"), (r"\+1", ""))
)
"""The usual ways to write a North American number, and what each lacks."""

_LONGEST_SERVICE_NUMBER = 6
"""Digits of the longest short codes after a country code, e.g. 116117."""

_HARMONISED_SERVICE = re.compile(r"116[0-9]{3}\Z")
"""Europe's lines for missing children, crises, doctors on call: the same in every country."""

_SERVICE_NUMBERS = frozenset({"911", "112", "999", "000", "988", "110", "111", "118", "119"})


class PhoneNumber(msgspec.Struct, frozen=True):
    """A number in E.164: `+` and 8 to 15 digits. Made only by this module's parsers."""

    e164: str

    def __str__(self) -> str:
        return self.e164

    @property
    def masked(self) -> str:
        """For logs: the country's first digit and the last two, e.g. `+1********34`."""
        return mask_number(self.e164)


class DialString(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to dial, as whom, and what to key once they answer."""

    sent: str
    """The caller's own text, which status replies give back."""
    number: PhoneNumber
    ani: str = ""
    """Caller id: E.164, or bare digits too short for it; "" = not given."""
    postd: str = ""


def mask_number(text: str) -> str:
    """`text` with all but the first digit and the last two starred out."""
    body = text.removeprefix("+")
    plus = "+" if text.startswith("+") else ""
    if len(body) <= 3:
        return plus + "*" * len(body)
    return f"{plus}{body[0]}{'*' * (len(body) - 3)}{body[-2:]}"


def parse_dial_string(
    text: str, *, default_country: str = "US", field: str = "phone_number"
) -> DialString:
    """The dial string that `text` spells.

    `default_country` (ISO 3166, two letters) is that of numbers without `+`.

    Raises:
        FieldInvalid: no such form, an unknown or repeated parameter, or a number that is,
            or would ring, an emergency or service number.
    """
    if len(text) > MAX_SENT_LENGTH:
        raise FieldInvalid(field, f"longer than {MAX_SENT_LENGTH} characters")
    sent = text.strip(" ")
    if not sent:
        raise FieldInvalid(field, "is required")
    tel = _TEL.match(sent)
    number_text, *parameters = sent[tel.end() if tel else 0 :].split(";")
    number = parse_phone_number(number_text, default_country=default_country, field=field)
    ani = postd = ""
    seen: set[str] = set()
    for parameter in parameters:
        name, equals, value = parameter.partition("=")
        name = name.strip(" ").lower()
        value = value.strip(" ")
        if name not in ("ani", "postd") or not equals:
            raise FieldInvalid(field, "only ;ani= and ;postd= may follow the number")
        if name in seen:
            raise FieldInvalid(field, f";{name}= is given twice")
        seen.add(name)
        if name == "ani":
            ani = parse_caller_id(value, default_country=default_country, field=field)
        else:
            postd = _parse_postd(value, field)
    return DialString(sent=sent, number=number, ani=ani, postd=postd)


def parse_plain_numbers(
    texts: Sequence[str], *, default_country: str = "US"
) -> Sequence[str] | None:
    """The E.164 form of each text, if all are plain numbers written alike; else None.

    For long lists: a hundred times faster than `parse_dial_string`, which takes each of
    these texts too, with the same number and without parameters.
    """
    if default_country not in _NANP_COUNTRIES:
        return None
    lines = "\n".join(texts) + "\n"
    # A line end inside a text would make two numbers of it.
    if lines.count("\n") != len(texts):
        return None
    for prefix, plain in _PLAIN_NUMBERS:
        if plain.match(lines):
            return [prefix + text for text in texts] if prefix else texts
    return None


def parse_phone_number(
    text: str, *, default_country: str = "US", field: str = "phone_number"
) -> PhoneNumber:
    """The E.164 number that `text` spells; spaces, dots, dashes and parentheses are dropped.

    Raises:
        FieldInvalid: anything but digits (and one leading +), a length no number has, or an
            emergency or service number.
    """
    number = _SEPARATORS.sub("", text)
    if not _NUMBER.match(number):
        raise FieldInvalid(field, _what_is_wrong(number))
    digits = number.removeprefix("+")
    if is_service_number(digits):
        raise FieldInvalid(field, "is an emergency or service number, which is never dialled")
    if number.startswith("+"):
        e164 = number
    elif default_country in _NANP_COUNTRIES:
        e164 = _nanp(digits, field)
    else:
        e164 = _by_library(digits, default_country, field)
    if not 8 <= len(e164) - 1 <= 15:
        raise FieldInvalid(field, "must have 10 digits, or + and 8 to 15 digits")
    if e164[1] == "0":
        raise FieldInvalid(field, "no country code starts with 0")
    if _rings_a_service(e164):
        raise FieldInvalid(field, "would ring an emergency or service number")
    return PhoneNumber(e164)


def parse_caller_id(text: str, *, default_country: str = "US", field: str = "ani") -> str:
    """The caller id that `text` spells: E.164 where it can be, else its 3 to 15 digits.

    Short caller ids exist and are shown as they are, so only what looks like a full
    number of the default country is completed.

    Raises:
        FieldInvalid: not 3 to 15 ASCII digits, with or without a leading +.
    """
    bare = text.removeprefix("+")
    if not _DIGITS.match(bare) or not 3 <= len(bare) <= 15:
        raise FieldInvalid(field, ";ani= takes 3 to 15 digits")
    if text.startswith("+"):
        return text
    if default_country in _NANP_COUNTRIES:
        if len(bare) == 10:
            return "+1" + bare
        if len(bare) == 11 and bare[0] == "1":
            return "+" + bare
    return bare


def _parse_postd(value: str, field: str) -> str:
    if not _POSTD.match(value):
        raise FieldInvalid(field, ";postd= takes 0-9, A-D, *, # and the pauses , and p")
    if len(value) > MAX_POSTD:
        raise FieldInvalid(field, f";postd= takes at most {MAX_POSTD} digits")
    return value


def _nanp(digits: str, field: str) -> str:
    if len(digits) == 10:
        return "+1" + digits
    if len(digits) == 11 and digits[0] == "1":
        return "+" + digits
    raise FieldInvalid(field, "must have 10 digits, or + and 8 to 15 digits")


def _by_library(digits: str, country: str, field: str) -> str:
    refused = FieldInvalid(field, f"is no number of {country}; add + and the country code")
    # An international prefix (00, 0011, 010, ...) is refused as 011 is at home: whose prefix
    # it is would be a guess, and a wrong guess rings a stranger in another country.
    if digits.startswith("00"):
        raise refused
    try:
        parsed = phonenumbers.parse(digits, country, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        raise refused from None
    if parsed.country_code_source == phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_IDD:
        raise refused
    if parsed.extension or not phonenumbers.is_possible_number(parsed):
        raise refused
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def is_service_number(digits: str) -> bool:
    """Whether these digits, dialled as they are, ring an emergency or service number."""
    return digits in _SERVICE_NUMBERS or (len(digits) == 3 and digits.endswith("11"))


def _rings_a_service(e164: str) -> bool:
    """Whether a switch that reads digit by digit would ring a service on this number's way.

    Many real numbers begin like an emergency number (Paris, +33 1 53 ..., begins with 15),
    so outside North America only those that are no valid number of their country count.
    """
    if e164[1] == "1":
        return _NANP_SERVICE_AREA.match(e164, 2) is not None
    for length in (1, 2, 3):
        code = int(e164[1 : 1 + length])
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(code)
        if regions is not None:
            national = e164[1 + length :]
            break
    else:
        return e164[1:4] in _SERVICE_NUMBERS  # +999 ...: no country, but a switch may cut the +
    emergency = any(phonenumbers.connects_to_emergency_number(national, r) for r in regions)
    if not emergency and len(national) > _LONGEST_SERVICE_NUMBER:
        return False
    number = phonenumbers.parse(e164)
    if phonenumbers.is_valid_number(number):
        return False
    return (
        emergency
        or phonenumbers.is_valid_short_number(number)
        or _HARMONISED_SERVICE.match(national) is not None
    )


def _what_is_wrong(number: str) -> str:
    if not number:
        return "has no number in it"
    if re.match(r"\d+(?:[.,]\d+)?[eE]\+?\d+\Z", number):
        return "looks damaged by a spreadsheet; format the column as text and save again"
    return "may hold only digits, a leading +, spaces, dots, dashes and parentheses"


_NANP_COUNTRIES = frozenset(phonenumbers.region_codes_for_country_code(1))
