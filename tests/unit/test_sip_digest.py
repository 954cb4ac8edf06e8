"""Digest answers against the examples of the RFCs."""

import pytest

from callwright.telephony.sip.digest import authorization, choose_challenge

SHARED = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_answers_of_rfc_7616(algorithm: str, response: str) -> None:
    challenge = choose_challenge(401, [SHARED.format(algorithm=algorithm)])
    assert challenge is not None
    line = authorization(
        challenge,
        user="Mufasa",
        password="Circle of Life",
        method="GET",
        uri="/dir/index.html",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert line.startswith('Authorization: Digest username="Mufasa"')
    assert f'response="{response}"' in line
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in line


def test_a_challenge_without_qop_is_answered_the_old_way() -> None:
    # RFC 2617's user and page, as an RFC 2069 client answers it.
    challenge = choose_challenge(
        407, ['Digest realm="testrealm@host.com",nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"']
    )
    assert challenge is not None
    line = authorization(
        challenge,
        user="Mufasa",
        password="Circle Of Life",
        method="GET",
        uri="/dir/index.html",
        cnonce="unused",
    )
    assert line.startswith("Proxy-Authorization: Digest ")
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in line
    assert "cnonce" not in line
    assert "qop" not in line


def test_the_strongest_challenge_is_answered() -> None:
    values = [SHARED.format(algorithm=each) for each in ("MD5", "SHA-512-256", "SHA-256")]
    challenge = choose_challenge(401, values)
    assert challenge is not None
    assert challenge.algorithm == "SHA-256"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic realm=x",
        "Digest realm=x",
        'Digest realm="x", nonce="a", qop="auth-other"',
        'Digest realm="x", nonce="a", algorithm=SHA-512-256',
        'Digest realm="x, nonce="a"',
    ],
)
def test_other_challenges_are_left_alone(value: str) -> None:
    assert choose_challenge(401, [value]) is None


def test_a_stale_nonce_is_noticed() -> None:
    challenge = choose_challenge(401, ['DIGEST Realm="x", Nonce="a", STALE=TRUE, qop=auth'])
    assert challenge is not None
    assert challenge.stale
    assert challenge.qop


def test_quotes_in_a_realm_stay_quoted() -> None:
    challenge = choose_challenge(401, [r'Digest realm="a \"b\"", nonce="n"'])
    assert challenge is not None
    assert challenge.realm == 'a "b"'
    line = authorization(
        challenge, user="ü", password="p", method="INVITE", uri="sip:1@h", cnonce="c"
    )
    assert r'realm="a \"b\""' in line
    assert line.encode("latin-1")
