"""`callwright rehearse`: a campaign played through in one process, with nothing else there."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cli_world import Shell

from callwright.cli.store_work import change
from callwright.domain.call import Schedule
from callwright.domain.ids import AccountId, DeploymentId, UserId
from callwright.domain.limits import Limited, LimitKind, Limits
from callwright.domain.phone import PhoneNumber
from callwright.domain.retry import RetryPolicy
from callwright.domain.window import Window
from callwright.ports.store import WriteTx
from callwright.service.queue_calls import queue_call
from callwright.testing.world import contact_of

NOW = ("--now", "2030-01-07T09:00:00Z")
RETRIES = ("--max-attempts", "3", "--reattempt-wait", "600")


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    monkeypatch.chdir(tmp_path)
    return Shell(tmp_path, capsys)


def make_list(shell: Shell, count: int, *bad: str) -> str:
    rows = [f"212555{n:04d},Ana" for n in range(count)] + [f"{number},Bad" for number in bad]
    (shell.folder / "calls.csv").write_text("\n".join(["phone_number,first_name", *rows]))
    return "calls.csv"


def rehearse(shell: Shell, *words: str, code: int = 0) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(shell.run("rehearse", *words, *NOW, "--json", code=code))
    return value


def test_every_call_comes_to_an_end_and_every_figure_agrees(shell: Shell) -> None:
    done = rehearse(shell, make_list(shell, 150), *RETRIES)
    assert done["calls"] == 150
    assert sum(done["states"].values()) == 150
    assert done["states"].keys() <= {"completed", "exhausted"}
    assert done["outcomes"]["answered"] == done["states"]["completed"]
    assert sum(done["outcomes"].values()) == sum(done["by_attempt"]) == done["attempts"]
    assert done["by_attempt"][0] == 150
    assert len(done["by_attempt"]) == 3
    minutes = [n for each in done["by_minute"] for name, n in each.items() if name != "at"]
    assert sum(minutes) == done["attempts"]
    # the third attempt waits twice for ten minutes
    assert "2030-01-07T09:20" < done["ends_at"] < "2030-01-07T09:30"


def test_the_same_seed_gives_the_same_result_and_another_one_does_not(shell: Shell) -> None:
    file = make_list(shell, 60)
    first, again = (rehearse(shell, file, "--seed", "7", *RETRIES) for _ in range(2))
    assert first == again
    assert rehearse(shell, file, "--seed", "8", *RETRIES)["history"] != first["history"]


def test_the_trunks_limits_are_kept_and_decide_how_long_it_takes(shell: Shell) -> None:
    (shell.folder / "callwright.toml").write_text(
        '[trunks.main]\naddress = "sip:192.0.2.1"\ncalls_per_second = 2\nmax_calls = 500\n'
    )
    file = make_list(shell, 240)
    slow = rehearse(shell, file)
    assert slow["trunk"] == {"name": "main", "calls_per_second": 2.0, "max_calls": 500}
    assert all(
        sum(n for name, n in each.items() if name != "at") <= 121 for each in slow["by_minute"]
    )
    fast = rehearse(shell, file, "--calls-per-second", "40", "--max-calls", "20")
    assert fast["most_at_once"] == 20
    assert slow["most_at_once"] > 20
    assert rehearse(shell, file, "--calls-per-second", "40")["ends_at"] < slow["ends_at"]


def test_what_does_not_fit_into_the_window_is_counted(shell: Shell) -> None:
    file = make_list(shell, 100)
    limits = ("--calls-per-second", "1", "--start", "2030-01-07T20:00:00Z")
    done = rehearse(shell, file, *limits, "--end", "2030-01-07T20:01:00Z", "--answers", "1")
    assert done["states"]["completed"] == done["attempts"] <= 61
    assert done["states"]["expired"] == done["not_dialled"] == 100 - done["attempts"]
    assert done["first_at"].startswith("2030-01-07T20:00:0")
    said = shell.run("rehearse", file, *limits, "--end", "2030-01-07T20:01:00Z", *NOW)
    assert "cut off when the window shuts at 2030-01-07 20:01:00Z" in said


def test_ten_days_of_waiting_take_no_longer_than_their_calls(shell: Shell) -> None:
    words = ("--max-attempts", "10", "--reattempt-wait", "86400", "--answers", "0", "--busy", "1")
    done = rehearse(shell, make_list(shell, 2), *words, "--unreachable", "0", "--rejects", "0")
    assert done["by_attempt"] == [2] * 10
    assert done["ends_at"].startswith("2030-01-16T09:00:")


def test_an_outage_of_the_trunk_shows(shell: Shell) -> None:
    file = make_list(shell, 60)
    (shell.folder / "people.toml").write_text(
        "answers = 1\nbusy = 0\nunreachable = 0\nrejects = 0\ntalks_s = 1\n"
        "[[outages]]\nstart_s = 2\nend_s = 300\n"
    )
    done = rehearse(shell, file, "--people", "people.toml")
    assert done["outcomes"]["trunk_trouble"] > 0
    assert done["attempts"] > 60  # what the trunk refused was given back
    assert done["ends_at"] > "2030-01-07T09:05" > rehearse(shell, file)["ends_at"]


def test_bad_rows_refuse_the_list_or_leniently_are_told_with_their_reasons(shell: Shell) -> None:
    file = make_list(shell, 3, "617555", "911")
    assert shell.run("rehearse", file, *NOW, code=3) == ""
    assert "2 bad rows: the whole list would be refused" in shell.err
    assert "line 5: phone_number" in shell.err
    assert "with --lenient the good rows are rehearsed" in shell.err
    done = rehearse(shell, file, "--lenient")
    assert (done["calls"], done["rejected"]) == (3, 2)
    assert [each["line"] for each in done["problems"]] == [5, 6]
    assert "emergency" in done["problems"][1]["problem"]
    assert "line 6: phone_number" in shell.err


def test_it_asks_the_store_what_is_called_and_leaves_it_as_it_is(shell: Shell) -> None:
    shell.run("init")
    file = make_list(shell, 20)
    assert rehearse(shell, file, "--app", "1")["states"] == rehearse(shell, file)["states"]
    shell.run("survey", "deploy", "2", "--max-responses", "5")
    done = rehearse(shell, file, "--survey", "2", "--answers", "1", "--max-calls", "1")
    assert done["outcomes"]["answered"] >= 5
    assert done["states"]["rejected"] == done["not_dialled"] > 0
    assert shell.run("ls", "calls", "--json", code=3) == ""  # nobody was told who asks


def test_opt_outs_and_limits_of_the_deployment_hold(shell: Shell) -> None:
    shell.run("init")
    file = make_list(shell, 60)

    def limit(tx: WriteTx, now: datetime) -> None:
        account = AccountId(1)
        tx.set_limits(Limited(LimitKind.DEPLOYMENT, 1), Limits(calls_per_second=1))
        tx.set_limits(Limited(LimitKind.ACCOUNT, account), Limits(max_calls=7))
        for number in ("+12125550003", "+12125550004"):
            tx.suppress(account, PhoneNumber(number), None, now)

    change(None, limit)
    done = rehearse(shell, file, "--app", "1")
    assert done["states"]["rejected"] == done["not_dialled"] == 2
    assert done["most_at_once"] <= 7
    assert done["ends_at"] > "2030-01-07T09:01"
    assert rehearse(shell, file, "--app", "1", "--deployment", "1") == done


def test_a_trunk_is_limited_as_it_was_changed_to_and_who_waits_is_told(shell: Shell) -> None:
    shell.run("init")
    file = make_list(shell, 20)

    def work(tx: WriteTx, now: datetime) -> None:
        tx.set_trunk_limits("phones", Limits(calls_per_second=0.5, max_calls=3))
        deployment, user = tx.deployment(DeploymentId(1)), tx.user(UserId(1))
        assert deployment is not None
        assert user is not None
        opens_at = now + timedelta(hours=1)
        schedule = Schedule(
            window=Window(opens_at=opens_at),
            start_given=True,
            retry=RetryPolicy(max_attempts=1),
            wait_given=False,
        )
        queue_call(tx, user, deployment, schedule, contact_of("6175550100"), now)

    change(None, work)
    done = rehearse(shell, file, "--app", "1")
    limits = {"name": "phones", "calls_per_second": 0.5, "max_calls": 3}
    assert (done["trunk"], done["calls"], done["left_aside"]) == (limits, 20, 1)
    assert done["most_at_once"] <= 3
    faster = rehearse(shell, file, "--app", "1", "--calls-per-second", "7")
    assert faster["trunk"] == {**limits, "calls_per_second": 7}
    assert "left aside 1 call waiting in the database" in shell.run(
        "rehearse", file, "--app", "1", *NOW
    )


def test_a_pause_is_told_and_left_out(shell: Shell) -> None:
    shell.run("init")
    file = make_list(shell, 3)
    change(None, lambda tx, now: tx.pause_deployment(DeploymentId(1), UserId(1), now))
    assert rehearse(shell, file, "--app", "1")["attempts"] == 3
    assert "deployment 1 is paused" in shell.err


def test_a_picture_is_drawn(shell: Shell) -> None:
    done = rehearse(shell, make_list(shell, 10), "--svg", "plan.svg")
    assert done["svg"] == "plan.svg"
    picture = ElementTree.parse(shell.folder / "plan.svg").getroot()
    assert picture.findtext("{http://www.w3.org/2000/svg}title", "").startswith("10 calls")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--app", "1"], 3, "does not exist; leave out --app"),
        (["--app", "1", "--survey", "2"], 2, "not both"),
        (["--svg", "calls.csv"], 2, "ends in .svg"),
        (["--svg", "nowhere/plan.svg"], 3, "nowhere is no folder"),
        (["--sheet", "People"], 3, "is no workbook"),
        (["--end", "2029-01-01"], 3, "already past"),
        (["--max-attempts", "2"], 3, "reattempt_wait"),
        (["--answers", "0.95", "--busy", "0.2"], 3, "answers, busy are above 1"),
        (["--people", "none.toml"], 3, "No such file"),
    ],
)
def test_what_makes_no_sense_is_refused(
    shell: Shell, words: list[str], code: int, said: str
) -> None:
    file = make_list(shell, 2)
    assert shell.run("rehearse", file, *NOW, *words, code=code) == ""
    assert said in shell.err


def test_a_list_without_a_good_row_is_refused(shell: Shell) -> None:
    assert shell.run("rehearse", make_list(shell, 0, "911"), code=3) == ""
    assert "line 2: phone_number" in shell.err
    assert shell.run("rehearse", "missing.csv", code=3) == ""
    assert "missing.csv: No such file" in shell.err
