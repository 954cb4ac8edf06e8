"""`callwright rejected`: the rows of a list that were left out, to be mended and sent again."""

from pathlib import Path
from typing import Annotated

import typer

from callwright.cli.options import JsonOption
from callwright.cli.output import show
from callwright.cli.session import Connect, asks_server
from callwright.errors import FieldInvalid


@asks_server
def rejected(
    batch: Annotated[int, typer.Argument(metavar="BATCH", min=1)],
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    *,
    connect: Connect,
    as_json: JsonOption = False,
) -> None:
    """Save the rows that `queue --lenient` left out, each with what is wrong with it."""
    if file.exists():
        raise FieldInvalid("FILE", f"{file} exists already")
    with connect() as client:
        client.save(f"/v1/batches/{batch}/rejected", file)
    show({"batch_id": batch, "file": str(file)}, f"saved to {file}", as_json=as_json)
