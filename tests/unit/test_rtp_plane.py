"""Handing out ports: even ones, each once, freed ones last."""

import socket

import pytest

from callwright.errors import ConfigInvalid, Unavailable
from callwright.telephony.rtp.plane import MediaPlane


def free_block(size: int) -> range:
    """A range of ports that are free right now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = min(sock.getsockname()[1], 65534 - size)
    return range(port + port % 2, port + port % 2 + size)


def test_ports_are_even_and_each_is_handed_out_once() -> None:
    plane = MediaPlane("127.0.0.1", free_block(40))
    ports = [plane.open().local_port for _ in range(10)]
    assert all(port % 2 == 0 for port in ports)
    assert len(set(ports)) == 10
    assert plane.open_sessions == 10
    plane.close()
    assert plane.open_sessions == 0


def test_a_freed_port_is_handed_out_last() -> None:
    plane = MediaPlane("127.0.0.1", free_block(20))
    first = plane.open()
    first.close()
    others = [plane.open().local_port for _ in range(3)]
    assert first.local_port not in others
    plane.close()


def test_a_port_someone_else_has_is_passed_over_and_none_left_is_said() -> None:
    ports = free_block(4)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", ports[0]))
        plane = MediaPlane("127.0.0.1", ports)
        assert plane.open().local_port == ports[2]
        with pytest.raises(Unavailable, match="no RTP port is free"):
            plane.open()
        plane.close()


def test_an_address_of_another_machine_is_said_to_be_one() -> None:
    plane = MediaPlane("192.0.2.1", range(30000, 30010))
    with pytest.raises(Unavailable, match="no audio on 192"):
        plane.open()


@pytest.mark.parametrize("ports", [range(0), range(30001, 30002), range(100, 200)])
def test_a_range_without_a_usable_port_is_refused(ports: range) -> None:
    with pytest.raises(ConfigInvalid, match="rtp_ports"):
        MediaPlane("127.0.0.1", ports)
