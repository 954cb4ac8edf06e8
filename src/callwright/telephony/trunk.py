"""What a line must know of one trunk: where it is, who we are there, which ports are ours.

The settings travel to the line process as they are. Reading `callwright.toml` is the
business of `config`; this file refuses what the line could not work with.
"""

from importlib.util import find_spec
from typing import Literal

import msgspec

from callwright.errors import ConfigInvalid
from callwright.telephony.sip.call_form import PLAIN, CallForm
from callwright.telephony.sip.fields import (
    HostPort,
    SipMalformed,
    Transport,
    checked_account,
    checked_caller,
    is_ip_address,
    parse_uri,
)
from callwright.telephony.sip.locate import Sought
from callwright.telephony.sip.media_keys import Secrecy
from callwright.telephony.sip.tls import TlsSettings, client_context

_TRANSPORTS: dict[str, Transport] = {"udp": "UDP", "tcp": "TCP", "tls": "TLS"}


class TrunkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One trunk. `address` is `sip:host:port;transport=udp`; the rest may stay empty."""

    name: str
    address: str
    user: str = ""
    password: str = ""
    caller_id: str = ""
    """Used when an order brings none; "" = anonymous."""
    local_address: str = ""
    """Numeric address for SIP and RTP; "" = whichever routes to the trunk."""
    local_port: int = 0
    """For SIP; 0 = any free one."""
    rtp_ports: tuple[int, int] = (30000, 39999)
    """First and last port, both included."""
    codecs: tuple[Literal["PCMU", "PCMA"], ...] = ("PCMU", "PCMA")
    """Offered, the best first."""
    srtp: Secrecy = "off"
    """Whether audio is sealed: never, where the other end can, or else there is no call."""
    audio_timeout_s: float = 30.0
    """A call from which so long nothing came, though it should have, is over; 0 = never."""
    name_servers: tuple[tuple[str, int], ...] = ()
    """Addresses and ports of those that are asked; () = this machine's."""
    targets: tuple[str, ...] = ()
    """Servers to use in this order, in place of what DNS says of the address."""
    outbound_proxy: str = ""
    """Where requests go, with a Route that says so; "" = to the address."""
    ping_every_s: float = 0.0
    """How often its servers are asked by OPTIONS whether they are there; 0 = those that failed."""
    tls: TlsSettings = TlsSettings()
    register_for_s: int = 0
    """How long a registration of `user` is asked for at a time; 0 = none is wanted."""
    calls_per_second: float = 0.0
    """INVITEs that may leave this line in any second; 0 = as many as are ordered."""

    form: CallForm = PLAIN
    """How numbers, caller ids and the rest of an INVITE are written."""

    def __repr__(self) -> str:
        """Without the password, which has no business in a log."""
        return f"TrunkSettings(name={self.name!r}, address={self.address!r})"

    @property
    def is_secure(self) -> bool:
        """Whether its URIs are `sips:`."""
        return self.address[:5].lower() == "sips:"

    def domain(self) -> HostPort:
        """Host (a name or an address without brackets) and port of its URIs; 0 = no port.

        Raises:
            ConfigInvalid: the address is none of ours to dial; the text names the setting.
        """
        sought = self._sought("address", self.address)
        return sought.host, sought.port

    def proves_to_be(self) -> str:
        """Whose certificate its servers must show."""
        return self._sought(*self._way()).host

    def servers(self) -> list[Sought]:
        """Whom to ask, in this order.

        Raises:
            ConfigInvalid: a setting that names one cannot be read.
        """
        if not self.targets:
            return [self._sought(*self._way())]
        usual = self._sought("address", self.address).transport
        servers = [self._sought("targets", each) for each in self.targets]
        return [msgspec.structs.replace(x, transport=x.transport or usual) for x in servers]

    def route(self) -> str:
        """The Route that requests carry outside of calls; "" = none."""
        if not self.outbound_proxy:
            return ""
        uri = (
            self.outbound_proxy if ":" in self.outbound_proxy[:5] else f"sip:{self.outbound_proxy}"
        )
        return f"<{uri}>" if ";lr" in uri.lower() else f"<{uri};lr>"

    def _way(self) -> tuple[str, str]:
        """The setting that says where requests go, and its value."""
        if self.outbound_proxy:
            return "outbound_proxy", self.outbound_proxy
        return "address", self.address

    def _sought(self, setting: str, text: str) -> Sought:
        key = f"trunks.{self.name}.{setting}"
        if setting != "address" and not text[:5].lower().startswith(("sip:", "sips:")):
            text = f"sip:{text}"
        try:
            uri = parse_uri(text)
        except SipMalformed as exc:
            raise ConfigInvalid(
                f'{key}: not a SIP address; write it like "sip:192.0.2.7:5060;transport=udp"'
            ) from exc
        written = uri.param("transport")
        transport = _TRANSPORTS.get((written or "").lower())
        if uri.scheme == "sips":
            if transport == "UDP":
                raise ConfigInvalid(f"{key}: sips goes by TLS; leave transport=udp out")
            transport = "TLS"
        elif written is not None and transport is None:
            raise ConfigInvalid(f"{key}: transport must be udp, tcp or tls")
        return Sought(host=uri.host.strip("[]"), port=uri.port, transport=transport)

    @property
    def tells_keys_openly(self) -> bool:
        """Whether the keys of its audio can be read on their way."""
        return self.srtp != "off" and any(each.transport != "TLS" for each in self.servers())

    def rtp_range(self) -> range:
        """The ports for audio, as a range."""
        return range(self.rtp_ports[0], self.rtp_ports[1] + 1)


def check_sealing(trunk: TrunkSettings) -> None:
    """Refuse to seal audio with what is not there.

    Raises:
        ConfigInvalid: says what to install.
    """
    if trunk.srtp != "off" and find_spec("pylibsrtp") is None:
        key = f"trunks.{trunk.name}.srtp"
        raise ConfigInvalid(f"{key}: needs an extra; pip install 'callwright[srtp]'")


def check_trunk(trunk: TrunkSettings) -> None:
    """Refuse settings a line could not work with.

    Raises:
        ConfigInvalid: names the setting and what to do.
    """
    key = f"trunks.{trunk.name}"
    trunk.domain()
    if any(each.transport == "TLS" for each in trunk.servers()) or trunk.tls != TlsSettings():
        client_context(trunk.tls, key)
    if trunk.local_address and not is_ip_address(trunk.local_address):
        raise ConfigInvalid(f"{key}.local_address: write an IP address of this machine, or nothing")
    if not 0 <= trunk.local_port <= 65535:
        raise ConfigInvalid(f"{key}.local_port: a port is 0 to 65535")
    if trunk.register_for_s and not trunk.user:
        raise ConfigInvalid(f"{key}.user: name the account that {key}.registers is about")
    check_sealing(trunk)
    first, last = trunk.rtp_ports
    if not 1024 <= first < last <= 65535:
        raise ConfigInvalid(
            f'{key}.rtp_ports: write two ports from 1024 to 65535, like "30000-39999"'
        )
    check_callers(key, trunk.caller_id, trunk.form)
    if trunk.form.from_account:
        try:
            checked_account(trunk.user)
        except SipMalformed as exc:
            raise ConfigInvalid(f"{key}.user: From cannot name it; see caller_from") from exc
    for name, value in (("user", trunk.user), ("password", trunk.password)):
        if any(ord(char) < 32 or ord(char) == 127 for char in value):
            raise ConfigInvalid(f"{key}.{name}: holds a control character")


def check_callers(key: str, caller_id: str, form: CallForm) -> None:
    """Refuse a caller id and ways of writing numbers that no call could be made with.

    Raises:
        ConfigInvalid: names the setting, under `key`.
    """
    if caller_id:
        try:
            checked_caller(caller_id)
        except SipMalformed as exc:
            raise ConfigInvalid(f"{key}.caller_id: write a number: + and digits") from exc
    try:
        form.check()
    except SipMalformed as exc:
        raise ConfigInvalid(f"{key}.{exc}") from exc
