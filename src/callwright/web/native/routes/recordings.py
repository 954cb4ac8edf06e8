"""`/v1/calls/{id}/recordings`: what was said, where it was recorded."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import FileResponse, Response

from callwright.domain.ids import CallId
from callwright.errors import NotFound
from callwright.ports.control import AttemptFacts
from callwright.ports.recordings import Recording
from callwright.web.native.desk import Desk, Reader
from callwright.web.native.models.recordings import CallRecordings, recordings_of
from callwright.web.native.routes.attempts import attempts_of
from callwright.web.native.wire import PREFIX, PathId

router = APIRouter(prefix=PREFIX, tags=["Calls"])

WAV = "audio/wav"


@router.get(
    "/calls/{call_id}/recordings",
    response_model=CallRecordings,
    summary="List a call's recordings",
)
async def show(call_id: PathId, desk: Reader) -> Response:
    """Those of the attempts that are over. A script with `record: yes` asks for them, or the
    request that queues the call, which has the last word."""
    attempts = await attempts_of(desk, CallId(call_id))
    return desk.show(recordings_of(call_id, attempts, await _kept(desk, attempts)))


@router.get(
    "/calls/{call_id}/recording",
    response_class=Response,
    responses={
        200: {
            "description": "WAV, 8 kHz \u00b5-law: the callee left, the server right",
            "content": {WAV: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
    summary="Download a call's recording",
)
async def download(
    call_id: PathId,
    desk: Reader,
    attempt: Annotated[
        int | None, Query(ge=1, le=10_000, description="Its number; absent = the last recorded")
    ] = None,
) -> Response:
    """One attempt's audio."""
    attempts = await attempts_of(desk, CallId(call_id))
    asked = [each for each in attempts if attempt in (None, each.number)]
    kept = await _kept(desk, asked)
    if not kept:
        raise NotFound("recording of this call that is still kept")
    return FileResponse(
        kept[-1].path,
        media_type=WAV,
        filename=f"call-{call_id}.wav",
        headers={"Cache-Control": "no-store"},
    )


async def _kept(desk: Desk, attempts: list[AttemptFacts]) -> list[Recording]:
    sip_ids = [attempt.sip_call_id for attempt in attempts]
    return await asyncio.to_thread(desk.parts.recordings.of, sip_ids)
