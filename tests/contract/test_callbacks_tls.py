"""Notices over TLS: to the checked address, in the name the URL gives, trusting whom we should."""

import ssl
from pathlib import Path

import pytest
from callback_receiver import NOON, Receiver, notice, receiver, resolves, run, sender

from callwright.domain.notice import Delivery

_CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBdTCCARygAwIBAgIBATAKBggqhkjOPQQDAjAbMRkwFwYDVQQDDBByZWNlaXZl
ci5leGFtcGxlMCAXDTAwMDEwMTAwMDAwMFoYDzIxMDAwMTAxMDAwMDAwWjAbMRkw
FwYDVQQDDBByZWNlaXZlci5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAEJhmLKzs1EMltFCblGgc1Fkm1t/MDSUzIBG4JPVTYTXNESmi35O/J02RrTPAf
jhbEn6a98FzVS5zYyJZTAZlbv6NPME0wGwYDVR0RBBQwEoIQcmVjZWl2ZXIuZXhh
bXBsZTAPBgNVHRMBAf8EBTADAQH/MB0GA1UdDgQWBBTF1sHw4UTVfEyVjgFrfSrA
/ziL6jAKBggqhkjOPQQDAgNHADBEAiBHwT28e/5eq9U6OZvxK8pTACjr7KM76+91
JCCOhyxAeQIgF64D68OBQAD3ky7oJUAUAesFaKa6aU6QlUjlbisOtvg=
-----END CERTIFICATE-----
"""
# Of receiver.example and nobody else; worth nothing outside these tests.
_KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgK16lKlUUc62Ripxw
kE3YEpnRQIEVkbaLlr9j8+XlXeOhRANCAAQmGYsrOzUQyW0UJuUaBzUWSbW38wNJ
TMgEbgk9VNhNc0RKaLfk78nTZGtM8B+OFsSfpr3wXNVLnNjIllMBmVu/
-----END PRIVATE KEY-----
"""


def deliver(
    host: str, folder: Path, *, trusted: bool = True
) -> tuple[Delivery, list[str], Receiver]:
    """What a try comes to, the server names asked for in TLS, and the server."""
    pem = folder / "receiver.pem"
    pem.write_text(_KEY + _CERTIFICATE)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    names: list[str] = []
    serving.sni_callback = lambda _socket, name, _context: names.append(name)
    trust = ssl.create_default_context(cadata=_CERTIFICATE) if trusted else None

    async def scenario() -> tuple[Delivery, list[str], Receiver]:
        async with (
            receiver(tls=serving) as target,
            sender(resolve=resolves(["127.0.0.1"]), trust=trust) as one,
        ):
            url = f"https://{host}:{target.port}/result"
            return await one.send(notice(url), NOON), names, target

    return run(scenario())


def test_host_and_server_name_are_the_url_s_though_an_address_is_called(tmp_path: Path) -> None:
    delivery, names, target = deliver("receiver.example", tmp_path)
    assert delivery.ok
    assert names == ["receiver.example"]
    assert target.head()["host"] == f"receiver.example:{target.port}"


@pytest.mark.parametrize(
    ("host", "trusted"), [("other.example", True), ("receiver.example", False)]
)
def test_a_certificate_of_another_name_or_of_nobody_we_trust_gets_no_notice(
    host: str, trusted: bool, tmp_path: Path
) -> None:
    delivery, _, target = deliver(host, tmp_path, trusted=trusted)
    assert (delivery.status, delivery.problem) == (None, "tls failed")
    assert target.requests == []


def test_a_handshake_that_never_ends_is_hung_up_on_at_the_deadline() -> None:
    async def scenario() -> tuple[Delivery, list[bytes]]:
        async with receiver() as target, sender(deadline_s=0.2) as one:
            # A server without TLS waits for the end of a request head that never comes.
            delivery = await one.send(notice(f"https://127.0.0.1:{target.port}/"), NOON)
            await target.closed.wait()
            return delivery, target.requests

    delivery, requests = run(scenario())
    assert delivery.problem == "timeout"
    assert requests == []


def test_what_is_kept_of_an_exchange_is_what_was_said_inside_tls(tmp_path: Path) -> None:
    delivery, _, target = deliver("receiver.example", tmp_path)
    head, _, _ = target.requests[0].partition(b"\r\n\r\n")
    assert delivery.request_head == head + b"\r\n\r\n"
    assert delivery.answer.startswith(b"HTTP/1.1 200")
    assert delivery.address == "127.0.0.1"
