"""`optout` against a server that dials."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_world import BUSY, SHORT, Shell, dialling_server, number_in, shell_for

from callwright.testing.peers.server import ServerUnderTest

ANN, BEN = "+16175559001", "+16175559002"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    with dialling_server(tmp_path_factory.mktemp("cli")) as found:
        yield found


@pytest.fixture
def shell(
    server: ServerUnderTest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Shell]:
    shell = shell_for(server, tmp_path, monkeypatch, capsys)
    yield shell
    for number in listed(shell):
        shell.run("optout", "remove", number)


def listed(shell: Shell) -> list[str]:
    return [item["number"] for item in shell.ask("optout", "list")["optouts"]]


def test_a_number_is_put_on_the_list_and_taken_off(shell: Shell) -> None:
    assert shell.run("optout", "add", "617-555-9001", BEN) == "2 numbers will not be called again\n"
    said = "0 numbers will not be called again; 1 on the list already\n"
    assert shell.run("optout", "add", ANN) == said
    header, *rows = shell.run("optout", "list").splitlines()
    assert header.split() == ["NUMBER", "SINCE", "ASKED", "FOR"]
    assert [row.split()[0] for row in rows] == [BEN, ANN]
    said = "1 number may be called again; 1 not on the list\n"
    assert shell.run("optout", "remove", ANN, "+16175559003") == said
    assert listed(shell) == [BEN]


def test_a_call_to_it_is_rejected_and_trace_says_why(shell: Shell) -> None:
    shell.run("optout", "add", BUSY)
    call = number_in(shell.run("call", BUSY, "--app", str(SHORT)))
    shell.call_in(call, "rejected")
    assert "rejected: the number is on the opt-out list" in shell.run("trace", str(call))


def test_a_file_is_imported(shell: Shell) -> None:
    file = shell.write("numbers.txt", f"{ANN}\n\n617.555.9002\n{BEN}\n")
    value = shell.ask("optout", "import", file)
    assert value == {"added": 2, "numbers": 3, "left_out": 0}
    assert listed(shell) == [BEN, ANN]


def test_bad_lines_are_told_and_nothing_is_added(shell: Shell) -> None:
    rows = "".join(f"n{n},617558{n:04}\n" for n in range(1500))
    file = shell.write("list.csv", f"name,phone_number\n{rows}Ana,61755\nBen,{BEN}\n,911\n")
    shell.run("optout", "import", file, code=3)
    first, *lines = shell.err.splitlines()
    assert first == "callwright: 2 bad lines, nothing was added."
    starts = ["line 1502: must have 10 digits", "line 1504: is an emergency", "with --lenient"]
    told = zip(lines, starts, strict=True)
    assert all(line.startswith(f"callwright: {start}") for line, start in told)
    assert listed(shell) == []
    text = shell.run("optout", "import", file, "--lenient")
    assert text == "1501 numbers will not be called again; 2 lines left out\n"
    added = shell.ask("optout", "list", "--limit", "2000")["optouts"]
    assert len(added) == 1501
    numbers = [item["number"] for item in added]
    for start in range(0, len(numbers), 1000):
        shell.run("optout", "remove", *numbers[start : start + 1000])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no number in it"),
        ("a,b\n1,2\n", "must name a column"),
        ("x\n911\n", "2 bad lines, nothing was added."),
    ],
)
def test_a_file_without_numbers_is_refused(shell: Shell, text: str, told: str) -> None:
    shell.run("optout", "import", shell.write("numbers.csv", text), "--lenient", code=3)
    assert told in shell.err
    assert listed(shell) == []


def test_a_bad_number_is_named(shell: Shell) -> None:
    assert "numbers/1: " in shell.refuse("optout", "add", ANN, "61755")
    assert listed(shell) == []
