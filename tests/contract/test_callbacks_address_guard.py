"""Which addresses a notice may be sent to."""

import asyncio
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callwright.address_guard import (
    FORBIDDEN,
    Address,
    AddressGuard,
    AddressRefused,
    SystemResolver,
    is_forbidden,
    is_own_address,
    parse_allowed,
)
from callwright.domain.notice import Problem
from callwright.errors import ConfigInvalid

# The same examples in every run, and no clock: a failure is never the machine's bad luck.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)

GOOD = ["8.8.8.8", "2606:4700:4700::1111"]


def never_own(address: Address) -> bool:
    return False


def ask(
    answers: Sequence[str], *, allow: Sequence[str] = (), host: str = "x.example", port: int = 443
) -> list[str] | Problem:
    """What the guard makes of a name that has these addresses."""

    async def resolve(asked_host: str, asked_port: int) -> Sequence[str]:
        assert (asked_host, asked_port) == (host, port)
        return answers

    guard = AddressGuard(allow, resolve=resolve, is_own=never_own)
    try:
        return [str(address) for address in asyncio.run(guard.addresses(host, port))]
    except AddressRefused as exc:
        return exc.problem


@pytest.mark.parametrize("network", FORBIDDEN, ids=str)
def test_first_and_last_address_of_each_forbidden_network_are_blocked(
    network: IPv4Network | IPv6Network,
) -> None:
    for address in (network[0], network[-1]):
        assert ask([str(address)]) is Problem.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    "address",
    [
        # The list, once more, by what lives there.
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:10::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fe80::1%eth0",
        "2606:4700:4700::1111%eth0",
        "fec0::1",
        "ff02::1",
        "200::1",
        "4000::1",
        "1fff:ffff::1",
        "8000::1",
    ],
)
def test_special_addresses_are_blocked(address: str) -> None:
    assert ask([address]) is Problem.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    "address",
    [
        *GOOD,
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:200::1",
        "2003::1",
        "2a00:1450:4001::1",
    ],
)
def test_their_public_neighbours_are_not(address: str) -> None:
    assert ask([address]) == [address]


@pytest.mark.parametrize("good_first", [True, False])
def test_one_forbidden_address_blocks_the_whole_name(good_first: bool) -> None:
    answers = [*GOOD, "10.0.0.1"] if good_first else ["10.0.0.1", *GOOD]
    assert ask(answers) is Problem.BLOCKED_ADDRESS


def test_all_addresses_are_handed_out_in_order_and_once() -> None:
    assert ask([GOOD[1], GOOD[0], GOOD[1]]) == [GOOD[1], GOOD[0]]


def test_a_name_without_addresses_is_not_found() -> None:
    assert ask([]) is Problem.NAME_NOT_FOUND


@pytest.mark.parametrize("fault", [OSError("no such name"), UnicodeError("label too long")])
def test_a_name_the_resolver_fails_on_is_not_found(fault: Exception) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise fault

    guard = AddressGuard(resolve=resolve)
    with pytest.raises(AddressRefused) as raised:
        asyncio.run(guard.addresses("x.example", 443))
    assert raised.value.problem is Problem.NAME_NOT_FOUND


def test_this_machine_s_own_addresses_are_blocked_though_public() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return GOOD

    guard = AddressGuard(resolve=resolve, is_own=lambda address: str(address) == GOOD[0])
    with pytest.raises(AddressRefused) as raised:
        asyncio.run(guard.addresses("x.example", 443))
    assert raised.value.problem is Problem.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    ("allow", "port", "passes"),
    [
        (["127.0.0.0/8"], 9000, True),
        (["127.0.0.0/8"], 8080, False),
        (["127.0.0.1:8080"], 8080, True),
        (["127.0.0.0/8", "localhost.example:8080"], 8080, False),
        (["127.0.0.0/8", "x.example:8080"], 8080, True),
    ],
)
def test_this_server_itself_is_called_only_if_its_port_is_named(
    allow: list[str], port: int, passes: bool
) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    guard = AddressGuard(allow, resolve=resolve, own_ports=lambda: {8080})
    if passes:
        assert asyncio.run(guard.addresses("x.example", port)) == [ip_address("127.0.0.1")]
    else:
        with pytest.raises(AddressRefused) as raised:
            asyncio.run(guard.addresses("x.example", port))
        assert raised.value.problem is Problem.BLOCKED_ADDRESS


def test_the_kernel_says_which_addresses_are_ours() -> None:
    for own in ("127.0.0.1", "127.1.1.1", "::1"):
        assert is_own_address(ip_address(own))
    assert not is_own_address(ip_address("192.0.2.1"))


@pytest.mark.parametrize(
    ("allow", "host", "port", "address", "passes"),
    [
        ("127.0.0.0/8", "x.example", 443, "127.1.2.3", True),
        ("127.0.0.0/8", "x.example", 443, "10.0.0.1", False),
        ("10.0.0.7", "x.example", 443, "10.0.0.7", True),
        ("10.0.0.7", "x.example", 443, "10.0.0.8", False),
        ("10.0.0.7/24", "x.example", 443, "10.0.0.8", True),
        ("10.1.2.0/24:8443", "x.example", 8443, "10.1.2.3", True),
        ("10.1.2.0/24:8443", "x.example", 443, "10.1.2.3", False),
        ("10.0.0.7:80", "x.example", 80, "10.0.0.7", True),
        ("::1", "x.example", 443, "::1", True),
        ("[::1]:8080", "x.example", 8080, "::1", True),
        ("[::1]:8080", "x.example", 8081, "::1", False),
        ("[fd00::/8]:443", "x.example", 443, "fd00::5", True),
        ("crm.internal:8443", "crm.internal", 8443, "10.0.0.1", True),
        ("CRM.internal:8443", "crm.Internal.", 8443, "10.0.0.1", True),
        ("crm.internal:8443", "crm.internal", 443, "10.0.0.1", False),
        ("crm.internal:8443", "evil.example", 8443, "10.0.0.1", False),
        # An IPv4 network says nothing about the IPv6 forms of its addresses.
        ("127.0.0.0/8", "x.example", 443, "::ffff:127.0.0.1", False),
    ],
)
def test_what_the_operator_allows_passes_and_nothing_beside_it(
    allow: str, host: str, port: int, address: str, passes: bool
) -> None:
    verdict = ask([address], allow=[allow], host=host, port=port)
    assert verdict == ([address] if passes else Problem.BLOCKED_ADDRESS)


def test_an_allowed_address_does_not_excuse_a_forbidden_one_beside_it() -> None:
    verdict = ask(["127.0.0.1", "10.0.0.1"], allow=["127.0.0.0/8"])
    assert verdict is Problem.BLOCKED_ADDRESS


@pytest.mark.parametrize(
    "entry",
    ["", "localhost", "10.0.0.0/33", "10.0.0.256", "a b:80", "crm:0", "crm:65536", "crm:x", ":80"],
)
def test_a_malformed_entry_is_a_clear_error(entry: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"callbacks\.allow"):
        parse_allowed(entry)


@REPEATABLE
@given(number=st.integers(0, 2**32 - 1))
def test_an_ipv4_address_inside_an_ipv6_one_is_always_forbidden(number: int) -> None:
    compatible = 0
    mapped = 0xFFFF << 32
    translated = 0xFFFF << 48
    nat64 = 0x64FF9B << 96
    for prefix in (compatible, mapped, translated, nat64):
        assert is_forbidden(IPv6Address(prefix | number))
    assert is_forbidden(IPv6Address((0x2002 << 112) | (number << 80)))


def _number(value: int, base: int, padding: int) -> str:
    text = {8: f"0{value:o}", 10: str(value), 16: f"0x{value:x}"}[base]
    return text if base == 10 else text[:1] + "0" * padding + text[1:] if base == 8 else text


@st.composite
def spellings(draw: st.DrawFn) -> tuple[IPv4Address, str]:
    """An IPv4 address in one of the forms that a C library takes for it."""
    number = draw(
        st.sampled_from([0x7F000001, 0x7FFFFFFE, 0, 0x0A000001, 0xA9FEA9FE, 0xC0A80001, 0xFFFFFFFF])
        | st.integers(0, 2**32 - 1)
    )
    count = draw(st.integers(1, 4))
    parts = [number >> (24 - 8 * place) & 0xFF for place in range(count - 1)]
    parts.append(number & (1 << 8 * (5 - count)) - 1)
    words = [
        _number(part, draw(st.sampled_from([8, 10, 16])), draw(st.integers(0, 3))) for part in parts
    ]
    text = ".".join(words)
    if draw(st.booleans()):
        text = text.replace("x", "X")
    return IPv4Address(number), text


@REPEATABLE
@given(spelling=spellings())
@example(spelling=(IPv4Address("127.0.0.1"), "0177.1"))
def test_no_spelling_of_a_forbidden_address_gets_past(spelling: tuple[IPv4Address, str]) -> None:
    address, text = spelling

    async def look() -> list[Address] | Problem:
        resolver = SystemResolver()
        try:
            return await AddressGuard(resolve=resolver, is_own=never_own).addresses(text, 80)
        except AddressRefused as exc:
            return exc.problem
        finally:
            resolver.close()

    # What is an address after all is looked up without a question to anybody.
    expected = Problem.BLOCKED_ADDRESS if is_forbidden(address) else [address]
    assert asyncio.run(look()) == expected
