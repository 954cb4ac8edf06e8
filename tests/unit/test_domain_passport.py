"""What may stand in an Identity header, and what of a call's variables does."""

import pytest

from callwright.domain.passport import check_identity, is_identity
from callwright.errors import FieldInvalid
from callwright.telephony.sip.fields import SipMalformed
from callwright.telephony.sip.message import SipRequest, parse_message
from callwright.telephony.sip.requests import invite, make_setup

SIGNED = (
    "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwicHB0Ijoic2hha2VuIn0.eyJhdHRlc3QiOiJBIn0.q-1_a"
    ";info=<https://cert.example.org/passport.cer>;alg=ES256;ppt=shaken"
)


@pytest.mark.parametrize("text", [SIGNED, SIGNED.partition(";")[0], '..q1;ppt="shaken"'])
def test_a_signed_statement_is_one(text: str) -> None:
    assert is_identity(text)
    check_identity({"Sip_Identity": text, "name": "Ana"})


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "a.b",
        "a.b.c\r\nX-Evil: 1",
        "a.b.c;info=<https://h>\r\n",
        "a.b.c;info=<https://h\r\nX: y>",
        "a.b.c;info=https://h",
        "a.b.c;info=<javascript:x>",
        "a.b.c;x=y",
        "a.b.c;alg=ES256;alg=ES256;alg=ES256",
        "a.b.c, d.e.f",
        "\u00e9.b.c",
        "a.b." + "c" * 4096,
    ],
)
def test_anything_else_is_refused_wherever_it_comes_in(text: str) -> None:
    assert not is_identity(text)
    with pytest.raises(FieldInvalid, match="sip_identity"):
        check_identity({"sip_identity": text})
    with pytest.raises(SipMalformed):
        invite_with(text)


@pytest.mark.parametrize("value", [7, True, 1.5])
def test_what_is_no_text_is_refused_too(value: object) -> None:
    with pytest.raises(FieldInvalid):
        check_identity({"sip_identity": value})


def test_a_call_without_one_is_fine() -> None:
    for variables in ({}, {"sip_identity": ""}, {"sip_identity": None}, {"name": "a.b"}):
        check_identity(variables)
    assert "identity" not in invite_with("").headers


def test_it_goes_out_as_it_is() -> None:
    assert invite_with(SIGNED).headers["identity"] == [SIGNED]


def invite_with(signed_identity: str) -> SipRequest:
    setup = make_setup(
        call_id="c",
        from_tag="f",
        branch="z9hG4bKx",
        cseq=1,
        number="+16175550100",
        caller_id="+16175550199",
        trunk_host="trunk.example:5060",
        from_host="us.example",
        sent_by="192.0.2.1:5070",
        target=("192.0.2.7", 5060),
        signed_identity=signed_identity,
    )
    message = parse_message(invite(setup, branch="z9hG4bKx", cseq=1))
    assert isinstance(message, SipRequest)
    return message
