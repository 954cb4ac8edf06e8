"""`callwright config check`: what is in force, and where it came from."""

import os

import typer

from callwright.cli.options import ConfigOption, JsonOption
from callwright.cli.output import show, table, tell
from callwright.config import describe, load_config

settings = typer.Typer(no_args_is_help=True, help="The settings.")


@settings.callback()
def _group() -> None:
    """The settings."""


@settings.command("check")
def check(config_file: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print each setting, its value and its source; secrets are masked."""
    config = load_config(config_file, os.environ)
    rows = describe(config)
    value = {key: {"value": text, "source": source} for key, text, source in rows}
    show({"settings": value}, table(("SETTING", "VALUE", "FROM"), rows), as_json=as_json)
    if not config.trunks:
        tell("no trunk is configured: `serve` will use the built-in phones")
