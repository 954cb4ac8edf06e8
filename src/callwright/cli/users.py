"""`callwright user ...`: who may use the API."""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from callwright.cli.options import ConfigOption, JsonOption
from callwright.cli.output import show, table
from callwright.cli.store_work import change, look
from callwright.domain.account import Right
from callwright.errors import FieldInvalid
from callwright.service import administer
from callwright.service.authenticate import new_key

users = typer.Typer(no_args_is_help=True, help="Who may use the API.")

Email = Annotated[str, typer.Argument(metavar="EMAIL")]
KeyStdin = Annotated[
    bool, typer.Option("--key-stdin", help="Read the developer key from stdin, do not make one.")
]


class Grant(StrEnum):
    """What `user grant` can grant."""

    PCI = "pci"
    DEPLOY_SURVEY = "deploy-survey"


@users.command("add")
def add(
    email: Email,
    key_stdin: KeyStdin = False,
    admin: Annotated[bool, typer.Option("--admin", help="May use all programs.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a user and print the developer key, this once."""
    key = _key_from_stdin() if key_stdin else new_key()
    change(config, lambda tx, now: administer.add_user(tx, email, key, is_admin=admin, now=now))
    _show_key(email, None if key_stdin else key, as_json=as_json)


@users.command("rotate-key")
def rotate_key(
    email: Email,
    key_stdin: KeyStdin = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace a user's developer key; the old one stops working."""
    key = _key_from_stdin() if key_stdin else new_key()
    change(config, lambda tx, now: administer.set_key(tx, email, key))
    _show_key(email, None if key_stdin else key, as_json=as_json)


@users.command("deactivate")
def deactivate(email: Email, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Keep a user out. What they queued goes on."""
    change(config, lambda tx, now: administer.set_active(tx, email, active=False))
    show({"user": email, "active": False}, f"{email} is inactive", as_json=as_json)


@users.command("activate")
def activate(email: Email, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Let a user in again."""
    change(config, lambda tx, now: administer.set_active(tx, email, active=True))
    show({"user": email, "active": True}, f"{email} is active", as_json=as_json)


@users.command("delete")
def delete(email: Email, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Delete a user, for good. What they queued goes on."""
    change(config, lambda tx, now: administer.delete_user(tx, email, now))
    show({"user": email, "deleted": True}, f"{email} is deleted", as_json=as_json)


@users.command("grant")
def grant(
    email: Email, what: Grant, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Grant `deploy-survey` to a user, or `pci` to the user's account."""
    if what is Grant.PCI:
        change(config, lambda tx, now: administer.grant_pci(tx, email))
    else:
        change(config, lambda tx, now: administer.grant_right(tx, email, Right.DEPLOY_SURVEY))
    show({"user": email, "granted": what.value}, f"{email}: {what.value} granted", as_json=as_json)


@users.command("list")
def list_users(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the users."""
    found = look(config, lambda tx: tx.users())
    rows = [
        {
            "user": u.email,
            "admin": u.is_admin,
            "active": u.is_active and u.account_is_active and u.deleted_at is None,
            "deleted": u.deleted_at is not None,
        }
        for u in found
    ]
    text = table(
        ("USER", "ROLE", "STATE"),
        [
            (
                r["user"],
                "admin" if r["admin"] else "user",
                "deleted" if r["deleted"] else "active" if r["active"] else "inactive",
            )
            for r in rows
        ],
    )
    show({"users": rows}, text, as_json=as_json)


def _key_from_stdin() -> str:
    key = sys.stdin.readline().rstrip("\r\n")
    if not key:
        raise FieldInvalid("key", "stdin is empty")
    return key


def _show_key(email: str, key: str | None, *, as_json: bool) -> None:
    """The key is shown only if it was made here: the other one is known already."""
    value = {"user": email} if key is None else {"user": email, "developer_key": key}
    text = f"user {email}"
    if key is not None:
        text += (
            f"\ndeveloper key {key}\n(shown this once; `callwright user rotate-key` makes another)"
        )
    show(value, text, as_json=as_json)
