"""A call as its two ends know it: tags, route set, remote target, CSeq.

Made from a response to our INVITE (or from what an attempt on disk remembers of one): early
with a provisional, confirmed with a 2xx. Makes the requests inside it. Knows no timers;
`call` repeats and times out.

Source: RFC 3261, sections 12.1.2, 12.2.1.1, 13.2.2.4 and 14.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from callwright.telephony.sip.fields import (
    SIP_PORT,
    SIPS_PORT,
    Address,
    SipMalformed,
    SipUri,
    Transport,
    address_by,
    bare_uri,
    is_ip_address,
    parse_uri,
    transport_of,
)
from callwright.telephony.sip.message import SipMessage, SipRequest, SipResponse, render
from callwright.telephony.sip.requests import CallSetup, via

MAX_ROUTES = 32
UNSEEN_REQUESTS = 100
"""So many a dead line may have sent after the last one that was written down: PRACK, UPDATE."""


@dataclass(slots=True)
class Dialog:
    """One dialog on our side of the call."""

    setup: CallSetup
    remote_tag: str
    to_value: str
    remote_target: str
    route_set: tuple[str, ...]
    cseq: int
    next_hop: Address
    ack: bytes = b""
    """The ACK of our INVITE, sent again for every repeated 2xx."""
    takes_update: bool = False
    """The other end named UPDATE among the methods it allows."""
    remote_cseq: int = 0
    """Of the peer's last request; 0 = none yet."""
    answered: tuple[str, bytes] = ("", b"")
    """Branch of the peer's last request and our answer to it, for its repeats."""


def dialog_from_answer(
    setup: CallSetup, response: SipResponse, authorization: Sequence[str] = ()
) -> Dialog:
    """The dialog that a 2xx to our INVITE opens, with its ACK made.

    `authorization` is what the INVITE carried: its ACK repeats it (RFC 3261 section 22.1).
    """
    dialog = dialog_from_response(setup, response)
    acknowledge(dialog, response.cseq, authorization)
    return dialog


def acknowledge(dialog: Dialog, cseq: int, authorization: Sequence[str] = ()) -> None:
    """Make the ACK for the INVITE with that number."""
    branch = f"{dialog.setup.branch}.a{cseq}"
    dialog.ack = request_in_dialog(dialog, "ACK", branch=branch, cseq=cseq, extra=authorization)


def dialog_from_response(setup: CallSetup, response: SipResponse) -> Dialog:
    """The dialog that a response with a To tag opens.

    The remote target is the Contact (whatever its parameters' case); without one, or with
    one that cannot be read, the URI we dialled. The route set is Record-Route reversed; one
    that cannot be read is left out, because an ACK by the trunk's own address beats none.
    """
    contacts = response.listed("contact")
    remote_target = setup.request_uri
    if contacts:
        try:
            candidate = bare_uri(contacts[0])
            parse_uri(candidate)
            remote_target = candidate
        except SipMalformed:
            pass
    route_set = tuple(reversed(response.listed("record-route")))
    try:
        next_hop = _next_hop(setup, remote_target, route_set)
    except SipMalformed:
        route_set, next_hop = (), _next_hop(setup, remote_target, ())
    return Dialog(
        setup=setup,
        remote_tag=response.to_tag,
        to_value=response.first("to"),
        remote_target=remote_target,
        route_set=route_set,
        cseq=response.cseq,
        next_hop=next_hop,
        takes_update="UPDATE" in response.first("allow"),
    )


def dialog_from_memory(
    setup: CallSetup, *, to_tag: str, remote_target: str, route_set: tuple[str, ...], cseq: int
) -> Dialog:
    """The dialog of a leg whose line died, from what was stored when it was answered.

    Raises:
        SipMalformed: the stored values are no dialog.
    """
    target = remote_target or setup.request_uri
    parse_uri(target)
    return Dialog(
        setup=setup,
        remote_tag=to_tag,
        to_value=f"{setup.to_value};tag={to_tag}" if to_tag else setup.to_value,
        remote_target=target,
        route_set=route_set,
        cseq=cseq + UNSEEN_REQUESTS,
        next_hop=_next_hop(setup, target, route_set),
    )


def _next_hop(setup: CallSetup, remote_target: str, route_set: tuple[str, ...]) -> Address:
    # A host name would need a lookup in the middle of a call: such a request goes to the
    # trunk, which routed the INVITE and can route this one.
    if len(route_set) > MAX_ROUTES:
        raise SipMalformed("too many routes")
    uri = parse_uri(bare_uri(route_set[0]) if route_set else remote_target)
    host = uri.host.strip("[]")
    if not is_ip_address(host):
        return setup.target
    transport = _transport_to(uri, transport_of(setup.target))
    return address_by(host, uri.port or (SIPS_PORT if transport == "TLS" else SIP_PORT), transport)


def _transport_to(uri: SipUri, invited_by: Transport) -> Transport:
    """By what a request inside the dialog goes, if the INVITE went by `invited_by`."""
    if invited_by == "TLS":
        # Whatever the other end writes: what was agreed behind a lock is not told in the street.
        return "TLS"
    match (uri.param("transport") or "").lower():
        case "tcp":
            return "TCP"
        case "udp":
            return "UDP"
    return invited_by


def request_in_dialog(
    dialog: Dialog,
    method: str,
    *,
    branch: str,
    cseq: int,
    extra: Sequence[str] = (),
    body: bytes = b"",
) -> bytes:
    """A request inside the dialog, routed loosely or strictly as needed.

    `extra` are ready header lines; a `body` is a session description.
    """
    setup = dialog.setup
    uri = dialog.remote_target
    routes = list(dialog.route_set)
    if routes:
        first = bare_uri(routes[0])
        if parse_uri(first).param("lr") is None:
            # A strict router (RFC 2543) wants itself in the request line and the target last.
            routes = [*routes[1:], f"<{uri}>"]
            uri = first
    lines = [
        f"{method} {uri} SIP/2.0",
        via(setup, branch, dialog.next_hop),
        "Max-Forwards: 70",
    ]
    lines += [f"Route: {route}" for route in routes]
    lines += [
        f"From: {setup.from_value}",
        f"To: {dialog.to_value}",
        f"Call-ID: {setup.call_id}",
        f"CSeq: {cseq} {method}",
    ]
    lines += extra
    if body:
        lines.append("Content-Type: application/sdp")
    return render(lines, body)


def is_in_dialog(dialog: Dialog, request: SipRequest) -> bool:
    """Whether both tags of a request we heard are this dialog's."""
    return request.to_tag == dialog.setup.from_tag and request.from_tag == dialog.remote_tag


def accept_target_refresh(dialog: Dialog, message: SipMessage) -> None:
    """Take over the Contact of a re-INVITE or UPDATE or its 2xx, if it is readable."""
    contacts = message.listed("contact")
    if not contacts:
        return
    try:
        target = bare_uri(contacts[0])
        dialog.next_hop = _next_hop(dialog.setup, target, dialog.route_set)
        dialog.remote_target = target
    except SipMalformed:
        return
