"""`callwright recording`: what was said on a call, where it was recorded."""

from pathlib import Path
from typing import Annotated, Any

import typer

from callwright.cli.options import JsonOption
from callwright.cli.output import show
from callwright.cli.session import Connect, asks_server
from callwright.errors import FieldInvalid


@asks_server
def recording(
    call_id: Annotated[int, typer.Argument(metavar="CALL_ID", min=1)],
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Save it there, as WAV; without it, list them."),
    ] = None,
    attempt: Annotated[
        int | None, typer.Option("--attempt", min=1, help="Which; the last recorded one unless.")
    ] = None,
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """List what was recorded of a call, or save it: the callee left, the server right."""
    if file is None and attempt is not None:
        raise typer.BadParameter("goes with FILE", param_hint="--attempt")
    if file is not None and file.exists():
        raise FieldInvalid("FILE", f"{file} exists already")
    with connect() as client:
        if file is None:
            kept = client.get(f"/v1/calls/{call_id}/recordings")["recordings"]
            show({"recordings": kept}, _describe(kept), as_json=as_json)
            return
        query = "" if attempt is None else f"?attempt={attempt}"
        client.save(f"/v1/calls/{call_id}/recording{query}", file)
    show({"file": str(file)}, f"saved as {file}", as_json=as_json)


def _describe(kept: list[dict[str, Any]]) -> str:
    if not kept:
        return "nothing was recorded, or it is not kept any more"
    return "\n".join(
        f"attempt {each['attempt']}: {each['duration_s']:.1f} s, ended {each['ended_at']}"
        for each in kept
    )
