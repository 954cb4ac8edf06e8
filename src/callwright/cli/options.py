"""The options that commands share."""

from pathlib import Path
from typing import Annotated

import typer

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings; default ./callwright.toml."),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")
]
OwnerOption = Annotated[
    str | None, typer.Option("--owner", metavar="EMAIL", help="Whose it is; default the one user.")
]
VarOption = Annotated[
    list[str] | None,
    typer.Option("--var", metavar="NAME=VALUE", help="A variable; may be given again."),
]


def read_variables(words: list[str] | None) -> dict[str, str]:
    """`name=value` words as a dict; the last of a name wins."""
    variables = {}
    for word in words or []:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{word!r} is not NAME=VALUE", param_hint="--var")
        variables[name] = value
    return variables
