"""`callwright app ...` and `callwright survey ...`: what those who answer get to hear."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from callwright.cli.options import (
    ConfigOption,
    JsonOption,
    OwnerOption,
    VarOption,
    read_moment,
    read_variables,
)
from callwright.cli.output import show, table
from callwright.cli.store_work import change, change_store, look
from callwright.config import load_config
from callwright.domain.account import Product
from callwright.domain.ids import DeploymentId, ProgramId
from callwright.domain.retry import RetryRules
from callwright.errors import ScriptInvalid
from callwright.ivr.files import load_file
from callwright.ivr.script import Kind, Script
from callwright.ports.store import ReadTx, WriteTx
from callwright.service import administer
from callwright.service.administer import DeploymentOrder
from callwright.service.metadatabases import metadatabase_wanted
from callwright.service.retry_rules import read_retry_rules

MOST_DIGITS = 9

apps = typer.Typer(no_args_is_help=True, help="Applications: flows that are called by Fuse.")
surveys = typer.Typer(no_args_is_help=True, help="Surveys: questions that are called by Insight.")

AppId = Annotated[int, typer.Argument(metavar="APP_ID", min=1)]
SurveyId = Annotated[int, typer.Argument(metavar="SURVEY_ID", min=1)]
FlowFile = Annotated[Path, typer.Option("--flow", metavar="FILE", help="The flow file.")]
NewFlow = Annotated[
    Path | None, typer.Option("--flow", metavar="FILE", help="A new version of its flow.")
]
NewSurvey = Annotated[
    Path | None, typer.Option("--file", metavar="FILE", help="A new version of the survey.")
]
Label = Annotated[str, typer.Option("--label", help="For people, to tell deployments apart.")]
CallerId = Annotated[
    str, typer.Option("--caller-id", metavar="NUMBER", help="If a call has no ani.")
]
Trunk = Annotated[str, typer.Option("--trunk", metavar="NAME", help="Default: the first one.")]
Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="T", help="ISO 8601 (UTC if it names no zone) or Unix time."),
]
MaxResponses = Annotated[int | None, typer.Option("--max-responses", metavar="N", min=1)]
Waits = Annotated[
    str,
    typer.Option(
        "--waits", metavar="S,S", help="Seconds after the first failed attempt, the second, ..."
    ),
]
WaitAfter = Annotated[
    list[str] | None,
    typer.Option("--wait-after", metavar="OUTCOME=S", help="Seconds after just this outcome."),
]
NeverAfter = Annotated[
    list[str] | None,
    typer.Option("--never-after", metavar="OUTCOME", help="Try no more after this outcome."),
]
Metadatabase = Annotated[
    str | None,
    typer.Option(
        "--metadatabase",
        metavar="NAME|COLUMN,COLUMN",
        help="Columns that calls may bring: a metadatabase's, or these.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    """How the two kinds of program are called, on the wire and by people."""

    product: Product
    kind: Kind
    program: str
    deployment: str


_APP = _Words(product=Product.FUSE, kind="flow", program="application", deployment="deployment")
_SURVEY = _Words(product=Product.INSIGHT, kind="survey", program="survey", deployment="instance")


@apps.command("add")
def add_app(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    flow: FlowFile,
    owner: OwnerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an application. It can be called once it is deployed."""
    _add(_APP, config, name=name, file=flow, owner=owner, metadatabase=None, as_json=as_json)


@apps.command("deploy")
def deploy_app(
    app_id: AppId,
    label: Label = "",
    var: VarOption = None,
    caller_id: CallerId = "",
    trunk: Trunk = "",
    waits: Waits = "",
    wait_after: WaitAfter = None,
    never_after: NeverAfter = None,
    flow: NewFlow = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy an application: calls are queued on the deployment's id."""
    order = DeploymentOrder(
        label=label,
        variables=read_variables(var),
        caller_id=caller_id,
        trunk=trunk,
        retry=_read_rules(waits, wait_after, never_after),
    )
    _deploy(_APP, config, app_id, order, file=flow, as_json=as_json)


@apps.command("delete")
def delete_app(app_id: AppId, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Delete an application. Nothing more can be queued on it."""
    _delete(_APP, config, app_id, as_json=as_json)


@apps.command("list")
def list_apps(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the applications with their current deployments."""
    _list(_APP, config, as_json=as_json)


@surveys.command("add")
def add_survey(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    metadatabase: Metadatabase = None,
    owner: OwnerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a survey. It can be called once it is deployed."""
    _add(
        _SURVEY,
        config,
        name=None,
        file=file,
        owner=owner,
        metadatabase=metadatabase,
        as_json=as_json,
    )


@surveys.command("deploy")
def deploy_survey(
    survey_id: SurveyId,
    label: Label = "",
    var: VarOption = None,
    caller_id: CallerId = "",
    trunk: Trunk = "",
    expires: Expires = None,
    max_responses: MaxResponses = None,
    waits: Waits = "",
    wait_after: WaitAfter = None,
    never_after: NeverAfter = None,
    file: NewSurvey = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy a survey: the new instance is the one that calls can be queued on."""
    order = DeploymentOrder(
        label=label,
        variables=read_variables(var),
        caller_id=caller_id,
        trunk=trunk,
        expires_at=None if expires is None else read_moment("expires", expires),
        max_responses=max_responses,
        retry=_read_rules(waits, wait_after, never_after),
    )
    _deploy(_SURVEY, config, survey_id, order, file=file, as_json=as_json)


@surveys.command("delete")
def delete_survey(
    survey_id: SurveyId, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Delete a survey. Nothing more can be queued on it."""
    _delete(_SURVEY, config, survey_id, as_json=as_json)


@surveys.command("list")
def list_surveys(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the surveys with their current instances."""
    _list(_SURVEY, config, as_json=as_json)


def load_script(file: Path, kind: Kind) -> Script:
    """The script in a file, which must be of that kind.

    Raises:
        ScriptInvalid: the file is wrong or missing, or of the other kind.
    """
    script = load_file(file)
    if script.kind != kind:
        command = "survey" if script.kind == "survey" else "app"
        raise ScriptInvalid(
            f"is a {script.kind}, not a {kind}; use `callwright {command}`", source=str(file)
        )
    return script


def _read_rules(
    waits: str, wait_after: list[str] | None, never_after: list[str] | None
) -> RetryRules:
    after = read_variables(wait_after, option="--wait-after")
    return read_retry_rules(
        [_seconds("--waits", word) for word in waits.split(",") if word],
        {name: _seconds("--wait-after", word) for name, word in after.items()},
        never_after or (),
    )


def _seconds(option: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise typer.BadParameter(f"{text!r} is no number of seconds", param_hint=option)
    return int(text)


def _add(
    words: _Words,
    config: Path | None,
    *,
    name: str | None,
    file: Path,
    owner: str | None,
    metadatabase: str | None,
    as_json: bool,
) -> None:
    script = load_script(file, words.kind)

    def work(tx: WriteTx, now: datetime) -> ProgramId:
        user = administer.choose_owner(tx, owner)
        wanted = None if metadatabase is None else metadatabase_wanted(tx, user, metadatabase)
        return administer.add_program(
            tx,
            words.product,
            user,
            script.name if name is None else name,
            script,
            metadatabase=wanted,
            now=now,
        )

    program_id = change(config, work)
    show({f"{words.program}_id": program_id}, f"{words.program} {program_id}", as_json=as_json)


def _deploy(
    words: _Words,
    config: Path | None,
    program_id: int,
    order: DeploymentOrder,
    *,
    file: Path | None,
    as_json: bool,
) -> None:
    settings = load_config(config, os.environ)
    administer.check_trunk(order.trunk, settings.trunks_in_use)
    script = None if file is None else load_script(file, words.kind)

    def work(tx: WriteTx, now: datetime) -> DeploymentId:
        program = administer.find_program(tx, words.product, ProgramId(program_id))
        if script is not None:
            administer.replace_script(tx, program, script)
        return administer.deploy(tx, program, order, now)

    deployment_id = change_store(settings, work)
    value = {f"{words.program}_id": program_id, f"{words.deployment}_id": deployment_id}
    text = f"{words.program} {program_id} {words.deployment} {deployment_id}"
    show(value, text, as_json=as_json)


def _delete(words: _Words, config: Path | None, program_id: int, *, as_json: bool) -> None:
    def work(tx: WriteTx, now: datetime) -> None:
        program = administer.find_program(tx, words.product, ProgramId(program_id))
        administer.delete_program(tx, program, now)

    change(config, work)
    text = f"{words.program} {program_id} is deleted"
    show({f"{words.program}_id": program_id, "deleted": True}, text, as_json=as_json)


def _list(words: _Words, config: Path | None, *, as_json: bool) -> None:
    def work(tx: ReadTx) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for program in tx.programs(words.product):
            current = administer.current_deployment(tx, program)
            found.append(
                {
                    f"{words.program}_id": program.id,
                    f"{words.deployment}_id": None if current is None else current.id,
                    "name": program.name,
                    "deleted": program.deleted_at is not None,
                }
            )
        return found

    rows = look(config, work)
    text = table(
        ("ID", words.deployment.upper(), "NAME", "STATE"),
        [
            (pid, "-" if did is None else did, name, "deleted" if deleted else "active")
            for pid, did, name, deleted in (row.values() for row in rows)
        ],
    )
    show({f"{words.program}s": rows}, text, as_json=as_json)
