"""`callwright init`: from an empty folder to a server that can be called, in one command."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from callwright.cli.options import ConfigOption, JsonOption
from callwright.cli.output import show, tell
from callwright.cli.store_work import change_store
from callwright.config import FILE_NAME, Config, find_file, load_config, sample_toml
from callwright.domain.account import Product, User
from callwright.errors import ConfigInvalid
from callwright.ivr.files import SAMPLE_FLOW, SAMPLE_SURVEY, load_sample
from callwright.ports.store import WriteTx
from callwright.service import administer
from callwright.service.administer import DeploymentOrder
from callwright.service.authenticate import new_key

FIRST_USER = "admin@example.com"
SAMPLE_NUMBER = "6175550100"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What `set_up_store` put into a new store."""

    user: str
    developer_key: str
    application_id: int
    deployment_id: int
    survey_id: int
    instance_id: int

    def as_dict(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}


def init(
    email: Annotated[str, typer.Option("--email", help="Of the first user.")] = FIRST_USER,
    config_file: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write settings, make the store, a user, a sample application and a sample survey."""
    file = find_file(config_file, os.environ) or Path(FILE_NAME)
    fresh = not file.exists()
    if fresh:
        _write_new(file, sample_toml())
    try:
        config = load_config(file, os.environ)
        made = change_store(config, lambda tx, now: set_up_store(tx, email, new_key(), now))
    except BaseException:
        if fresh:
            file.unlink(missing_ok=True)
        raise
    tell(f"wrote {file}" if fresh else f"kept {file}")
    show(made.as_dict(), _text(config, made), as_json=as_json)


def set_up_store(tx: WriteTx, email: str, key: str, now: datetime) -> Made:
    """A first user, and the samples, each deployed.

    Raises:
        ConfigInvalid: the store has users already.
    """
    if tx.users():
        raise ConfigInvalid("store.url: this store is set up already; `callwright user list`")
    user = administer.add_user(tx, email, key, is_admin=True, now=now)
    application_id, deployment_id = _add_sample(tx, user, Product.FUSE, SAMPLE_FLOW, now)
    survey_id, instance_id = _add_sample(tx, user, Product.INSIGHT, SAMPLE_SURVEY, now)
    return Made(
        user=email,
        developer_key=key,
        application_id=application_id,
        deployment_id=deployment_id,
        survey_id=survey_id,
        instance_id=instance_id,
    )


def _add_sample(
    tx: WriteTx, user: User, product: Product, sample: str, now: datetime
) -> tuple[int, int]:
    script = load_sample(sample)
    columns = tuple(script.defaults) if product is Product.INSIGHT else None
    program_id = administer.add_program(
        tx, product, user, script.name, script, metadatabase=columns, now=now
    )
    program = administer.find_program(tx, product, program_id)
    order = DeploymentOrder(label="sample", variables={})
    return program_id, administer.deploy(tx, program, order, now)


def _write_new(file: Path, text: str) -> None:
    try:
        # For its owner alone: a trunk's password will stand in it.
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
    except OSError as exc:
        raise ConfigInvalid(f"{file}: cannot be written: {exc.strerror}") from None


def _text(config: Config, made: Made) -> str:
    origin = config.server.public_url or f"http://{config.server.listen}"
    path = f"/api/apps/{made.application_id}/{made.deployment_id}/queue"
    return f"""\
user            {made.user}
developer key   {made.developer_key}
                (shown this once; `callwright user rotate-key` makes another)
application     {made.application_id}, deployment {made.deployment_id}
survey          {made.survey_id}, instance {made.instance_id}

Now run `callwright serve`, and from another terminal queue a call:

curl -u '{made.user}:{made.developer_key}' -d phone_number={SAMPLE_NUMBER} {origin}{path}"""
