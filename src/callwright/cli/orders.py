"""What the commands that queue calls ask for, in the words of the native API."""

from collections.abc import Mapping

import typer

from callwright.cli.api_client import ApiClient
from callwright.cli.options import read_moment
from callwright.errors import FieldInvalid


def schedule_fields(
    start: str | None,
    end: str | None,
    max_attempts: int | None,
    reattempt_wait: int | None,
    result_url: str | None = None,
    *,
    record: bool | None = None,
) -> dict[str, object]:
    """The fields of a schedule that were given.

    Raises:
        FieldInvalid: `start` or `end` is no moment.
    """
    fields: dict[str, object] = {
        "opens_at": None if start is None else read_moment("--start", start).isoformat(),
        "closes_at": None if end is None else read_moment("--end", end).isoformat(),
        "max_attempts": max_attempts,
        "retry_wait_s": reattempt_wait,
        "result_url": result_url,
        "record": record,
    }
    return {name: value for name, value in fields.items() if value is not None}


def require_target(app: int | None, survey: int | None, deployment: int | None) -> None:
    """Refuse a command line that says not, or twice, what shall be called.

    Raises:
        BadParameter
    """
    if app is not None and survey is not None:
        raise typer.BadParameter("an application or a survey, not both", param_hint="--app")
    if app is None and survey is None and deployment is None:
        raise typer.BadParameter("is needed, or --survey or --deployment", param_hint="--app")


def find_deployment(
    client: ApiClient, app: int | None, survey: int | None, deployment: int | None
) -> int:
    """The deployment to queue on: the one named, else the current one of the program named.

    Raises:
        ServerRefused: there is no such program or deployment.
        FieldInvalid: the program is not deployed, or the deployment is another's.
    """
    program, path, word = (app, "apps", "app") if survey is None else (survey, "surveys", "survey")
    if deployment is None:
        current = client.get(f"/v1/{path}/{program}")["current_deployment_id"]
        if current is None:
            raise FieldInvalid(
                f"--{word}", f"is not deployed; `callwright {word} deploy {program}`"
            )
        return int(current)
    if program is not None:
        found: Mapping[str, object] = client.get(f"/v1/deployments/{deployment}")
        product = "fuse" if word == "app" else "insight"
        if (found["product"], found["program_id"]) != (product, program):
            raise FieldInvalid("--deployment", f"{deployment} is none of {word} {program}")
    return deployment
