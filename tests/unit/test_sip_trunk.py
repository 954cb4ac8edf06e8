"""Which trunk settings a line accepts, and what it says of the others."""

import pytest

from callwright.errors import ConfigInvalid
from callwright.telephony.trunk import TrunkSettings, check_trunk


@pytest.mark.parametrize(
    ("address", "target"),
    [
        ("sip:192.0.2.7", ("192.0.2.7", 5060)),
        ("sip:192.0.2.7:5080;transport=UDP", ("192.0.2.7", 5080)),
        ("SIP:Trunk.Example.ORG;lr", ("trunk.example.org", 5060)),
        ("sip:[2001:db8::1]:5070", ("2001:db8::1", 5070)),
    ],
)
def test_an_address_is_a_host_and_a_port(address: str, target: tuple[str, int]) -> None:
    trunk = TrunkSettings(name="main", address=address)
    check_trunk(trunk)
    assert trunk.target() == target


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"address": "trunk.example.org"}, "trunks.main.address: not a SIP address"),
        ({"address": "sip:h;transport=tcp"}, "trunks.main.address: only UDP"),
        ({"address": "sip:h;transport=TLS"}, "trunks.main.address: only UDP"),
        ({"address": "sips:h"}, "trunks.main.address: only UDP"),
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
