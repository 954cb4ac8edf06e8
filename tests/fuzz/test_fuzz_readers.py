"""A bounded run of the fuzzing that `python tests/fuzz/run.py` does at length."""

import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest
from fuzz_all import TARGETS
from fuzz_mutator import MOST_BYTES, Mutator
from hypothesis import given, settings
from hypothesis import strategies as st
from run import Count, run_once

INPUTS = 1500
MOST_S = 0.1


def run(name: str, data: bytes) -> None:
    """Quiet, and within 100 ms of processor time."""
    began = time.thread_time()
    TARGETS[name].run(data)
    assert time.thread_time() - began < MOST_S


@pytest.mark.parametrize("name", TARGETS)
def test_mutations_of_what_is_known_are_read_or_refused(name: str) -> None:
    mutator = Mutator(TARGETS[name], seed=1)
    for data in islice(mutator.inputs(), INPUTS):
        mutator.learn(data, TARGETS[name].run(data))
    assert len(mutator) > len(TARGETS[name].seeds), "it has learnt nothing new"


@pytest.mark.parametrize("name", TARGETS)
def test_the_longest_of_inputs_do_not_take_long(name: str) -> None:
    for word in (*TARGETS[name].words, *TARGETS[name].seeds):
        run(name, (word * (MOST_BYTES // len(word) + 1))[:MOST_BYTES] if word else b"")


@pytest.mark.parametrize("name", TARGETS)
def test_anything_is_read_or_refused(name: str) -> None:
    target = TARGETS[name]
    words = st.lists(
        st.one_of(
            st.sampled_from([*target.words, *target.seeds]),
            st.binary(max_size=12),
            st.text(max_size=12).map(lambda text: text.encode("utf-8", "surrogatepass")),
        ),
        max_size=30,
    )

    @settings(max_examples=150)
    @given(words.map(b"".join))
    def anything(data: bytes) -> None:
        target.run(data)

    anything()


def test_the_program_counts_and_tells_of_a_failure(tmp_path: Path) -> None:
    program = Path(__file__).with_name("run.py")
    command = [sys.executable, str(program), "--engine", "own", "--target", "accept"]
    done = subprocess.run(
        [*command, "--inputs", "2000"], capture_output=True, text=True, check=True, timeout=60
    )
    assert '"inputs": 2000' in done.stdout
    assert '"failed": ""' in done.stdout


def test_what_is_no_refusal_and_what_takes_long_are_failures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def raises(data: bytes) -> str:
        raise ValueError("a fault")

    def burns(data: bytes) -> str:
        began = time.thread_time()
        while time.thread_time() - began <= MOST_S:
            pass
        return "read"

    for faulty, wanted in ((raises, "ValueError: a fault"), (burns, "took 1")):
        count = Count("faulty", "own", inputs=10, seconds=60.0)
        run_once(faulty, b"the input", count)
        assert count.is_over
        assert wanted in count.failed
        assert "b'the input'" in capsys.readouterr().err
