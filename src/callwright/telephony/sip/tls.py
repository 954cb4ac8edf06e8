"""TLS towards a trunk: what we trust, what we show, and whether a certificate is the trunk's.

Source: RFC 5922 section 7 (a SIP domain in a certificate), RFC 3261 section 26.3.1.
"""

import ssl
from collections.abc import Mapping
from typing import Any

import msgspec

from callwright.errors import ConfigInvalid
from callwright.telephony.sip.fields import SipMalformed, is_ip_address, parse_uri


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Paths are of PEM files, "" = none."""

    ca: str = ""
    """Who may have signed the trunk's certificate, in place of those this machine trusts."""
    certificate: str = ""
    """Ours, with its chain, for a trunk that asks for one."""
    key: str = ""
    """Of our certificate, "" = it stands in the same file."""
    wildcards: bool = False
    """`*.example.com` in a certificate stands for sip.example.com too."""


def client_context(settings: TlsSettings, prefix: str) -> ssl.SSLContext:
    """What connections to the trunk are made with; `prefix` is that of its settings.

    Raises:
        ConfigInvalid: a file cannot be used; the text names its setting.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca or None)
    except OSError as exc:
        problem = exc.strerror or "holds no certificate in PEM format"
        raise ConfigInvalid(f"{prefix}.tls_ca: {settings.ca}: {problem}") from exc
    # The names are compared by `identity_problem`: as SIP wants it, not as the web does.
    context.check_hostname = False
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.key and not settings.certificate:
        raise ConfigInvalid(f"{prefix}.tls_key: name its certificate in {prefix}.tls_certificate")
    if settings.certificate:
        try:
            # An empty password, or OpenSSL asks for one at the terminal.
            context.load_cert_chain(settings.certificate, settings.key or None, password="")
        except (OSError, ValueError) as exc:
            problem = "no certificate with its key, both in PEM format and without a password"
            if isinstance(exc, FileNotFoundError):
                problem = "no such file"
            files = " and ".join(filter(None, (settings.certificate, settings.key)))
            raise ConfigInvalid(f"{prefix}.tls_certificate: {files}: {problem}") from exc
    return context


def identity_problem(certificate: Mapping[str, Any], domain: str, *, wildcards: bool) -> str:
    """Why `certificate` (as `getpeercert` gives it) is not that of `domain`; "" = it is.

    A SIP URI in it outweighs its DNS names; its common name says nothing.
    """
    names = [(str(kind), str(name)) for kind, name in certificate.get("subjectAltName", ())]
    domain = domain.lower().rstrip(".")
    if is_ip_address(domain):
        found = [name for kind, name in names if kind == "IP Address"]
    else:
        uris = (name for kind, name in names if kind == "URI")
        found = [theirs for uri in uris if (theirs := _sip_domain(uri))]
        found = found or [name for kind, name in names if kind == "DNS"]
    if any(_is_same(name.lower().rstrip("."), domain, wildcards) for name in found):
        return ""
    return f"it is for {', '.join(found[:5]) or 'no name that SIP uses'}, not for {domain}"


def _sip_domain(uri: str) -> str:
    """The domain that a URI in a certificate stands for; "" = it stands for none."""
    try:
        read = parse_uri(uri)
    except SipMalformed:
        return ""
    return "" if read.user or read.scheme != "sip" else read.host


def _is_same(name: str, domain: str, wildcards: bool) -> bool:
    if name == domain:
        return True
    first, _, rest = domain.partition(".")
    return wildcards and bool(first) and name == f"*.{rest}" and "." in rest
