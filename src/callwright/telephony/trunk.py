"""What a line must know of one trunk: where it is, who we are there, which ports are ours.

The settings travel to the line process as they are. Reading `callwright.toml` is the
business of `config`; this file refuses what the line could not work with.
"""

from typing import Literal

import msgspec

from callwright.errors import ConfigInvalid
from callwright.telephony.sip.call_form import PLAIN, CallForm
from callwright.telephony.sip.fields import (
    SIP_PORT,
    HostPort,
    SipMalformed,
    checked_account,
    checked_caller,
    is_ip_address,
    parse_uri,
)


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
    audio_timeout_s: float = 30.0
    """A call from which so long nothing came, though it should have, is over; 0 = never."""
    calls_per_second: float = 0.0
    """INVITEs that may leave this line in any second; 0 = as many as are ordered."""

    form: CallForm = PLAIN
    """How numbers, caller ids and the rest of an INVITE are written."""

    def __repr__(self) -> str:
        """Without the password, which has no business in a log."""
        return f"TrunkSettings(name={self.name!r}, address={self.address!r})"

    def target(self) -> HostPort:
        """Host (a name or an address without brackets) and port of the trunk.

        Raises:
            ConfigInvalid: the address is none of ours to dial; the text names the setting.
        """
        key = f"trunks.{self.name}.address"
        try:
            uri = parse_uri(self.address)
        except SipMalformed as exc:
            raise ConfigInvalid(
                f'{key}: not a SIP address; write it like "sip:192.0.2.7:5060;transport=udp"'
            ) from exc
        transport = (uri.param("transport") or "udp").lower()
        if uri.scheme == "sips" or transport != "udp":
            raise ConfigInvalid(
                f"{key}: only UDP is supported so far; write transport=udp or leave it out"
            )
        return uri.host.strip("[]"), uri.port or SIP_PORT

    def rtp_range(self) -> range:
        """The ports for audio, as a range."""
        return range(self.rtp_ports[0], self.rtp_ports[1] + 1)


def check_trunk(trunk: TrunkSettings) -> None:
    """Refuse settings a line could not work with.

    Raises:
        ConfigInvalid: names the setting and what to do.
    """
    key = f"trunks.{trunk.name}"
    trunk.target()
    if trunk.local_address and not is_ip_address(trunk.local_address):
        raise ConfigInvalid(f"{key}.local_address: write an IP address of this machine, or nothing")
    if not 0 <= trunk.local_port <= 65535:
        raise ConfigInvalid(f"{key}.local_port: a port is 0 to 65535")
    first, last = trunk.rtp_ports
    if not 1024 <= first < last <= 65535:
        raise ConfigInvalid(
            f'{key}.rtp_ports: write two ports from 1024 to 65535, like "30000-39999"'
        )
    if trunk.caller_id:
        try:
            checked_caller(trunk.caller_id)
        except SipMalformed as exc:
            raise ConfigInvalid(f"{key}.caller_id: write a number: + and digits") from exc
    try:
        trunk.form.check()
    except SipMalformed as exc:
        raise ConfigInvalid(f"{key}.{exc}") from exc
    if trunk.form.from_account:
        try:
            checked_account(trunk.user)
        except SipMalformed as exc:
            raise ConfigInvalid(f"{key}.user: From cannot name it; see caller_from") from exc
    for name, value in (("user", trunk.user), ("password", trunk.password)):
        if any(ord(char) < 32 or ord(char) == 127 for char in value):
            raise ConfigInvalid(f"{key}.{name}: holds a control character")
