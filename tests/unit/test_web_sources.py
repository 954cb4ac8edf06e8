"""Whose request it is: the peer's, or what a proxy of ours says."""

import pytest

from callwright.web.sources import Proxies, came_through_a_stranger, parse_address, source_of

OURS = Proxies(["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"])


def scope(peer: str | None, *forwarded_for: str, **headers: str) -> dict[str, object]:
    named = [(b"x-forwarded-for", value.encode()) for value in forwarded_for]
    named += [(name.replace("_", "-").encode(), v.encode()) for name, v in headers.items()]
    return {"client": (peer, 1234) if peer else None, "headers": named}


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "wanted"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),  # no proxy of ours: its word is nothing
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        (
            "127.0.0.1",
            ["6.6.6.6, 198.51.100.7"],
            "198.51.100.7",
        ),  # 6.6.6.6 is the client's own word
        ("127.0.0.1", ["6.6.6.6", "198.51.100.7,10.1.2.3"], "198.51.100.7"),
        ("127.0.0.1", ["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
        ("127.0.0.1", ["198.51.100.7:5060"], "198.51.100.7"),
        ("127.0.0.1", ["[2001:db9::7]:5060"], "2001:db9::7"),
        ("127.0.0.1", ["2001:db9::7"], "2001:db9::7"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7, unknown"], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", ["1.1.1.1," * 5000 + "198.51.100.7"], "198.51.100.7"),
        ("::ffff:10.1.1.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("2001:db8::1", ["198.51.100.7"], "198.51.100.7"),
    ],
)
def test_the_client_is_the_last_who_is_no_proxy_of_ours(peer, forwarded_for, wanted):
    found = scope(peer, *forwarded_for)
    assert str(OURS.client_of(found)) == wanted
    assert OURS.text_of(found) == wanted


def test_without_proxies_the_peer_is_the_client():
    assert Proxies(()).text_of(scope("192.0.2.1", "6.6.6.6")) == "192.0.2.1"
    assert Proxies(()).text_of(scope(None)) == ""
    assert Proxies(()).client_of(scope(None)) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.254", True),
        ("192.0.2.1", "192.0.3.1", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ],
)
def test_a_source_is_what_one_customer_of_a_provider_has(one, other, same):
    assert (source_of(parse_address(one)) == source_of(parse_address(other))) is same


def test_a_proxy_that_nobody_named_is_noticed():
    assert came_through_a_stranger(scope("127.0.0.1", "6.6.6.6"), Proxies(()))
    assert came_through_a_stranger(scope("127.0.0.1", via="1.1 nginx"), Proxies(()))
    assert not came_through_a_stranger(scope("127.0.0.1", "6.6.6.6"), OURS)
    assert not came_through_a_stranger(scope("127.0.0.1"), Proxies(()))
