"""Running a stress command as a user does, and reading its figures."""

import json
import subprocess
import sys
from pathlib import Path

STRESS = Path(__file__).parents[2] / "stress"


def stress(name: str, *arguments: object) -> tuple[int, dict[str, object]]:
    """Exit code and figures of one run."""
    ended = subprocess.run(
        [sys.executable, STRESS / f"{name}.py", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.stdout, ended.stderr
    figures: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    return ended.returncode, figures
