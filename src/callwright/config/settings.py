"""Every setting, declared once: its type, default, unit and help.

The sample file, the table in docs/settings.md and what `callwright config check` prints
are all made from these declarations. Reading files and the environment is left to `load`.
"""

from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from callwright.config.asterisk_values import AriApp, AsteriskEndpoint
from callwright.config.values import (
    Allowed,
    CallerId,
    Country,
    CountryCode,
    DialDigits,
    Digits,
    Duration,
    HeaderText,
    Listen,
    LocalAddress,
    NameServer,
    Network,
    NumberFormat,
    Ports,
    PublicUrl,
    SessionExpires,
    SipServer,
    Size,
    SizeOrNone,
    StoreUrl,
    TrunkAddress,
    UserAgent,
    WebhookSecret,
)


class _Bounds(TypedDict, total=False):
    ge: float
    le: float
    gt: float
    min_length: int


def _setting(
    default: object,
    text: str,
    *,
    unit: str = "",
    example: str | list[str] | None = None,
    secret: bool = False,
    **bounds: Unpack[_Bounds],
) -> Any:
    """One declaration. Defaults are written as an operator would, and read the same way.

    `example` stands in the sample file where the default would say nothing; `secret`
    values are never shown.
    """
    extra: dict[str, Any] = {"unit": unit, "example": example, "secret": secret}
    field: Any = Field(
        default=default,
        description=text,
        validate_default=True,
        repr=not secret,
        json_schema_extra=extra,
        **bounds,
    )
    return field


class Section(BaseModel):
    """Settings that stand under one heading."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class ServerSettings(Section):
    """Where the API is served."""

    listen: Listen = _setting("127.0.0.1:8080", "API, dialects, console")
    public_url: PublicUrl = _setting(
        "", "used in Link headers; empty = from the request", example="https://calls.example.com"
    )
    proxies: tuple[Network, ...] = _setting(
        [],
        "reverse proxies in front, whose X-Forwarded-For is believed",
        example=["127.0.0.1"],
    )
    metrics_from: tuple[Network, ...] = _setting(
        ["127.0.0.0/8", "::1"], "networks that may read /metrics; for all others it is not there"
    )


class StoreSettings(Section):
    """Where calls are kept."""

    url: StoreUrl = _setting(
        "sqlite:callwright.db",
        "a path without a leading / is looked up from the folder of this file",
    )
    mark: str = _setting(
        "",
        "file that notes how new the store is, outside of it; empty = beside it, with .mark",
        example="/var/lib/elsewhere/callwright.mark",
    )
    hold_after: Duration = _setting(
        "15m", "a start so long after the last heartbeat is held if store.hold_calls are due"
    )
    hold_calls: int = _setting(
        100, "more due calls than this hold such a start", unit="calls", ge=0
    )


class LineSettings(Section):
    """The processes that speak SIP and RTP."""

    processes: int = _setting(1, "how many", unit="processes", ge=1, le=64)
    name_servers: tuple[NameServer, ...] = _setting(
        [],
        "asked where trunks are; empty = this machine's, and its hosts file",
        example=["192.0.2.53", "[2001:db8::53]:5353"],
    )
    keep_sip: SizeOrNone = _setting(
        "256MiB", "SIP messages kept for `callwright trace --sip`; 0B = none", unit="bytes"
    )
    keep_sip_for: Duration = _setting("30d", "then they are removed, however few", unit="time")
    keep_recordings_for: Duration = _setting("90d", "then they are removed", unit="time")
    recordings_leave_free: Size = _setting("1GiB", "of the disk, or they stop", unit="bytes")
    screening_prompts: str = _setting(
        "",
        "folder of WAV files: what call screening services say; empty = they count as machines",
        example="/etc/callwright/screening",
    )


class LimitSettings(Section):
    """How large and how many requests may be."""

    csv_rows: int = _setting(1_000_000, "rows of one list", unit="rows", ge=1)
    csv_bytes: Size = _setting("256MiB", "body of a request that brings a list", unit="bytes")
    csv_columns: int = _setting(200, "columns of one list", unit="columns", ge=1)
    form_bytes: Size = _setting("1MiB", "body of any other request", unit="bytes")
    connections_total: int = _setting(
        1000, "open at once; idle ones make room", unit="connections", ge=1
    )
    connections_per_source: int = _setting(
        50,
        "from one /24 or /64; this machine and server.proxies are not counted",
        unit="connections",
        ge=1,
    )


class NumberSettings(Section):
    """How phone numbers are read."""

    default_country: Country = _setting("US", "of numbers written without + and country code")


class CallbackSettings(Section):
    """The results that are posted to a call's result_url."""

    allow: tuple[Allowed, ...] = _setting(
        [],
        "networks or host:port that may be called although private",
        example=["127.0.0.0/8"],
    )
    secret: WebhookSecret = _setting("", "whsec_...; empty = unsigned", secret=True)
    form_encoded: bool = _setting(False, "post application/x-www-form-urlencoded in place of JSON")
    keep_answers: int = _setting(
        4096,
        "of each answer, for the call's owner to see; 0 = none",
        unit="bytes",
        ge=0,
        le=65536,
    )


class AgentSettings(Section):
    """Programs that flows hand calls to."""

    allow: tuple[Allowed, ...] = _setting(
        [],
        "networks or host:port of agents that may be called although private",
        example=["127.0.0.0/8"],
    )


class SpeechSettings(Section):
    """How prompts are spoken."""

    engine: str = _setting(
        "auto", "auto, espeak-ng, tones, none, or command:PROGRAM ARGUMENTS", min_length=1
    )
    voice: str = _setting("en-us", "a voice of that engine", min_length=1)


class LogSettings(Section):
    """What is written to standard error."""

    level: Literal["debug", "info", "warning", "error"] = _setting("info", "least that is written")
    format: Literal["auto", "json", "text"] = _setting("auto", "auto = text on a terminal")


class TrunkSettings(Section):
    """A way out to the telephone network; NAME in lower case, as many as you like."""

    driver: Literal["sip", "phones", "asterisk"] = _setting(
        "sip", "sip, phones (the built-in callee), or asterisk (through its ARI)"
    )
    address: TrunkAddress = _setting(
        "", "of the SIP server; required for sip", example="sip:127.0.0.1:5060;transport=udp"
    )
    targets: tuple[SipServer, ...] = _setting(
        [],
        "servers to use in this order, in place of what DNS says of the address",
        example=["192.0.2.7:5060", "192.0.2.8:5060"],
    )
    outbound_proxy: SipServer = _setting(
        "", "where requests go, with a Route; empty = to the address", example="sip:sbc.example.com"
    )
    tls_ca: str = _setting(
        "",
        "PEM file: who may have signed the trunk's certificate; empty = whom this machine trusts",
        example="/etc/callwright/carrier-ca.pem",
    )
    tls_certificate: str = _setting(
        "", "PEM file: ours, for a trunk that asks for one", example="/etc/callwright/us.pem"
    )
    tls_key: str = _setting(
        "", "PEM file: its key; empty = in the same file", example="/etc/callwright/us.key"
    )
    tls_wildcards: bool = _setting(
        False, "true = *.example.com in a certificate is good for sip.example.com"
    )
    pings: bool = _setting(
        False, "true = servers are asked by OPTIONS; else only those that failed"
    )
    ping_every: Duration = _setting("30s", "how often they are asked", unit="time")
    registers: bool = _setting(False, "true = the account `user` is kept registered at the trunk")
    register_for: Duration = _setting(
        "1h", "how long a registration is asked for at a time", unit="time"
    )
    user: str = _setting(
        "", "for the trunk's digest challenge or ARI; the account that is registered"
    )
    password: str = _setting("", "for the trunk's digest challenge or ARI", secret=True)
    ari_url: PublicUrl = _setting(
        "", "HTTP server of the Asterisk; required for asterisk", example="http://127.0.0.1:8088"
    )
    ari_app: AriApp = _setting(
        "callwright", "ARI application; a server of its own needs one of its own", min_length=1
    )
    endpoint: AsteriskEndpoint = _setting(
        "", "what Asterisk dials; required for asterisk", example="PJSIP/{number}@carrier"
    )
    caller_id: CallerId = _setting("", "used when the call brings no ani", example="+16175550100")
    calls_per_second: float = _setting(10, "new calls a second", unit="calls/s", gt=0, le=10_000)
    max_calls: int = _setting(100, "calls at once", unit="calls", ge=1)
    ramp_up: Duration = _setting(
        "60s", "from a tenth of calls_per_second to all of it after an outage", unit="time"
    )
    retries_first: bool = _setting(True, "false = retries wait for all calls that were never tried")
    ring_timeout: Duration = _setting("60s", "how long it may ring", unit="time")
    max_call_length: Duration = _setting("1h", "then a call is hung up", unit="time")
    local_address: LocalAddress = _setting(
        "", "address for SIP and RTP; empty = chosen by route", example="192.0.2.10"
    )
    local_port: int = _setting(0, "for SIP; 0 = any free one", unit="port", ge=0, le=65535)
    rtp_ports: Ports = _setting("30000-39999", "for audio", unit="ports")
    codecs: tuple[Literal["pcmu", "pcma"], ...] = _setting(
        ["pcmu", "pcma"], "offered, the best first", min_length=1
    )
    srtp: Literal["off", "offer", "require"] = _setting(
        "off", "sealed audio: off, offer to who can do it, require or no call; keys are in the SIP"
    )
    audio_timeout: Duration = _setting("30s", "of nothing heard, then it ends", unit="time")
    number_format: NumberFormat = _setting(
        "e164", "of what is dialled: e164 +16175550100, digits 16175550100, national 6175550100"
    )
    country_code: CountryCode = _setting("1", "whose numbers are national")
    national_prefix: Digits = _setting("", "put before a national number", example="0")
    international_prefix: DialDigits = _setting("+", "put before any other, where national is set")
    strip_prefix: DialDigits = _setting("", "taken off the front of what is dialled", example="+1")
    dial_prefix: DialDigits = _setting("", "put before what is dialled: digits, *, #, +")
    caller_id_format: NumberFormat = _setting("e164", "of caller ids, as number_format")
    user_phone: bool = _setting(False, "true = ;user=phone after numbers in URIs")
    caller_from: Literal["caller_id", "account"] = _setting(
        "caller_id", "what From names; account = user, and the caller id only in identity_headers"
    )
    identity_headers: list[
        Literal["P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"]
    ] = _setting([], "further headers with the caller id", example=["P-Asserted-Identity"])
    caller_name: HeaderText = _setting("", "beside the caller id; empty = the caller id again")
    hide_caller_id: bool = _setting(
        False, "true = anonymous, Privacy: id, and the caller id in identity_headers for the trunk"
    )
    diversion: CallerId = _setting("", "number in a Diversion header", example="+16175550100")
    user_agent: UserAgent = _setting("callwright", "what User-Agent says")
    reliable_provisionals: Literal["offered", "required", "off"] = _setting(
        "offered", "100rel and PRACK"
    )
    session_expires: SessionExpires = _setting(
        0, "session interval to ask for, 90 to 86400; 0 = none, the other end may", unit="s"
    )

    @model_validator(mode="after")
    def _has_what_its_driver_needs(self) -> "TrunkSettings":
        if self.driver == "sip" and self.address is None:
            raise ValueError('needs an address, such as "sip:127.0.0.1:5060;transport=udp"')
        if self.driver == "asterisk" and not (
            self.ari_url and self.endpoint and self.user and self.password
        ):
            raise ValueError("needs ari_url, endpoint, user and password: see docs/asterisk.md")
        if self.registers and not self.user:
            raise ValueError("registers needs a user, the account to be registered")
        return self


BUILT_IN_TRUNK = "phones"
"""Name of the trunk that stands in when none is configured."""


class Config(Section):
    """All settings of one run. Made by `load_config`; never changes."""

    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    lines: LineSettings = LineSettings()
    limits: LimitSettings = LimitSettings()
    numbers: NumberSettings = NumberSettings()
    callbacks: CallbackSettings = CallbackSettings()
    agents: AgentSettings = AgentSettings()
    speech: SpeechSettings = SpeechSettings()
    log: LogSettings = LogSettings()
    trunks: dict[str, TrunkSettings] = {}
    """By name, in the order of the file. Empty = the built-in phones."""

    _file: Path | None = PrivateAttr(default=None)
    _written: dict[str, tuple[object, str]] = PrivateAttr(default_factory=dict)

    @property
    def file(self) -> Path | None:
        """The settings file that was read, if any."""
        return self._file

    @property
    def folder(self) -> Path:
        """What relative paths in the settings start from."""
        return self._file.parent if self._file is not None else Path()

    @property
    def trunks_in_use(self) -> dict[str, TrunkSettings]:
        """The trunks to dial on: the built-in phones if none is configured."""
        return dict(self.trunks) or {BUILT_IN_TRUNK: TrunkSettings(driver="phones")}

    @property
    def mark_path(self) -> Path | None:
        """The file that notes how new the store is, or None when the store is not SQLite."""
        if self.store.mark:
            return self.folder / self.store.mark
        path = self.sqlite_path
        return None if path is None else path.with_name(path.name + ".mark")

    @property
    def sqlite_path(self) -> Path | None:
        """The database file, or None when the store is not SQLite."""
        kind, _, path = self.store.url.partition(":")
        return self.folder / path if kind == "sqlite" else None


SECTIONS: dict[str, type[Section]] = {
    "server": ServerSettings,
    "store": StoreSettings,
    "lines": LineSettings,
    "limits": LimitSettings,
    "numbers": NumberSettings,
    "callbacks": CallbackSettings,
    "agents": AgentSettings,
    "speech": SpeechSettings,
    "log": LogSettings,
}
"""The sections with fixed names, in the order they are shown. Trunks come last."""
