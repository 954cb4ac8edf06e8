"""A run with skips says so on its last line, and fails where skips are forbidden."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

ASKING = """
import pytest
from callwright.testing.programs import require

def test_against_sipp():
    require("sipp")

def test_alone():
    pass

@pytest.mark.xfail(strict=True)
def test_known_to_fail():
    raise AssertionError
"""
ASKING_AT_THE_TOP = """
from callwright.testing.programs import require

require("baresip")
"""


def run_tests_without_programs(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_asking.py").write_text(ASKING)
    (folder / "test_asking_at_the_top.py").write_text(ASKING_AT_THE_TOP)
    environment = {**os.environ, "PATH": str(folder), "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-ra", *options, "."]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_the_last_line_counts_what_was_skipped(tmp_path: Path) -> None:
    ended = run_tests_without_programs(tmp_path)
    *_, line_before, last = ended.stdout.splitlines()
    assert ended.returncode == 0
    assert last == "1 passed, 0 failed, 2 skipped"
    assert "apt-get install sip-tester" in line_before
    assert "test_asking.py:6: sipp is not installed: apt-get install sip-tester" in ended.stdout
    assert "test_asking_at_the_top.py:4: baresip is not installed" in ended.stdout


def test_a_forbidden_skip_is_a_failure_and_hides_no_other_test(tmp_path: Path) -> None:
    ended = run_tests_without_programs(tmp_path, "--no-skips", "--continue-on-collection-errors")
    assert ended.returncode == 1
    assert ended.stdout.splitlines()[-1] == "1 passed, 2 failed, 0 skipped"
    assert "sipp is not installed: apt-get install sip-tester" in ended.stdout
