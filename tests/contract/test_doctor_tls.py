"""What `doctor` says of certificates: ours, those we trust, and the one the trunk shows."""

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from tcp_peer import tcp_peer

from callwright.cli.findings import Finding, Level
from callwright.cli.trunk_checks import check_trunk
from callwright.config import Config, TrunkSettings
from callwright.testing.peers.certificates import Authority, Certificate


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def looked_at(shown: Certificate, **tls: Any) -> list[Finding]:
    """What is found of a trunk whose server shows that certificate, its ports apart."""

    async def look() -> list[Finding]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(shown.file, shown.key)
        async with tcp_peer(context) as peer:
            trunk = TrunkSettings(address=f"sips:127.0.0.1:{peer.port}", **tls)
            found = check_trunk(Config(trunks={"main": trunk}), "main", trunk)
            return [each async for each in found if "for audio" not in each.text]

    return asyncio.run(look())


def test_good_certificates_are_told_with_their_end(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    theirs = authority.certify("theirs", ["IP:127.0.0.1"], days=90)
    ours = authority.certify("ours", ["DNS:us.example"], days=90)
    own, server = looked_at(
        theirs, tls_ca=str(theirs.ca), tls_certificate=str(ours.file), tls_key=str(ours.key)
    )
    assert (own.level, server.level) == (Level.OK, Level.OK)
    assert "is a certificate with its key until 20" in own.text
    assert "shows a certificate that is good until 20" in server.text


def test_what_runs_out_soon_is_worth_a_word(authority: Authority) -> None:
    soon = authority.certify("soon", ["IP:127.0.0.1"], days=3)
    [server] = looked_at(soon, tls_ca=str(soon.ca))
    assert (server.level, server.advice) == (Level.WARN, "renew it")


@pytest.mark.parametrize("what", ["name", "expired", "stranger"])
def test_a_certificate_that_is_not_the_trunks_is_refused(
    authority: Authority, tmp_path: Path, what: str
) -> None:
    subject = ["DNS:other.example"] if what == "name" else ["IP:127.0.0.1"]
    shown = authority.certify(what, subject, days=-1 if what == "expired" else 90)
    ca = Authority(tmp_path, "other").file if what == "stranger" else shown.ca
    [server] = looked_at(shown, tls_ca=str(ca))
    assert server.level is Level.FAIL
    words = {"name": "not for 127.0.0.1", "expired": "expired", "stranger": "issuer"}
    assert words[what] in server.text


def test_files_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    good = authority.certify("good", ["IP:127.0.0.1"], days=90)
    other = authority.certify("another", ["IP:127.0.0.1"], days=90)
    mixed = {"tls_certificate": str(good.file), "tls_key": str(other.key)}
    for tls, setting in (
        ({"tls_ca": str(tmp_path / "none.pem")}, "trunks.main.tls_ca"),
        ({"tls_ca": str(good.ca), **mixed}, "trunks.main.tls_certificate"),
    ):
        first = looked_at(good, **tls)[0]
        assert first.level is Level.FAIL
        assert setting in first.text


def test_ours_that_has_expired_is_found_before_the_trunk_finds_it(authority: Authority) -> None:
    old = authority.certify("old", ["DNS:us.example"], days=-1)
    theirs = authority.certify("good", ["IP:127.0.0.1"], days=90)
    own, server = looked_at(
        theirs, tls_ca=str(theirs.ca), tls_certificate=str(old.file), tls_key=str(old.key)
    )
    assert (own.level, server.level) == (Level.FAIL, Level.OK)
    assert "expired" in own.text


def test_keys_of_sealed_audio_that_travel_openly_are_worth_a_word(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look(address: str) -> list[Finding]:
        trunk = TrunkSettings(address=address, srtp="offer")
        found = check_trunk(Config(trunks={"main": trunk}), "main", trunk)
        return [each async for each in found if "seal" in each.text or "extra" in each.text]

    async def tcp() -> list[Finding]:
        async with tcp_peer(None) as peer:
            return await look(f"sip:127.0.0.1:{peer.port};transport=tcp")

    [openly] = asyncio.run(tcp())
    assert (openly.level, openly.advice) == (Level.WARN, "use TLS; see trunks.main.address")
    good = authority.certify("sealed", ["IP:127.0.0.1"], days=90)
    assert [
        each for each in looked_at(good, tls_ca=str(good.ca), srtp="require") if each.advice
    ] == []
    monkeypatch.setattr("callwright.telephony.trunk.find_spec", lambda name: None)
    missing, _ = asyncio.run(tcp())
    assert missing.level is Level.FAIL
    assert "trunks.main.srtp: needs an extra" in missing.text
