"""The entry point: one command in, one exit code out, and never a traceback for bad input."""

import os
import sys
from importlib import import_module
from typing import Any

import typer

from callwright.cli.output import ExitCode, exit_code_of, tell
from callwright.errors import CallwrightError

COMMANDS = {
    "init": ("init:init", "Write settings, make the store, a user, and samples to call."),
    "serve": ("serve:serve", "Take calls over HTTP and place them, until SIGTERM or Ctrl-C."),
    "user": ("users:users", "Who may use the API."),
    "app": ("programs:apps", "Applications: flows that are called by Fuse."),
    "survey": ("programs:surveys", "Surveys: questions that are called by Insight."),
    "metadatabase": ("metadatabases:metadatabases", "What is known of people, in tables."),
    "phones": ("phones:phones", "Simulated phones as a SIP server of their own."),
    "demo": (
        "demo:demo",
        "Dial a dozen simulated phones over real SIP, and show what comes of it.",
    ),
    "call": ("call:call", "Queue a call; with --wait, say how it ended."),
    "queue": ("queue:queue", "Queue a list of calls from a file."),
    "rehearse": (
        "rehearse:rehearse",
        "Play a list of calls through in seconds, before it is sent.",
    ),
    "rejected": ("rejected:rejected", "Save the rows of a list that were left out."),
    "watch": ("watch:watch", "Watch a batch, or all of them, until every call is over."),
    "recording": ("recording:recording", "List or save what was recorded of a call."),
    "trace": ("trace:trace", "Show everything that happened to a call."),
    "ls": ("listing:ls", "List batches, calls or callbacks."),
    "callbacks": ("callbacks:callbacks", "Show a callback's log, and send callbacks again."),
    "cancel": ("cancel:cancel", "Cancel a call, a batch, or all that waits on a deployment."),
    "pause": ("cancel:pause", "Hold a batch or deployment back."),
    "resume": ("cancel:resume", "Let a paused batch, deployment or held server go on."),
    "release": ("cancel:release", "Let a quarantined call go on."),
    "limit": (
        "limit:limit",
        "Limit how many calls an account, deployment, batch or trunk may start.",
    ),
    "optout": ("optouts:optouts", "Numbers that are never called again."),
    "retry": ("retry:retry", "Call again after a call has ended."),
    "doctor": ("doctor:doctor", "Check settings, store, trunks and more, and say what to do."),
    "config": ("settings_check:settings", "The settings."),
}
"""Each command: the module and name it is found under, and what it does in a line."""


def command_line(wanted: str) -> typer.Typer:
    """The command line, with the command `wanted` alone; or, if there is no such one, with
    all of them by name only, for help and for complaints.

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
    if wanted not in COMMANDS:
        for name, (_, does) in COMMANDS.items():
            app.command(name, help=does)(_group)
        return app
    command = load_command(wanted)
    if isinstance(command, typer.Typer):
        app.add_typer(command, name=wanted)
    else:
        app.command(wanted)(command)
    return app


def load_command(name: str) -> Any:
    """The function, or the group of functions, behind a command."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    return getattr(import_module(f"callwright.cli.{module}"), attribute)


def _group() -> None:
    """A self-hosted outbound-calling server."""


def run() -> None:
    """Run the command line of this process and exit."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    try:
        # `--` before the command changes nothing
        words = arguments[1:] if arguments[:1] == ["--"] else arguments
        app = command_line(words[0] if words else "")
        result = app(words, prog_name="callwright", standalone_mode=False)
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
