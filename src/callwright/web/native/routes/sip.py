"""`/v1/calls/{id}/sip`: what was said to the trunk and by it, message by message."""

import asyncio
from collections.abc import Sequence

from fastapi import APIRouter
from starlette.responses import Response

from callwright.domain.ids import CallId
from callwright.errors import NotFound
from callwright.ports.control import AttemptFacts
from callwright.web.native.desk import Reader
from callwright.web.native.models.sip import SipLadder, ladder_of
from callwright.web.native.routes.attempts import attempts_of
from callwright.web.native.wire import PREFIX, PathId

router = APIRouter(prefix=PREFIX, tags=["Calls"])

PCAP = "application/vnd.tcpdump.pcap"


@router.get("/calls/{call_id}/sip", response_model=SipLadder, summary="Show a call's SIP messages")
async def show(call_id: PathId, desk: Reader) -> Response:
    """What each attempt and its trunk said to each other, oldest first: what a carrier's support
    asks for. The newest fifth of a second may be missing."""
    attempts = await attempts_of(desk, CallId(call_id))
    seen = await asyncio.to_thread(desk.parts.sip_messages.of, _sip_ids(attempts))
    return desk.show(ladder_of(call_id, attempts, seen))


@router.get(
    "/calls/{call_id}/sip.pcap",
    response_class=Response,
    responses={
        200: {
            "description": "A capture file for Wireshark and its like",
            "content": {PCAP: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
    summary="Download a call's SIP messages",
)
async def download(call_id: PathId, desk: Reader) -> Response:
    """The same messages as a capture file."""
    attempts = await attempts_of(desk, CallId(call_id))
    capture = await asyncio.to_thread(desk.parts.sip_messages.pcap_of, _sip_ids(attempts))
    if not capture:
        raise NotFound("SIP message of this call that is still kept")
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="call-{call_id}.pcap"',
    }
    return Response(capture, 200, headers, PCAP)


def _sip_ids(attempts: Sequence[AttemptFacts]) -> list[str]:
    return [attempt.sip_call_id for attempt in attempts]
