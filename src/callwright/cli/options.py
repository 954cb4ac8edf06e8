"""The options that commands share, and how their values are read."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from callwright.errors import FieldInvalid

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Settings; default ./callwright.toml."),
]
MustFitOption = Annotated[
    bool,
    typer.Option("--must-fit", help="Only if all would be dialled before --end, as foretold."),
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

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        "--url",
        metavar="URL",
        envvar=["CALLWRIGHT_SERVER_URL", "CALLWRIGHT_URL"],
        help="Of the server; default: what the settings say.",
    ),
]
UserOption = Annotated[
    str | None,
    typer.Option("--user", metavar="EMAIL", envvar="CALLWRIGHT_USER", help="Who you are."),
]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", metavar="KEY", envvar="CALLWRIGHT_KEY", help="Your developer key."),
]
AppOption = Annotated[
    int | None,
    typer.Option("--app", metavar="APP_ID", min=1, help="Its current deployment is called."),
]
SurveyOption = Annotated[
    int | None,
    typer.Option("--survey", metavar="SURVEY_ID", min=1, help="Its current instance is called."),
]
DeploymentOption = Annotated[
    int | None,
    typer.Option("--deployment", metavar="ID", min=1, help="A certain deployment or instance."),
]
StartOption = Annotated[
    str | None,
    typer.Option(
        "--start", metavar="T", help="Not before; ISO 8601 (UTC if no zone) or Unix time."
    ),
]
EndOption = Annotated[str | None, typer.Option("--end", metavar="T", help="No attempt from then.")]
AttemptsOption = Annotated[
    int | None, typer.Option("--max-attempts", metavar="N", help="Attempts a call; default 1.")
]
WaitSecondsOption = Annotated[
    int | None,
    typer.Option("--reattempt-wait", metavar="S", help="Seconds from a failure to the next."),
]
RecordOption = Annotated[
    bool | None,
    typer.Option("--record/--no-record", help="Record what is said; default: as the script says."),
]
ResultUrlOption = Annotated[
    str | None, typer.Option("--result-url", metavar="URL", help="Is told how each call ended.")
]


def read_moment(name: str, text: str) -> datetime:
    """The moment that an option names, in UTC.

    Raises:
        FieldInvalid: of field `name`; it is none.
    """
    try:
        if text.isascii() and text.isdigit():
            return datetime.fromtimestamp(int(text), UTC)
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise FieldInvalid(
            name, "must be a moment, such as 2030-12-31T18:00:00Z, or Unix seconds"
        ) from None


def read_variables(words: list[str] | None, *, option: str = "--var") -> dict[str, str]:
    """`name=value` words as a dict; the last of a name wins."""
    variables = {}
    for word in words or []:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise typer.BadParameter(f"{word!r} is not NAME=VALUE", param_hint=option)
        variables[name] = value
    return variables
