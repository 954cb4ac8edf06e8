"""The package declares what it imports, and nothing else."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "callwright"

# Nothing imports these; what needs them stands beside.
NEVER_IMPORTED = {"tzdata": "zoneinfo's data where the system has none"}


def imported_modules(path: Path) -> set[str]:
    """The top names of the modules a file imports, other than ours and Python's own."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    tops = {name.partition(".")[0] for name in names}
    return tops - sys.stdlib_module_names - {"callwright", "_typeshed"}


def test_what_the_package_imports_is_what_it_declares() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    lines = [*project["dependencies"], *extras]
    declared = {canonicalize_name(Requirement(line).name) for line in lines}
    shipped = [path for path in SOURCE.rglob("*.py") if "testing" not in path.parts]
    by_module = packages_distributions()
    imported = {
        canonicalize_name(name)
        for top in set().union(*(imported_modules(path) for path in shipped))
        for name in by_module.get(top, [top])
    }
    assert imported | NEVER_IMPORTED.keys() == declared
