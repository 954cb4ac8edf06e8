"""The entry point: one command in, one exit code out, and never a traceback for bad input."""

import os
import sys

import typer

from callwright.cli.call import call
from callwright.cli.demo import demo
from callwright.cli.doctor import doctor
from callwright.cli.init import init
from callwright.cli.output import ExitCode, exit_code_of, tell
from callwright.cli.phones import phones
from callwright.cli.programs import apps, surveys
from callwright.cli.serve import serve
from callwright.cli.settings_check import settings
from callwright.cli.users import users
from callwright.errors import CallwrightError

app = typer.Typer(
    name="callwright",
    help="A self-hosted outbound-calling server.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("init")(init)
app.command("serve")(serve)
app.add_typer(users, name="user")
app.add_typer(apps, name="app")
app.add_typer(surveys, name="survey")
app.command("phones")(phones)
app.command("demo")(demo)
app.command("call")(call)
app.command("doctor")(doctor)
app.add_typer(settings, name="config")


def run() -> None:
    """Run the command line of this process and exit."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    try:
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
