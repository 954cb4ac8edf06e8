"""Capture files: what is written is read back, what is secret is not in them, and they end."""

import asyncio
import errno
import logging
import os
from pathlib import Path
from socket import AF_INET, AF_INET6, inet_ntop

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callwright.telephony.capture import CaptureArchive, CaptureRecorder, CaptureRules
from callwright.telephony.capture.masking import masked
from callwright.telephony.capture.pcap import FILE_HEADER, Packet, pack, packets

US, TRUNK = ("127.0.0.1", 5062), ("192.0.2.7", 5060)
DAY_S = 86_400


def invite(call_id: str, filling: int = 0) -> bytes:
    lines = ["INVITE sip:6175550100@192.0.2.7 SIP/2.0", f"Call-ID: {call_id}", "CSeq: 1 INVITE"]
    return ("\r\n".join(lines) + "\r\n\r\n" + "x" * filling).encode()


class Kept:
    """A recorder that is told the time, and what can be found of its messages."""

    def __init__(self, folder: Path, *, max_bytes: int = 2**20, max_age_s: float = DAY_S) -> None:
        self.now = 1_800_000_000.0
        self.folder = folder / "sip"
        rules = CaptureRules(folder=str(self.folder), max_bytes=max_bytes, max_age_s=max_age_s)
        self.recorder = CaptureRecorder(rules, wall=lambda: self.now)
        self.archive = CaptureArchive(self.folder)

    def saw(self, *messages: bytes) -> None:
        async def say() -> None:
            for message in messages:
                self.recorder.saw(message, US, TRUNK)
            self.recorder.flush()

        asyncio.run(say())

    def found(self, *call_ids: str) -> list[bytes]:
        return [message.data for message in self.archive.of(call_ids)]

    def size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir())


hosts = st.ip_addresses(v=4) | st.ip_addresses(v=6)


@given(hosts, st.integers(1, 65535), st.binary(max_size=3000), st.integers(0, 2**32 * 10**6 - 1))
def test_a_packet_is_read_back_as_it_was_written(host, port: int, data: bytes, micros: int) -> None:
    # glibc writes some IPv6 addresses otherwise than Python does
    there = (inet_ntop(AF_INET6 if host.version == 6 else AF_INET, host.packed), port)
    here = ("::1" if host.version == 6 else "127.0.0.1", 5060)
    file = FILE_HEADER + pack(Packet(micros / 1e6, here, there, data))
    (found,) = packets(memoryview(file))
    assert found[1:] == (here, there, data)
    assert found.at == pytest.approx(micros / 1e6, abs=2e-6)


@given(st.integers(min_value=0))
def test_a_torn_file_is_read_up_to_where_it_is_torn(cut: int) -> None:
    whole = [pack(Packet(float(n), US, TRUNK, invite(f"call-{n}"))) for n in range(3)]
    file = FILE_HEADER + b"".join(whole)
    torn = file[: cut % len(file)]
    expected = (len(torn) - len(FILE_HEADER)) // len(whole[0])
    assert len(list(packets(memoryview(torn)))) == max(0, expected)


def test_a_message_too_large_for_a_packet_is_cut_and_said_to_be() -> None:
    file = FILE_HEADER + pack(Packet(0.0, US, TRUNK, bytes(70_000)))
    (found,) = packets(memoryview(file))
    assert len(found.data) == 60_000
    size, of = (int.from_bytes(file[at : at + 4], "little") for at in (32, 36))
    assert of - size == 10_000


@pytest.mark.parametrize(
    ("secret", "line"),
    [
        (b"0123abcd", b'Authorization: Digest username="u", nonce="n", response="%s", qop=auth'),
        (b"0123abcd", b"proxy-authorization : Digest response=%s,algorithm=MD5"),
        (b"c0c0", b'Proxy-Authorization: Digest cnonce="%s", nonce="n"'),
        (b"WVNfX19zZW1jdGwgKCk", b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:%s|2^20"),
    ],
)
def test_what_is_secret_is_masked_and_the_length_stays(secret: bytes, line: bytes) -> None:
    message = b"INVITE sip:x@y SIP/2.0\r\nCall-ID: a\r\n" + line % secret + b"\r\n\r\n"
    kept = masked(message)
    assert secret not in kept
    assert kept == message.replace(secret, b"*" * len(secret))


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        (b"Signal=5\r\nDuration=160\r\n", b"Signal=*\r\nDuration=160\r\n"),
        (b"Duration=160\r\nsignal = #", b"Duration=160\r\nsignal = *"),
        (b"5", b"*"),
    ],
)
def test_a_keyed_digit_is_masked(body: bytes, kept: bytes) -> None:
    head = b"INFO sip:x@y SIP/2.0\r\nCall-ID: 5\r\n\r\n"
    assert masked(head + body) == head + kept


def test_the_messages_of_a_call_are_found_among_others(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.saw(invite("a"), invite("b"))
    kept.now += 1
    kept.saw(b"SIP/2.0 200 OK\r\ni:a\r\n\r\n", invite("aa"), b"mentions a\r\n\r\n")
    assert kept.found("a") == [invite("a"), b"SIP/2.0 200 OK\r\ni:a\r\n\r\n"]
    assert kept.found("b", "aa") == [invite("b"), invite("aa")]
    assert kept.found() == kept.found("c") == []
    assert kept.archive.pcap_of(["b"]).startswith(FILE_HEADER)
    assert kept.archive.pcap_of(["c"]) == b""


def test_nothing_is_found_before_anything_was_written(tmp_path: Path) -> None:
    assert Kept(tmp_path).found("a") == []


def test_the_oldest_files_make_room(tmp_path: Path) -> None:
    kept = Kept(tmp_path, max_bytes=256 * 1024)
    for number in range(600):
        kept.now += 1
        kept.saw(invite(f"call-{number}", filling=1000))
    assert kept.size() <= 256 * 1024
    assert kept.found("call-599") == [invite("call-599", filling=1000)]
    assert kept.found("call-0") == []


def test_files_of_another_process_make_room_too(tmp_path: Path) -> None:
    kept = Kept(tmp_path, max_bytes=64 * 1024)
    kept.folder.mkdir()
    other = kept.folder / "20200101T000000.000000-1.pcap"
    other.write_bytes(bytes(64 * 1024))
    os.utime(other, (1, 1))
    kept.saw(invite("a"))
    assert not other.exists()


def test_old_files_go_however_few_there_are(tmp_path: Path) -> None:
    kept = Kept(tmp_path, max_age_s=DAY_S)
    kept.saw(invite("old"))
    (old,) = kept.folder.iterdir()
    os.utime(old, (kept.now, kept.now))
    kept.now += 2 * DAY_S
    kept.saw(invite("new"))
    assert kept.found("old", "new") == [invite("new")]


def test_nobody_else_may_read_them(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.saw(invite("a"))
    (file,) = kept.folder.iterdir()
    assert (kept.folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_disk_that_takes_nothing_is_said_once_and_put_up_with(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept(tmp_path)
    kept.folder.write_text("in the way")
    with caplog.at_level(logging.ERROR):
        kept.saw(invite("a"))
        kept.saw(invite("b"))
    (record,) = caplog.records
    assert "cannot be kept" in record.getMessage()
    assert vars(record)["why"] == os.strerror(errno.EEXIST)
    kept.folder.unlink()
    kept.saw(invite("c"))
    assert kept.found("a", "b", "c") == [invite("c")]
