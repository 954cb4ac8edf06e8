"""`queue`, `rejected` and `watch` against a server that dials."""

import io
import os
import re
import sys
import time

import pytest
from cli_lists import GOOD, TO_SHORT, latest_batch
from cli_world import ANSWERS, BUSY, NO_SUCH_NUMBER, number_in

from callwright.testing.workbooks import PLAIN, workbook

BAD = f"phone_number,first_name\n{BUSY},Ana\n61755501,Ben\n911,Cy\n"


def test_a_list_is_queued_and_its_id_and_size_printed(shell):
    file = shell.write("calls.csv", GOOD)
    out = shell.run("queue", file, *TO_SHORT)
    batch = number_in(out, "batch")
    assert out == f"batch {batch}: 2 calls queued\n"
    assert shell.err == ""
    calls = shell.ask("ls", "calls", "--batch", str(batch))["calls"]
    assert [call["phone_number"] for call in calls] == [BUSY, ANSWERS]
    assert latest_batch(shell) == batch


def test_the_schedule_goes_with_every_call(shell):
    file = shell.write("calls.csv", GOOD)
    queued = shell.ask(
        *("queue", file, *TO_SHORT, "--start", "2099-01-01", "--end", "2099-01-02", "--record"),
        *("--max-attempts", "2", "--reattempt-wait", "60", "--result-url", "http://a.example/"),
    )
    assert (queued["calls"], queued["rejected"]) == (2, 0)
    [call, _] = shell.ask("ls", "calls", "--batch", str(queued["batch_id"]))["calls"]
    traced = shell.ask("trace", str(call["id"]))["call"]
    assert (traced["opens_at"], traced["closes_at"]) == (
        "2099-01-01T00:00:00Z",
        "2099-01-02T00:00:00Z",
    )
    assert (traced["max_attempts"], traced["retry_wait_s"]) == (2, 60)
    assert (traced["result_url"], traced["record"]) == ("http://a.example/", True)


def test_a_dry_run_checks_and_queues_nothing(shell):
    before = latest_batch(shell)
    tried = shell.ask("queue", shell.write("calls.csv", GOOD), *TO_SHORT, "--dry-run")
    assert (tried["dry_run"], tried["calls"]) == (True, 2)
    assert "2 calls would be queued" in shell.run("queue", "calls.csv", *TO_SHORT, "--dry-run")
    shell.run("queue", shell.write("bad.csv", BAD), *TO_SHORT, "--dry-run", code=3)
    assert latest_batch(shell) == before


def test_a_list_that_must_fit_into_its_window_and_does_not_is_refused(shell):
    before = latest_batch(shell)
    crowd = "phone_number\n" + "".join(f"617555{row:04}\n" for row in range(10_000)) * 2
    end = str(int(time.time()) + 30)
    words = ("queue", shell.write("crowd.csv", crowd), *TO_SHORT, "--end", end)
    tried = shell.ask(*words, "--dry-run")
    assert 0 < tried["forecast"]["will_not_fit"] < 20_000
    text = shell.run(*words, "--dry-run")
    assert re.search(r"; \d+ calls would not be dialled before --end", text)
    shell.run(*words, "--must-fit", code=3)
    assert re.search(r"--end: comes too early: \d+ calls would not be dialled before it", shell.err)
    assert latest_batch(shell) == before
    file = shell.write("calls.csv", GOOD)
    assert "2 calls queued" in shell.run("queue", file, *TO_SHORT, "--must-fit")


def test_bad_rows_are_told_with_their_lines_and_nothing_is_queued(shell):
    before = latest_batch(shell)
    shell.run("queue", shell.write("bad.csv", BAD), *TO_SHORT, code=3)
    first, *rows, advice = shell.err.splitlines()
    assert first == "callwright: 2 bad rows, nothing was queued."
    assert [row.partition(": phone_number:")[0] for row in rows] == [
        "callwright: line 3",
        "callwright: line 4",
    ]
    assert "--lenient" in advice
    assert latest_batch(shell) == before


def test_of_many_bad_rows_the_first_are_told(shell):
    shell.run("queue", shell.write("bad.csv", "phone_number\n" + "911\n" * 300), *TO_SHORT, code=3)
    first, second, *rows = shell.err.splitlines()
    assert first == "callwright: 300 bad rows, nothing was queued."
    assert second.startswith("callwright: line 2: phone_number: ")
    assert len(rows) < 10


def test_lenient_queues_the_good_rows_and_keeps_the_others_to_be_mended(shell):
    file = shell.write("bad.csv", BAD)
    assert shell.ask("queue", file, *TO_SHORT, "--lenient", "--dry-run")["rejected"] == 2
    queued = shell.ask("queue", file, *TO_SHORT, "--lenient")
    assert (queued["calls"], queued["rejected"]) == (1, 2)
    batch = str(queued["batch_id"])
    assert f"`callwright rejected {batch} FILE`" in shell.err
    assert shell.run("rejected", batch, "later.csv") == "saved to later.csv\n"
    shell.run("queue", file, *TO_SHORT, "--lenient", "--rejected", "rejected.csv")
    assert "rejected.csv" in shell.err
    saved = (shell.folder / "rejected.csv").read_text("utf-8-sig")
    assert saved == (shell.folder / "later.csv").read_text("utf-8-sig")
    assert saved.splitlines()[0] == "callwright_line,callwright_problem,phone_number,first_name"
    assert [line.split(",")[0] for line in saved.splitlines()[1:]] == ["3", "4"]
    mended = saved.replace("61755501,", "6175550150,").replace(",911,", ",6175550153,")
    assert shell.ask("queue", shell.write("mended.csv", mended), *TO_SHORT)["calls"] == 2


def test_rejected_rows_are_not_written_over_a_file_or_where_there_are_none(shell):
    file = shell.write("calls.csv", GOOD)
    batch = str(shell.ask("queue", file, *TO_SHORT, "--lenient")["batch_id"])
    assert "exists already" in shell.refuse("rejected", batch, file)
    shell.refuse("rejected", batch, "new.csv")
    assert not (shell.folder / "new.csv").exists()
    shell.refuse("queue", shell.write("bad.csv", "destination\n911\n"), *TO_SHORT, "--lenient")


def test_a_sheet_of_a_workbook_is_a_list_whose_rows_are_lines(shell):
    rows = [["phone_number", "first_name"], [(6175550150, PLAIN), "Ana"], ["12", "Ben"]]
    (shell.folder / "calls.xlsx").write_bytes(workbook({"Good": rows[:2], "Bad": rows}))
    batch = shell.ask("queue", "calls.xlsx", *TO_SHORT)["batch_id"]
    [call] = shell.ask("ls", "calls", "--batch", str(batch))["calls"]
    assert call["phone_number"] == BUSY
    told = shell.refuse("queue", "calls.xlsx", *TO_SHORT, "--sheet", "Bad")
    assert "1 bad row, nothing was queued; line 3: phone_number: " in told
    assert "no sheet 'None'" in shell.refuse("queue", "calls.xlsx", *TO_SHORT, "--sheet", "None")
    file = shell.write("calls.csv", GOOD)
    assert "no workbook" in shell.refuse("queue", file, *TO_SHORT, "--sheet", "Good")


def test_a_list_may_come_through_a_pipe(shell):
    reading, writing = os.pipe()
    os.write(writing, GOOD.encode())
    os.close(writing)
    try:
        assert shell.ask("queue", f"/dev/fd/{reading}", *TO_SHORT)["calls"] == 2
    finally:
        os.close(reading)


def test_a_large_list_arrives_whole(shell):
    rows = "".join(f"617555{number:04},Ana\n" for number in range(10_000))
    file = shell.write("large.csv", f"destination,first_name\n{rows}")
    queued = shell.ask("queue", file, *TO_SHORT, "--start", "2099-01-01")
    assert queued["batch"]["calls"] == 10_000
    shell.run("cancel", "batch", str(queued["batch_id"]))


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("absent.csv", *TO_SHORT), "absent.csv: No such file or directory"),
        ((".", *TO_SHORT), ".: Is a directory"),
        (("calls.xlsx", *TO_SHORT), "workbook"),
        (("calls.csv", *TO_SHORT, "--max-attempts", "2"), "--reattempt-wait: is required"),
        (("calls.csv", "--app", "77"), "No application was found."),
        (("calls.csv", *TO_SHORT, "--start", "soon"), "--start: must be a moment"),
        (("names.csv", *TO_SHORT), "phone_number"),
        (("calls.csv", *TO_SHORT, "--lenient", "--rejected", "calls.csv"), "exists already"),
    ],
)
def test_what_is_refused_is_one_line_and_exit_code_3(shell, words, problem):
    shell.write("calls.csv", GOOD)
    shell.write("names.csv", "name\nAna\n")
    shell.write("calls.xlsx", "PK\x03\x04")
    assert problem in shell.refuse("queue", *words)


def test_the_same_file_again_is_queued_and_told(shell):
    file = shell.write("calls.csv", GOOD + f"{BUSY},same\n")
    first = shell.ask("queue", file, *TO_SHORT)
    assert shell.err == ""
    shell.ask("queue", file, *TO_SHORT)
    assert f"the same file was queued within the last hour, as batch {first['batch_id']}\n" in (
        shell.err
    )


@pytest.mark.parametrize(
    "words",
    [
        ("calls.csv",),
        ("calls.csv", *TO_SHORT, "--rejected", "new.csv"),
        ("calls.csv", *TO_SHORT, "--dry-run", "--wait"),
        TO_SHORT,
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(shell, words):
    shell.refuse("queue", *words, code=2)


def test_wait_lasts_until_every_call_is_over(shell):
    file = shell.write("calls.csv", GOOD)
    out = shell.run("queue", file, *TO_SHORT, "--wait")
    assert out == f"batch {number_in(out, 'batch')} is over: 1 completed, 1 exhausted\n"
    assert "2 calls queued" in shell.err
    ended = shell.ask("queue", file, *TO_SHORT, "--wait")
    assert ended["batch"]["counts"] == {"completed": 1, "exhausted": 1}


def test_a_batch_is_watched_to_its_end(shell):
    file = shell.write("calls.csv", GOOD)
    batch = shell.ask("queue", file, *TO_SHORT)["batch_id"]
    ended = shell.ask("watch", str(batch))["batch"]
    assert (ended["id"], ended["is_over"]) == (batch, True)
    assert f"batch {batch}: 2 of 2 over; 1 completed, 1 exhausted" in shell.err
    assert shell.run("watch", str(batch)) == f"batch {batch} is over: 1 completed, 1 exhausted\n"


def test_all_batches_under_way_are_watched(shell):
    shell.run("cancel", "deployment", "3")
    shell.run("watch")
    file = shell.write("calls.csv", GOOD)
    over = shell.ask("queue", file, *TO_SHORT, "--wait")["batch_id"]
    first, second = (shell.ask("queue", file, *TO_SHORT)["batch_id"] for _ in range(2))
    watched = [batch["id"] for batch in shell.ask("watch")["batches"]]
    assert sorted(watched) == [first, second]
    assert over not in watched
    assert shell.run("watch") == "no batch is under way\n"


def test_a_batch_is_paused_resumed_and_cancelled(shell):
    file = shell.write("calls.csv", f"destination\n{NO_SUCH_NUMBER}\n")
    batch = str(shell.ask("queue", file, *TO_SHORT, "--start", "2099-01-01")["batch_id"])
    assert shell.run("pause", "batch", batch) == f"batch {batch} is paused\n"
    assert shell.run("ls").splitlines()[1].split()[:3] == [batch, "3", "paused"]
    shell.run("pause", "deployment", "3")
    assert "still paused with its deployment" in shell.run("resume", "batch", batch)
    shell.run("resume", "deployment", "3")
    shell.run("pause", "batch", batch)
    assert shell.run("resume", "batch", batch) == f"batch {batch} goes on\n"
    assert shell.run("cancel", "batch", batch) == f"batch {batch} is canceled: 1 of 1 calls\n"
    assert shell.run("ls").splitlines()[1].split()[2] == "canceled"


class Terminal(io.StringIO):
    """A stderr that a person looks at."""

    def isatty(self) -> bool:
        return True


def test_a_person_at_a_terminal_sees_bars_and_every_call_of_a_short_list(shell, monkeypatch):
    file = shell.write("calls.csv", GOOD)
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("COLUMNS", "100")
    shell.run("queue", file, *TO_SHORT, "--wait")
    drawn = screen.getvalue()
    for text in ("sending", "storing", "2/2", "+16175550150", "exhausted", "1 completed"):
        assert text in drawn
