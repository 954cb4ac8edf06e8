"""The entry point: one command in, one exit code out, and never a traceback for bad input."""

import os
import sys
from importlib import import_module

import typer

from callwright.cli.output import ExitCode, exit_code_of, tell
from callwright.errors import CallwrightError

COMMANDS = {
    "init": "init:init",
    "serve": "serve:serve",
    "user": "users:users",
    "app": "programs:apps",
    "survey": "programs:surveys",
    "phones": "phones:phones",
    "demo": "demo:demo",
    "call": "call:call",
    "doctor": "doctor:doctor",
    "config": "settings_check:settings",
}
"""Each command, and the module and name it is found under."""


def command_line(wanted: str) -> typer.Typer:
    """The command line, with the command `wanted` alone, or whole if there is no such one.

    Some commands load half of the server: only the one that runs is imported.
    """
    app = typer.Typer(
        name="callwright",
        help="A self-hosted outbound-calling server.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    # Keeps a lone command from becoming the whole command line.
    app.callback()(_group)
    for name, place in COMMANDS.items():
        if wanted in COMMANDS and name != wanted:
            continue
        module, _, attribute = place.partition(":")
        command = getattr(import_module(f"callwright.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name)(command)
    return app


def _group() -> None:
    """A self-hosted outbound-calling server."""


def run() -> None:
    """Run the command line of this process and exit."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    try:
        app = command_line(arguments[0] if arguments else "")
        result = app(arguments, prog_name="callwright", standalone_mode=False)
    except typer.TyperException as exc:
        # Whatever the parser says comes out as one line; a bare group shows its help.
        if text := exc.format_message():
            tell(text if "\n" in text else f"callwright: {text}")
        return ExitCode.USAGE
    except CallwrightError as exc:
        tell(f"callwright: {exc}")
        for note in getattr(exc, "__notes__", ()):
            tell(f"callwright: {note}")
        return exit_code_of(exc)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except BrokenPipeError:
        # The reader of our output has gone: nobody is left to tell, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    return result if isinstance(result, int) else ExitCode.DONE
