"""A DNS server on loopback that says what a test has it say."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class DnsServer:
    """`records`: of a name and a type, how long it holds and what there is of it."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], tuple[int, list[str]]] = {}
        self.asked: Counter[tuple[str, str]] = Counter()
        self.is_broken = False
        """It answers that it cannot say."""
        self.broken_for: set[str] = set()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)
        self.address: tuple[str, int] = self.sock.getsockname()
        asyncio.get_running_loop().add_reader(self.sock.fileno(), self._hear)

    def says(self, name: str, kind: str, *texts: str, ttl_s: int = 3600) -> None:
        self.records[name, kind] = (ttl_s, list(texts))

    def _hear(self) -> None:
        data, source = self.sock.recvfrom(4096)
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked[name, kind] += 1
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        known = self.records.get((name, kind))
        if self.is_broken or name in self.broken_for:
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif known is not None:
            ttl_s, texts = known
            answer.answer.append(dns.rrset.from_text(question.name, ttl_s, "IN", kind, *texts))
        elif not any(name == other for other, _ in self.records):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        self.sock.sendto(answer.to_wire(), source)


@contextmanager
def dns_server() -> Iterator[DnsServer]:
    server = DnsServer()
    try:
        yield server
    finally:
        asyncio.get_running_loop().remove_reader(server.sock.fileno())
        server.sock.close()
