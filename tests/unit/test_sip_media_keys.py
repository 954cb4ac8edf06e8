"""Keys for sealed audio in session descriptions."""

import re
from base64 import b64decode, b64encode

import pytest

from callwright.telephony.sip.media_keys import MediaKeys, media_keys
from callwright.telephony.sip.sdp import (
    SdpUnusable,
    answer_offer,
    build_offer,
    read_description,
)
from callwright.telephony.srtp_keys import SrtpKeys

THEIRS = b64encode(bytes(range(30))).decode()
FULL, SHORT = "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"


def description(*cryptos: str, profile: str = "RTP/SAVP") -> bytes:
    lines = "".join(f"a=crypto:{each}\r\n" for each in cryptos)
    return (
        "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
        f"m=audio 6000 {profile} 0\r\n{lines}"
    ).encode()


def our_keys(text: bytes) -> dict[str, bytes]:
    """The keys that a description of ours names, by number and suite."""
    found = re.findall(r"a=crypto:(\d+ \S+) inline:(\S+)\r\n", text.decode())
    return {name: b64decode(key) for name, key in found}


def test_a_trunk_without_srtp_has_no_keys() -> None:
    assert media_keys("off") is None
    assert b"crypto" not in build_offer("192.0.2.1", 30000, 1)


@pytest.mark.parametrize(("required", "profile"), [(True, b"RTP/SAVP "), (False, b"RTP/AVP ")])
def test_an_offer_names_a_key_for_each_suite(required: bool, profile: bytes) -> None:
    keys = MediaKeys(is_required=required)
    offer = build_offer("192.0.2.1", 30000, 1, keys=keys)
    assert profile in offer
    offered = our_keys(offer)
    assert list(offered) == [f"1 {FULL}", f"2 {SHORT}"]
    assert {len(key) for key in offered.values()} == {30}
    assert len(set(offered.values())) == 2
    assert our_keys(build_offer("192.0.2.1", 30000, 1, keys=MediaKeys(is_required=True))) != offered


@pytest.mark.parametrize("profile", ["RTP/SAVP", "RTP/AVP"])
@pytest.mark.parametrize(("tag", "suite"), [(1, FULL), (2, SHORT)])
def test_an_answer_takes_one_of_our_suites(tag: int, suite: str, profile: str) -> None:
    keys = MediaKeys(is_required=True)
    offered = our_keys(build_offer("192.0.2.1", 30000, 1, keys=keys))
    answer = description(f"{tag} {suite} inline:{THEIRS}|2^31", profile=profile)
    agreed = read_description(answer, keys).srtp
    assert agreed is not None
    assert agreed.suite == suite
    assert agreed.ours == offered[f"{tag} {suite}"]
    assert agreed.theirs == bytes(range(30))


UNUSABLE = [
    (),
    (f"3 {FULL} inline:{THEIRS}",),  # a number that we did not offer
    (f"2 {FULL} inline:{THEIRS}",),  # another suite under our number
    (f"1 F8_128_HMAC_SHA1_80 inline:{THEIRS}",),
    (f"1 {FULL} inline:{THEIRS[:-4]}",),
    (f"1 {FULL} inline:{THEIRS}|2^31|1:4",),  # with an identifier in each packet
    (f"1 {FULL} inline:{THEIRS};inline:{THEIRS}",),
    (f"1 {FULL} inline:{THEIRS} UNENCRYPTED_SRTP",),
    (f"1 {FULL} inline:{THEIRS} KDR=1",),
]


@pytest.mark.parametrize("cryptos", UNUSABLE)
def test_what_has_no_key_for_us_is_refused_where_srtp_must_be(cryptos: tuple[str, ...]) -> None:
    for profile in ("RTP/SAVP", "RTP/AVP"):
        with pytest.raises(SdpUnusable, match="SRTP"):
            read_description(description(*cryptos, profile=profile), MediaKeys(is_required=True))


@pytest.mark.parametrize("cryptos", UNUSABLE)
def test_what_has_no_key_for_us_is_plain_where_it_may_be(cryptos: tuple[str, ...]) -> None:
    keys = MediaKeys(is_required=False)
    assert read_description(description(*cryptos, profile="RTP/AVP"), keys).srtp is None
    with pytest.raises(SdpUnusable, match="SRTP"):
        read_description(description(*cryptos), keys)


def test_an_offer_inside_the_call_is_answered_under_its_own_number() -> None:
    keys = MediaKeys(is_required=True)
    offer = description(f"7 F8 inline:{THEIRS}", f"9 {SHORT} inline:{THEIRS}")
    answer, agreed = answer_offer(offer, "192.0.2.1", 30000, 1, 2, keys)
    assert b"m=audio 30000 RTP/SAVP 0" in answer
    assert agreed.srtp is not None
    assert our_keys(answer) == {f"9 {SHORT}": agreed.srtp.ours}
    with pytest.raises(SdpUnusable, match="SRTP"):
        answer_offer(description(profile="RTP/AVP"), "192.0.2.1", 30000, 1, 2, keys)


def test_without_srtp_of_ours_sealed_audio_is_none_of_ours() -> None:
    offer = description(f"1 {FULL} inline:{THEIRS}")
    with pytest.raises(SdpUnusable):
        answer_offer(offer, "192.0.2.1", 30000, 1, 2)
    plain, agreed = answer_offer(
        description(f"1 {FULL} inline:{THEIRS}", profile="RTP/AVP"), "192.0.2.1", 30000, 1, 2
    )
    assert agreed.srtp is None
    assert b"crypto" not in plain


def test_keys_are_not_written_where_they_are_shown() -> None:
    keys = SrtpKeys(suite="AES_CM_128_HMAC_SHA1_80", ours=b"o" * 30, theirs=b"t" * 30)
    assert repr(keys) == "SrtpKeys(suite='AES_CM_128_HMAC_SHA1_80')"
    assert "ooo" not in f"{keys} {MediaKeys(is_required=True)!r}"
