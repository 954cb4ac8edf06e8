"""The layer contracts catch what they are there to catch."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# One forbidden import for each contract of pyproject.toml.
FORBIDDEN = {
    "Layers": ("domain", "import callwright.service"),
    "Adapters know no use case and no wire vocabulary": ("store", "import callwright.dialects"),
    "The dialects do not know each other": ("dialects/fuse", "import callwright.dialects.insight"),
    "Rules know no database, no server and no client": ("service", "import sqlite3"),
    "Shipped code never imports testing": ("config", "import callwright.testing"),
}


def test_a_forbidden_import_breaks_its_contract(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    package = tmp_path / "callwright"
    leave_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "callwright", package, ignore=leave_out)
    for folder, line in FORBIDDEN.values():
        (package / folder / "trespass.py").write_text(f"{line}\n")

    lint = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run(
        [lint, "--no-logo", "--no-cache"], cwd=tmp_path, capture_output=True, text=True
    )

    assert ended.returncode == 1, ended.stdout
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)$", ended.stdout, re.MULTILINE))
    assert verdicts == dict.fromkeys(FORBIDDEN, "BROKEN"), ended.stdout
