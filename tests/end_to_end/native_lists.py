"""Lists as clients of the native API upload them."""

from typing import Any

from native_world import OWNER, NativeWorld

CSV = "destination,first_name\n6175550100,Ana\n6175550101,Bea\n6175550102,Cid\n"
BAD = "destination,first_name\n6175550100,Ana\n911,Bea\nx,Cid\n"


async def upload(world: NativeWorld, csv: str, *, by: Any = OWNER, **fields: str) -> Any:
    """The reply to a list that is sent as a file."""
    headers = {name: fields.pop(name) for name in ("Prefer", "X-Dry-Run") if name in fields}
    form = {"deployment_id": str(world.deployment), **fields}
    return await world.ask(
        "POST",
        "/v1/batches",
        by=by,
        data=form,
        files={"csv": ("list.csv", csv.encode(), "text/csv")},
        headers=headers,
    )
