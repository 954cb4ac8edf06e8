"""The process that reads a list lets calls have the processor first."""

import subprocess
import sys
from pathlib import Path

import pytest

from callwright.service.list_process import NICE

_SAY = """
import os
from callwright.service.list_process import stand_back
stand_back()
print(os.nice(0))
print(open("/proc/self/autogroup").read())
"""


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="Linux without autogroup")
def test_a_reader_of_lists_stands_back_behind_other_sessions_too() -> None:
    nice_before = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[16])
    ended = subprocess.run(
        [sys.executable, "-c", _SAY],
        capture_output=True,
        text=True,
        check=True,
        start_new_session=True,
    )
    nice, autogroup = ended.stdout.split("\n", 1)
    assert int(nice) == min(19, nice_before + NICE)
    assert autogroup.strip().endswith(f"nice {NICE}")
