"""`python -m callwright ...` is the `callwright` command."""

from callwright.cli.main import run

run()
