"""The requests of one outgoing call, as bytes.

`CallSetup` holds every value that goes into a header, checked when it is made, so that
nothing else in this package formats what came from outside. Requests inside an answered
call take their addresses from `Dialog`.

Source: RFC 3261, sections 8.1.1, 9.1, 13.2.1 and 17.1.1.3; RFC 3581 (rport); RFC 3323
(the anonymous From).
"""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from callwright.domain.passport import is_identity
from callwright.telephony.sip.call_form import PLAIN, CallForm
from callwright.telephony.sip.digest import Credentials
from callwright.telephony.sip.fields import (
    Address,
    SipMalformed,
    StreamAddress,
    checked_account,
    checked_call_id,
    checked_caller,
    checked_number,
    checked_token,
    transport_of,
    transport_param,
)
from callwright.telephony.sip.message import render

ALLOWED = "INVITE, ACK, BYE, CANCEL, OPTIONS, UPDATE, INFO, PRACK"


class CallSetup(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls whom, through what, under which identity. Make it with `make_setup`."""

    call_id: str
    from_tag: str
    branch: str
    cseq: int
    request_uri: str
    from_value: str
    to_value: str
    contact: str
    sent_by: str
    target: Address
    """Where the INVITE goes."""
    others: tuple[Address, ...] = ()
    """Where it goes next, one after the other, if nobody is there or it is not taken."""
    route: str = ""
    """What stands in the Route of requests outside of the call; "" = none."""
    credentials: Credentials | None = None
    offer: bytes = b""
    headers: tuple[str, ...] = ()
    """The further lines of the INVITE, ready to be written."""
    session_expires_s: int = 0
    """The session interval to ask for; 0 = none."""


def make_setup(
    *,
    call_id: str,
    from_tag: str,
    branch: str,
    cseq: int,
    number: str,
    caller_id: str,
    trunk_host: str,
    from_host: str,
    sent_by: str,
    target: Address,
    others: tuple[Address, ...] = (),
    scheme: str = "sip",
    route: str = "",
    credentials: Credentials | None = None,
    offer: bytes = b"",
    form: CallForm = PLAIN,
    signed_identity: str = "",
) -> CallSetup:
    """Check every value that will stand in a header and put the headers' texts together.

    `trunk_host`, `from_host` and `sent_by` are `host` or `host:port` from settings or the
    operating system. `caller_id` "" makes the anonymous From of RFC 3323. The `form` was
    checked when its trunk was set up.

    Raises:
        SipMalformed: a value that may not stand in its header.
    """
    checked_call_id(call_id)
    checked_token(from_tag, "the From tag")
    checked_token(branch, "the branch")
    checked_number(number)
    if not 0 < cseq < 2**31 - 1000:
        raise SipMalformed("CSeq out of range")
    if caller_id:
        checked_caller(caller_id)
    if signed_identity and not is_identity(signed_identity):
        raise SipMalformed("a signed identity is no Identity header")
    account = credentials.user if credentials is not None else ""
    if form.from_account and account:
        checked_account(account)
    from_value, caller_lines = form.caller(caller_id, from_host, account)
    if signed_identity:
        caller_lines.append(f"Identity: {signed_identity}")
    request_uri = form.uri(scheme, form.dialled(number), trunk_host)
    return CallSetup(
        call_id=call_id,
        from_tag=from_tag,
        branch=branch,
        cseq=cseq,
        request_uri=request_uri,
        from_value=f"{from_value};tag={from_tag}",
        to_value=f"<{request_uri}>",
        contact=contact_of(scheme, sent_by, target),
        sent_by=sent_by,
        target=target,
        others=others,
        route=route,
        credentials=credentials,
        offer=offer,
        headers=(*form.extension_lines, *caller_lines, f"User-Agent: {form.user_agent}"),
        session_expires_s=form.session_expires_s,
    )


def at_next_target(setup: CallSetup, *, branch: str, cseq: int) -> CallSetup:
    """The same call at the next of its targets: a new branch, all else that names it as it was.

    Source: RFC 3263 section 4.3.
    """
    target, *others = setup.others
    scheme = setup.request_uri.partition(":")[0]
    return replace(
        setup,
        branch=branch,
        cseq=cseq,
        contact=contact_of(scheme, setup.sent_by, target),
        target=target,
        others=tuple(others),
    )


def by_connection(setup: CallSetup) -> CallSetup:
    """The same call by TCP to where it was to go by UDP, and by UDP only after that."""
    target = setup.target
    by_tcp = StreamAddress(target[0], target[1], "TCP")
    first = replace(setup, others=(by_tcp, target, *setup.others))
    return at_next_target(first, branch=setup.branch, cseq=setup.cseq)


def contact_of(scheme: str, sent_by: str, target: Address) -> str:
    """Our Contact in what goes to `target`."""
    return f"<{scheme}:callwright@{sent_by}{transport_param(transport_of(target))}>"


def via(setup: CallSetup, branch: str, to: Address | None = None) -> str:
    """Our Via line for a request to `to`, None = where the INVITE went.

    `rport` asks for answers to the port the request came from.
    """
    transport = transport_of(setup.target if to is None else to)
    return f"Via: SIP/2.0/{transport} {setup.sent_by};rport;branch={branch}"


def _routed(setup: CallSetup) -> tuple[str, ...]:
    return (f"Route: {setup.route}",) if setup.route else ()


def invite(setup: CallSetup, *, branch: str, cseq: int, extra: Sequence[str] = ()) -> bytes:
    """The INVITE; `extra` are ready header lines, such as answers to challenges."""
    lines = [
        f"INVITE {setup.request_uri} SIP/2.0",
        via(setup, branch),
        "Max-Forwards: 70",
        *_routed(setup),
        f"From: {setup.from_value}",
        f"To: {setup.to_value}",
        f"Call-ID: {setup.call_id}",
        f"CSeq: {cseq} INVITE",
        f"Contact: {setup.contact}",
        f"Allow: {ALLOWED}",
        *setup.headers,
        *extra,
    ]
    if setup.offer:
        lines.append("Content-Type: application/sdp")
    return render(lines, setup.offer)


def cancel(setup: CallSetup, *, branch: str, cseq: int, reason: str = "") -> bytes:
    """The CANCEL for the INVITE with this branch and CSeq number; `reason` is a ready line."""
    lines = [
        f"CANCEL {setup.request_uri} SIP/2.0",
        via(setup, branch),
        "Max-Forwards: 70",
        *_routed(setup),
        f"From: {setup.from_value}",
        f"To: {setup.to_value}",
        f"Call-ID: {setup.call_id}",
        f"CSeq: {cseq} CANCEL",
    ]
    if reason:
        lines.append(reason)
    return render(lines)


def ack_to_failure(setup: CallSetup, *, branch: str, cseq: int, to: str) -> bytes:
    """The ACK inside an INVITE transaction that ended in 3xx to 6xx."""
    return render(
        [
            f"ACK {setup.request_uri} SIP/2.0",
            via(setup, branch),
            "Max-Forwards: 70",
            *_routed(setup),
            f"From: {setup.from_value}",
            f"To: {to}",
            f"Call-ID: {setup.call_id}",
            f"CSeq: {cseq} ACK",
        ]
    )
