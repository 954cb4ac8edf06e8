"""What stands in the headers of requests that belong to no call: REGISTER and OPTIONS."""

from urllib.parse import quote

from callwright.telephony.sip.digest import Credentials
from callwright.telephony.sip.fields import Address
from callwright.telephony.sip.message import render
from callwright.telephony.sip.requests import CallSetup, contact_of, via
from callwright.telephony.trunk import TrunkSettings


def own_setup(
    trunk: TrunkSettings,
    *,
    token: str,
    sent_by: str,
    target: Address,
    credentials: Credentials | None = None,
) -> CallSetup:
    """From the trunk's account, or from nobody at its domain, to itself; `token` names them."""
    host, port = trunk.domain()
    scheme = "sips" if trunk.is_secure else "sip"
    domain = f"{in_uri(host)}:{port}" if port else in_uri(host)
    account = f"<{scheme}:{quote(trunk.user)}@{domain}>" if trunk.user else f"<{scheme}:{domain}>"
    return CallSetup(
        call_id=f"{token}@callwright",
        from_tag=token,
        branch=f"z9hG4bK{token}",
        cseq=1,
        request_uri=f"{scheme}:{domain}",
        from_value=f"{account};tag={token}",
        to_value=account,
        contact=contact_of(scheme, sent_by, target),
        sent_by=sent_by,
        target=target,
        route=trunk.route(),
        credentials=credentials,
    )


def options(setup: CallSetup, *, branch: str, cseq: int, to: Address) -> bytes:
    """OPTIONS to one server: is it there?"""
    lines = [
        f"OPTIONS {setup.request_uri} SIP/2.0",
        via(setup, branch, to),
        "Max-Forwards: 70",
        *((f"Route: {setup.route}",) if setup.route else ()),
        f"From: {setup.from_value}",
        f"To: {setup.to_value}",
        f"Call-ID: {setup.call_id}",
        f"CSeq: {cseq} OPTIONS",
        f"Contact: {setup.contact}",
    ]
    return render(lines)


def in_uri(host: str) -> str:
    """`host` as a URI writes it: brackets round an IPv6 address."""
    return f"[{host}]" if ":" in host else host
