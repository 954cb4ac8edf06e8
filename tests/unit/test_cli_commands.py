"""What each command is called and says of itself, and that it loads no more than it needs."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer

import callwright
from callwright.cli.main import COMMANDS, load_command, main

CLIENTS = ("call", "queue", "rejected", "watch", "trace", "ls", "cancel", "pause", "retry")
HEAVY = ("callwright.assembly", "callwright.store", "callwright.web", "fastapi", "numpy", "rich")


def test_help_names_every_command_without_loading_any(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f" {name} " in out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_loaded_and_explains_itself(name, capsys):
    command = load_command(name)
    assert isinstance(command, typer.Typer) or command.__doc__
    assert main([name, "--help"]) == 0
    assert f"callwright {name}" in capsys.readouterr().out


@pytest.mark.parametrize("before", [[], ["--"]])
def test_an_unknown_command_is_one_line(before, capsys):
    assert main([*before, "nonsense"]) == 2
    assert capsys.readouterr() == ("", "callwright: No such command 'nonsense'.\n")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_of_the_server_loads_nothing_of_it(name):
    loaded = _loaded_by(f"from callwright.cli.main import load_command; load_command({name!r})")
    assert f"callwright.cli.{COMMANDS[name][0].partition(':')[0]}" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_opening_the_store_loads_neither_the_api_nor_the_phones():
    loaded = _loaded_by("from callwright.assembly import open_store")
    assert "callwright.store.sqlite" in loaded
    assert loaded.isdisjoint({"callwright.web.app", "callwright.telephony.phones", *HEAVY[3:5]})


def _loaded_by(program):
    """The modules that a new interpreter has after it."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {program}; print(*sys.modules)"],
        env={"PYTHONPATH": str(Path(callwright.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return set(done.stdout.split())
