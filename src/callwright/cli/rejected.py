"""`callwright rejected`: the rows of a list that were left out, to be mended and sent again."""

from pathlib import Path
from typing import Annotated

import typer

from callwright.cli.options import ConfigOption, JsonOption, KeyOption, ServerOption, UserOption
from callwright.cli.output import show
from callwright.cli.session import connect
from callwright.errors import FieldInvalid


def rejected(
    batch: Annotated[int, typer.Argument(metavar="BATCH", min=1)],
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    server: ServerOption = None,
    user: UserOption = None,
    key: KeyOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Save the rows that `queue --lenient` left out, each with what is wrong with it."""
    if file.exists():
        raise FieldInvalid("FILE", f"{file} exists already")
    with connect(server, user, key, config) as client:
        client.save(f"/v1/batches/{batch}/rejected", file)
    show({"batch_id": batch, "file": str(file)}, f"saved to {file}", as_json=as_json)
