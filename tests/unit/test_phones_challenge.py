"""The phones' password check: the client's own answer passes, nothing else does."""

from hypothesis import given
from hypothesis import strategies as st

from callwright.telephony.phones.challenge import Doorkeeper, Verdict
from callwright.telephony.sip.digest import authorization, choose_challenge

URI = "sip:+15550159@127.0.0.1:5070"
NOW = 1_700_000_000.0
DOOR = Doorkeeper("sésame")


def answer(algorithm: str, password: str, uri: str = URI) -> str:
    line = DOOR.challenge(algorithm, NOW)
    challenge = choose_challenge(407, [line.partition(": ")[2]])
    assert challenge is not None
    made = authorization(
        challenge, user="Zoë", password=password, method="INVITE", uri=uri, cnonce="c"
    )
    return made.partition(": ")[2]


def verdict(value: str, algorithm: str = "MD5", now: float = NOW) -> Verdict:
    return DOOR.judge([value], algorithm, "INVITE", URI, now)


def test_the_clients_answer_is_right_with_both_algorithms() -> None:
    for algorithm in ("MD5", "SHA-256"):
        assert verdict(answer(algorithm, "sésame"), algorithm) is Verdict.RIGHT


def test_another_password_address_or_algorithm_is_wrong() -> None:
    assert verdict(answer("MD5", "sesame")) is Verdict.WRONG
    assert verdict(answer("MD5", "sésame", "sip:other@127.0.0.1")) is Verdict.WRONG
    assert verdict(answer("MD5", "sésame"), "SHA-256") is Verdict.WRONG


def test_an_answer_grows_stale_after_five_minutes() -> None:
    given_once = answer("MD5", "sésame")
    assert verdict(given_once, now=NOW + 299) is Verdict.RIGHT
    assert verdict(given_once, now=NOW + 301) is Verdict.STALE
    assert verdict(given_once, now=NOW - 1) is Verdict.STALE


def test_a_nonce_of_another_phone_server_is_stale() -> None:
    other = Doorkeeper("sésame")
    assert other.judge([answer("MD5", "sésame")], "MD5", "INVITE", URI, NOW) is Verdict.STALE


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_no_answer_is_a_surprise(text: str) -> None:
    good = answer("MD5", "sésame")
    assert verdict(text) is Verdict.WRONG
    assert verdict(f"Digest {text}") is Verdict.WRONG
    assert verdict(good.replace("nonce=", f'nonce="{text}", x=')) is not Verdict.RIGHT
