"""Which trunk settings a line accepts, and what it says of the others."""

import pytest

from callwright.errors import ConfigInvalid
from callwright.telephony.sip.tls import TlsSettings
from callwright.telephony.trunk import TrunkSettings, check_trunk


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("sip:192.0.2.7", ("192.0.2.7", 0)),
        ("sip:192.0.2.7:5080;transport=UDP", ("192.0.2.7", 5080)),
        ("SIP:Trunk.Example.ORG;lr", ("trunk.example.org", 0)),
        ("sip:[2001:db8::1]:5070", ("2001:db8::1", 5070)),
    ],
)
def test_an_address_is_a_host_and_a_port(address: str, target: tuple[str, int]) -> None:
    trunk = TrunkSettings(name="main", address=address)
    check_trunk(trunk)
    assert trunk.domain() == target


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"address": "trunk.example.org"}, "trunks.main.address: not a SIP address"),
        ({"address": "sip:h;transport=sctp"}, "trunks.main.address: transport must be"),
        ({"address": "sips:h;transport=udp"}, "trunks.main.address: sips goes by TLS"),
        ({"outbound_proxy": "sip:h;transport=ws"}, "trunks.main.outbound_proxy: transport must"),
        ({"targets": ("192.0.2.7", "h h")}, "trunks.main.targets: not a SIP address"),
        ({"tls": TlsSettings(ca="/none")}, "trunks.main.tls_ca: /none: No such file"),
        ({"tls": TlsSettings(ca=__file__)}, "trunks.main.tls_ca: "),
        ({"tls": TlsSettings(key="/k")}, "trunks.main.tls_key: name its certificate in"),
        ({"tls": TlsSettings(certificate="/c")}, "trunks.main.tls_certificate: /c: no such file"),
        ({"address": "sip:h:99999"}, "trunks.main.address: not a SIP address"),
        ({"local_address": "eth0"}, "trunks.main.local_address: write an IP address"),
        ({"local_port": 70000}, "trunks.main.local_port: a port is"),
        ({"rtp_ports": (40000, 30000)}, "trunks.main.rtp_ports: write two ports"),
        ({"rtp_ports": (80, 30000)}, "trunks.main.rtp_ports: write two ports"),
        ({"caller_id": 'a"b'}, "trunks.main.caller_id: write a number"),
        ({"user": "a\r\nb"}, "trunks.main.user: holds a control character"),
        ({"password": "a\x00"}, "trunks.main.password: holds a control character"),
    ],
)
def test_what_cannot_work_is_refused_by_the_settings_name(
    settings: dict[str, object], text: str
) -> None:
    values: dict[str, object] = {"name": "main", "address": "sip:h"} | settings
    with pytest.raises(ConfigInvalid) as refused:
        check_trunk(TrunkSettings(**values))  # type: ignore[arg-type]
    assert str(refused.value).startswith(text)
