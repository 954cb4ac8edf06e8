"""`callwright metadatabase ...`: what is known of people, in tables that surveys may name."""

from datetime import datetime
from typing import Annotated

import typer

from callwright.cli.options import ConfigOption, JsonOption, OwnerOption, read_variables
from callwright.cli.output import show, table
from callwright.cli.store_work import change, look
from callwright.ports.store import WriteTx
from callwright.service import administer
from callwright.service.metadatabases import (
    add_metadatabase,
    find_metadatabase,
    push_record,
)

metadatabases = typer.Typer(no_args_is_help=True, help="What is known of people, in tables.")

Name = Annotated[str, typer.Argument(metavar="NAME")]


@metadatabases.command("add")
def add(
    name: Name,
    columns: Annotated[str, typer.Argument(metavar="COLUMN,COLUMN")],
    owner: OwnerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a metadatabase. A survey may name it: `survey add --metadatabase NAME`."""
    named = [column.strip() for column in columns.split(",")]
    number = change(
        config,
        lambda tx, now: add_metadatabase(
            tx, administer.choose_owner(tx, owner).account_id, name, named, now
        ),
    )
    value = {"metadatabase_id": number, "name": name, "columns": named}
    show(value, f"metadatabase {number}", as_json=as_json)


@metadatabases.command("list")
def list_them(
    owner: OwnerOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """List the metadatabases with their columns."""
    found = look(config, lambda tx: tx.metadatabases(administer.choose_owner(tx, owner).account_id))
    rows = [{"metadatabase_id": m.id, "name": m.name, "columns": list(m.columns)} for m in found]
    text = table(("ID", "NAME", "COLUMNS"), [(m.id, m.name, ",".join(m.columns)) for m in found])
    show({"metadatabases": rows}, text, as_json=as_json)


@metadatabases.command("push")
def push(
    name: Name,
    values: Annotated[
        list[str], typer.Option("--set", metavar="COLUMN=VALUE", help="May be given again.")
    ],
    owner: OwnerOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Push a record into a metadatabase."""
    record = read_variables(values, option="--set")

    def work(tx: WriteTx, now: datetime) -> None:
        user = administer.choose_owner(tx, owner)
        push_record(tx, user, find_metadatabase(tx, user, name), record, now)

    change(config, work)
    show({"metadatabase": name, "record": record}, f"pushed into {name}", as_json=as_json)
