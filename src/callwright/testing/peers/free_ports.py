"""Ports for programs that cannot be asked to choose one themselves."""

import socket


def free_udp_port(host: str = "127.0.0.1") -> int:
    """A UDP port that is free now, even, and with the next one free too (as RTP wants).

    Another program may take it before it is used; the system hands out ports in a wide
    range at random, so that this is rare.
    """
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second,
        ):
            first.bind((host, 0))
            port: int = first.getsockname()[1]
            if port % 2 or port > 65000:
                continue
            try:
                second.bind((host, port + 1))
            except OSError:
                continue
            return port


def free_sip_port(host: str = "127.0.0.1") -> int:
    """A port that is free now by UDP and by TCP: what speaks SIP listens on both."""
    while True:
        port = free_udp_port(host)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            try:
                sock.bind((host, port))
            except OSError:
                continue
            return port


def free_tcp_port(host: str = "127.0.0.1") -> int:
    """A TCP port that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind((host, 0))
        port: int = sock.getsockname()[1]
        return port
