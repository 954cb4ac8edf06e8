"""`/v1/server`: whether it dials, and letting it dial after a start that was held."""

from fastapi import APIRouter
from starlette.responses import Response

from callwright.errors import NotPermitted
from callwright.web.native.desk import Controller, Reader, answer
from callwright.web.native.models.server import ServerStanding, server_standing
from callwright.web.native.wire import PREFIX

router = APIRouter(prefix=PREFIX, tags=["Server"])


@router.get("/server", response_model=ServerStanding, summary="Whether the server dials")
async def show(desk: Reader) -> Response:
    """A server whose database may be an older copy is held at its start: it accepts calls,
    dials nothing, posts no result, and says here why."""
    return desk.show(server_standing(desk.parts.vitals))


@router.post("/server/resume", response_model=ServerStanding, summary="Let a held server dial")
async def resume(desk: Controller) -> Response:
    """Let the server dial although its start was held. For admins; repeating it is harmless."""
    if not desk.user.is_admin:
        raise NotPermitted("Only an admin may let a held server dial.")
    await desk.parts.resume()
    return answer(server_standing(desk.parts.vitals))
