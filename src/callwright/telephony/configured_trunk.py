"""What the settings of a trunk come to for a line process that uses it."""

from callwright.config import Config, TrunkSettings
from callwright.errors import ConfigInvalid
from callwright.telephony.asterisk.trunk import AsteriskTrunk
from callwright.telephony.sip.call_form import CallForm
from callwright.telephony.sip.fields import HostPort
from callwright.telephony.sip.sdp import Codec
from callwright.telephony.sip.tls import TlsSettings
from callwright.telephony.trunk import TrunkSettings as LineTrunk

_CODECS: dict[str, Codec] = {"pcmu": "PCMU", "pcma": "PCMA"}


def configured_trunk(
    config: Config,
    name: str,
    trunk: TrunkSettings,
    *,
    line: int,
    lines: int,
    phones: HostPort | None,
) -> LineTrunk:
    """The trunk called `name` as the `line`th of so many lines, from 0, is told of it; each has
    its own share of the ports for audio. `phones` is where the built-in callee is.

    Raises:
        ConfigInvalid: its port for SIP would have to serve several processes.
    """
    address = str(trunk.address)
    user, password = trunk.user, trunk.password
    if trunk.driver == "phones":
        assert phones is not None
        host, port = phones
        address = f"sip:{host}:{port};transport=udp"
        user, password = user or "phones", password or "phones"
    if trunk.local_port and lines > 1:
        raise ConfigInvalid(
            f"trunks.{name}.local_port: one port cannot serve {lines} line processes; "
            "leave it out, or set lines.processes = 1"
        )
    first, last = trunk.rtp_ports.first, trunk.rtp_ports.last
    # Even shares that start on an even port, as RTP wants.
    share = (last - first + 1) // lines // 2 * 2
    return LineTrunk(
        name=name,
        address=address,
        user=user,
        password=password,
        caller_id=trunk.caller_id,
        name_servers=tuple((each.host, each.port) for each in config.lines.name_servers),
        targets=trunk.targets,
        outbound_proxy=trunk.outbound_proxy,
        ping_every_s=trunk.ping_every.total_seconds() if trunk.pings else 0.0,
        register_for_s=round(trunk.register_for.total_seconds()) if trunk.registers else 0,
        tls=TlsSettings(
            ca=path_of(config, trunk.tls_ca),
            certificate=path_of(config, trunk.tls_certificate),
            key=path_of(config, trunk.tls_key),
            wildcards=trunk.tls_wildcards,
        ),
        local_address=trunk.local_address,
        local_port=trunk.local_port,
        rtp_ports=(first + line * share, first + (line + 1) * share - 1),
        codecs=tuple(_CODECS[name] for name in dict.fromkeys(trunk.codecs)),
        srtp=trunk.srtp,
        audio_timeout_s=trunk.audio_timeout.total_seconds(),
        calls_per_second=trunk.calls_per_second,
        form=_call_form(trunk),
    )


def configured_asterisk(name: str, trunk: TrunkSettings, *, line: int) -> AsteriskTrunk:
    """The same of a trunk whose calls an Asterisk places. Each line has an application of its
    own: events go to one listener only."""
    return AsteriskTrunk(
        name=name,
        url=trunk.ari_url,
        app=f"{trunk.ari_app}-{name}-{line}",
        user=trunk.user,
        password=trunk.password,
        endpoint=trunk.endpoint,
        caller_id=trunk.caller_id,
        audio_timeout_s=trunk.audio_timeout.total_seconds(),
        calls_per_second=trunk.calls_per_second,
        form=_call_form(trunk),
    )


def path_of(config: Config, written: str) -> str:
    """A file named in the settings, looked up from their folder; "" = none."""
    return str(config.folder / written) if written else ""


def _call_form(trunk: TrunkSettings) -> CallForm:
    return CallForm(
        number_format=trunk.number_format,
        country_code=trunk.country_code,
        national_prefix=trunk.national_prefix,
        international_prefix=trunk.international_prefix,
        strip_prefix=trunk.strip_prefix,
        dial_prefix=trunk.dial_prefix,
        caller_id_format=trunk.caller_id_format,
        user_phone=trunk.user_phone,
        from_account=trunk.caller_from == "account",
        identity_headers=tuple(trunk.identity_headers),
        caller_name=trunk.caller_name,
        hide_caller_id=trunk.hide_caller_id,
        diversion=trunk.diversion,
        user_agent=trunk.user_agent,
        reliable_provisionals=trunk.reliable_provisionals,
        session_expires_s=trunk.session_expires,
    )
