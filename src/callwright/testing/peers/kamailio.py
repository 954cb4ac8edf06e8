"""Kamailio as the trunk's proxy: by UDP, TCP and TLS, with Record-Route, before the phones."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from callwright.testing.peers.certificates import Certificate
from callwright.testing.peers.child import Child
from callwright.testing.peers.free_ports import free_tcp_port
from callwright.testing.peers.waiting import wait_for
from callwright.testing.programs import require

_CONFIG = """\
#!KAMAILIO
debug=1
log_stderror=yes
children=1
tcp_children=1
auto_aliases=no
dns=no
rev_dns=no
enable_tls=yes
listen=udp:{host}:{port}
listen=tcp:{host}:{port}
listen=tls:{host}:{tls_port}
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "siputils.so"
modparam("tls", "tls_method", "TLSv1.2+")
modparam("tls", "certificate", "{certificate}")
modparam("tls", "private_key", "{key}")
modparam("tls", "ca_list", "{ca}")
modparam("tls", "verify_certificate", {verifies})
modparam("tls", "require_certificate", {verifies})
request_route {{
  if (method=="OPTIONS" && !has_totag()) {{ sl_send_reply("200", "OK"); exit; }}
  if (has_totag() && loose_route()) {{ t_relay(); exit; }}
  if (method=="ACK" || method=="CANCEL") {{ if (t_check_trans()) t_relay(); exit; }}
  if (has_totag()) {{ t_relay(); exit; }}
  record_route();
  $du = "sip:{callee}";
  t_relay();
}}
"""


@dataclass(frozen=True, slots=True)
class Kamailio:
    """A proxy that runs."""

    host: str
    port: int
    tls_port: int
    child: Child

    def address(self, transport: str) -> str:
        """For `trunks.NAME.address`."""
        port = self.tls_port if transport == "tls" else self.port
        return f"sip:{self.host}:{port};transport={transport}"


@contextmanager
def kamailio(
    folder: Path, callee: str, certificate: Certificate, *, asks_for_certificate: bool = False
) -> Iterator[Kamailio]:
    """A proxy that sends every call to `callee` (`host:port`, by UDP) and stays in its way.

    `asks_for_certificate`: it talks TLS only with those whose certificate the same CA signed.
    """
    host, port, tls_port = "127.0.0.1", free_tcp_port(), free_tcp_port()
    file = folder / "kamailio.cfg"
    file.write_text(
        _CONFIG.format(
            host=host,
            port=port,
            tls_port=tls_port,
            certificate=certificate.file,
            key=certificate.key,
            ca=certificate.ca,
            verifies=int(asks_for_certificate),
            callee=callee,
        )
    )
    run = folder / "kamailio-run"
    run.mkdir(exist_ok=True)
    command = [require("kamailio"), "-f", str(file), "-DD", "-E", "-m", "32", "-M", "8"]
    command += ["-Y", str(run), "-P", str(run / "pid")]
    with Child(command, folder=folder, name="kamailio") as child:
        wait_for(
            "kamailio",
            lambda: not child.is_running or _listens(host, tls_port),
            within_s=20,
            on_failure=child.last_words,
        )
        assert child.is_running, child.last_words()
        yield Kamailio(host, port, tls_port, child)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
