"""How a trunk's form writes numbers, who calls and what an INVITE says besides."""

from typing import Any

import pytest

from callwright.config import load_config
from callwright.errors import ConfigInvalid
from callwright.telephony.sip.call_form import CallForm
from callwright.telephony.sip.digest import Credentials
from callwright.telephony.sip.fields import SipMalformed
from callwright.telephony.sip.message import SipRequest, parse_message
from callwright.telephony.sip.requests import invite, make_setup
from callwright.telephony.trunk import TrunkSettings, check_trunk


def written(
    number: str = "+16175550100", caller_id: str = "+16175550199", **form: Any
) -> SipRequest:
    """The INVITE as somebody else would read it."""
    account = form.pop("account", "")
    setup = make_setup(
        call_id="c",
        from_tag="f",
        branch="z9hG4bKx",
        cseq=1,
        number=number,
        caller_id=caller_id,
        trunk_host="trunk.example:5060",
        from_host="us.example",
        sent_by="192.0.2.1:5070",
        target=("192.0.2.7", 5060),
        credentials=Credentials(user=account, password="p") if account else None,
        form=CallForm(**form),
    )
    extra = [f"Session-Expires: {setup.session_expires_s}"] if setup.session_expires_s else []
    message = parse_message(invite(setup, branch="z9hG4bKx", cseq=1, extra=extra))
    assert isinstance(message, SipRequest)
    return message


NATIONAL: dict[str, Any] = {"number_format": "national", "country_code": "44"}


@pytest.mark.parametrize(
    ("number", "form", "user"),
    [
        ("+16175550100", {}, "+16175550100"),
        ("6175550100", {}, "6175550100"),
        ("+16175550100", {"number_format": "digits"}, "16175550100"),
        ("+16175550100", {"number_format": "national"}, "6175550100"),
        ("+442079460100", {"number_format": "national"}, "+442079460100"),
        ("+442079460100", {**NATIONAL, "national_prefix": "0"}, "02079460100"),
        ("+16175550100", {**NATIONAL, "international_prefix": "00"}, "0016175550100"),
        ("+16175550100", {"strip_prefix": "+1"}, "6175550100"),
        ("+442079460100", {"strip_prefix": "+1"}, "+442079460100"),
        ("+16175550100", {"number_format": "digits", "dial_prefix": "00"}, "0016175550100"),
        ("+16175550100", {"dial_prefix": "9*"}, "9*+16175550100"),
        ("+16175550100", {"dial_prefix": "77#"}, "77%23+16175550100"),
    ],
)
def test_a_number_is_written_as_the_trunk_wants_it(
    number: str, form: dict[str, Any], user: str
) -> None:
    message = written(number, **form)
    assert message.uri == f"sip:{user}@trunk.example:5060"
    assert message.first("to") == f"<sip:{user}@trunk.example:5060>"


@pytest.mark.parametrize(
    ("number", "form"),
    [
        ("+16175550911", {"strip_prefix": "+16175550"}),
        ("+16175550911", {"number_format": "digits", "strip_prefix": "16175550"}),
        ("+16175550112", {"strip_prefix": "+161755501", "dial_prefix": "1"}),
        ("+16175550911", {"strip_prefix": "+16175550911"}),
    ],
)
def test_no_form_makes_an_emergency_number_of_a_number(number: str, form: dict[str, Any]) -> None:
    with pytest.raises(SipMalformed):
        written(number, **form)


@pytest.mark.parametrize(
    ("caller_id", "form", "from_value", "lines"),
    [
        ("+16175550199", {}, '"+16175550199" <sip:+16175550199@us.example>', {}),
        ("12345", {"caller_id_format": "national"}, '"12345" <sip:12345@us.example>', {}),
        (
            "+16175550199",
            {"caller_id_format": "national", "caller_name": 'Ann "A" Lee', "user_phone": True},
            '"Ann \\"A\\" Lee" <sip:6175550199@us.example;user=phone>',
            {},
        ),
        (
            "+16175550199",
            {"identity_headers": ("P-Asserted-Identity", "P-Preferred-Identity")},
            '"+16175550199" <sip:+16175550199@us.example>',
            {
                "p-asserted-identity": '"+16175550199" <sip:+16175550199@us.example>',
                "p-preferred-identity": '"+16175550199" <sip:+16175550199@us.example>',
            },
        ),
        (
            "+16175550199",
            {"hide_caller_id": True, "identity_headers": ("P-Asserted-Identity",)},
            '"Anonymous" <sip:anonymous@anonymous.invalid>',
            {
                "p-asserted-identity": '"+16175550199" <sip:+16175550199@us.example>',
                "privacy": "id",
            },
        ),
        (
            "+16175550199",
            {
                "from_account": True,
                "account": "acct-7",
                "identity_headers": ("Remote-Party-ID",),
            },
            '"+16175550199" <sip:acct-7@us.example>',
            {
                "remote-party-id": '"+16175550199" <sip:+16175550199@us.example>'
                ";party=calling;screen=no;privacy=off"
            },
        ),
        (
            "",
            {"identity_headers": ("P-Asserted-Identity",), "diversion": "+16175550142"},
            '"Anonymous" <sip:anonymous@anonymous.invalid>',
            {"diversion": "<sip:+16175550142@us.example>;reason=unconditional"},
        ),
    ],
)
def test_who_calls_is_said_as_the_trunk_wants_it(
    caller_id: str, form: dict[str, Any], from_value: str, lines: dict[str, str]
) -> None:
    message = written(caller_id=caller_id, **form)
    assert message.first("from") == f"{from_value};tag=f"
    identities = ("p-asserted-identity", "p-preferred-identity", "remote-party-id")
    ours = (*identities, "privacy", "diversion")
    assert {name: message.first(name) for name in ours if name in message.headers} == lines


def test_a_name_in_any_script_travels_as_utf_8() -> None:
    value = written(caller_name="Café Ünal").first("from")
    assert value.encode("latin-1").decode().startswith('"Café Ünal" <')


def test_what_we_understand_is_a_matter_of_the_trunk() -> None:
    assert written().listed("supported") == ["100rel", "timer"]
    assert written(reliable_provisionals="off").listed("supported") == ["timer"]
    required = written(reliable_provisionals="required")
    assert required.listed("require") == ["100rel"]
    assert written(session_expires_s=1800).first("session-expires") == "1800"
    assert written(user_agent="Acme/1.2 (x)").first("user-agent") == "Acme/1.2 (x)"


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"country_code": "0"}, "trunks.main.country_code: write"),
        ({"national_prefix": "a"}, "trunks.main.national_prefix: write"),
        ({"international_prefix": "\r\n"}, "trunks.main.international_prefix: write"),
        ({"strip_prefix": "x"}, "trunks.main.strip_prefix: write"),
        ({"dial_prefix": "1@h"}, "trunks.main.dial_prefix: write"),
        ({"user_agent": "a\r\nX: y"}, "trunks.main.user_agent: write"),
        ({"caller_name": "a\nb"}, "trunks.main.caller_name: write"),
        ({"diversion": "<a>"}, "trunks.main.diversion: write"),
        ({"session_expires_s": 30}, "trunks.main.session_expires: write"),
        ({"from_account": True}, "trunks.main.user: From cannot"),
    ],
)
def test_a_form_that_cannot_be_written_is_refused_by_the_settings_name(
    form: dict[str, Any], text: str
) -> None:
    trunk = TrunkSettings(name="main", address="sip:h", form=CallForm(**form))
    with pytest.raises(ConfigInvalid) as refused:
        check_trunk(trunk)
    assert str(refused.value).startswith(text)


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        ("number_format", "local", "must be 'e164', 'digits' or 'national'"),
        ("country_code", "0044", "must be the 1 to 3 digits of a country code"),
        ("national_prefix", "+", "must be at most 15 digits"),
        ("dial_prefix", "1;x", "must be at most 15 of 0-9, *, # and +"),
        ("caller_name", "a\u0007", "must be at most 100 printable characters"),
        ("user_agent", "", "must be 1 to 100 printable ASCII characters"),
        ("identity_headers", "X-Caller", "must be 'P-Asserted-Identity', "),
        ("session_expires", "60", "must be 90 to 86400 seconds"),
    ],
)
def test_config_check_says_what_to_write_instead(key: str, value: str, text: str) -> None:
    environ = {
        "CALLWRIGHT_TRUNKS__MAIN__ADDRESS": "sip:h",
        f"CALLWRIGHT_TRUNKS__MAIN__{key.upper()}": value,
    }
    with pytest.raises(ConfigInvalid) as refused:
        load_config(None, environ)
    assert text in str(refused.value)


def test_a_form_is_read_from_settings() -> None:
    environ = {
        "CALLWRIGHT_TRUNKS__MAIN__ADDRESS": "sip:h",
        "CALLWRIGHT_TRUNKS__MAIN__IDENTITY_HEADERS": "P-Asserted-Identity, Remote-Party-ID",
        "CALLWRIGHT_TRUNKS__MAIN__SESSION_EXPIRES": "1800",
        "CALLWRIGHT_TRUNKS__MAIN__USER_PHONE": "true",
    }
    trunk = load_config(None, environ).trunks["main"]
    assert trunk.identity_headers == ["P-Asserted-Identity", "Remote-Party-ID"]
    assert (trunk.session_expires, trunk.user_phone) == (1800, True)
