"""Exit codes, tables, and the shape of log lines."""

import io
import json
import logging

import pytest
import structlog

from callwright import errors
from callwright.cli.logging_setup import set_up_logging
from callwright.cli.output import ExitCode, ServerUnreachable, exit_code_of, table
from callwright.config import LogSettings


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.FieldInvalid("a", "b"), ExitCode.INPUT_REFUSED),
        (errors.Conflict("x"), ExitCode.INPUT_REFUSED),
        (errors.ConfigInvalid("x"), ExitCode.INPUT_REFUSED),
        (errors.ScriptInvalid("x"), ExitCode.INPUT_REFUSED),
        (errors.StoreUnavailable("x"), ExitCode.FAILED),
        (errors.Unavailable("x"), ExitCode.FAILED),
        (ServerUnreachable("x"), ExitCode.UNREACHABLE),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error, code):
    assert exit_code_of(error) is code


def test_a_table_has_columns_as_wide_as_they_need_to_be():
    assert table(("A", "BC"), [("long", 1), ("x", "")]) == "A     BC\nlong  1\nx"


@pytest.fixture
def log_lines(monkeypatch):
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    set_up_logging(LogSettings(format="json", level="info"))
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_both_ways_of_logging_come_out_as_one_json_object_a_line(log_lines):
    structlog.get_logger().info("call dialled", call_id=7)
    logging.getLogger("callwright.x").warning("lost %d", 3, extra={"leg": "a"})
    structlog.get_logger().debug("not shown")
    first, second = log_lines()
    assert list(first)[:3] == ["timestamp", "level", "event"]
    assert (first["event"], first["call_id"]) == ("call dialled", 7)
    assert (second["level"], second["event"], second["leg"]) == ("warning", "lost 3", "a")


def test_a_traceback_shows_no_values(log_lines):
    number = "+16175551234"
    try:
        raise ValueError(len(number))
    except ValueError:
        structlog.get_logger().exception("failed")
    (line,) = log_lines()
    assert "ValueError: 12" in line["exception"]
    assert number not in json.dumps(line)


def test_a_log_that_nobody_can_read_breaks_nothing(log_lines, monkeypatch):
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stderr", Gone())
    set_up_logging(LogSettings(format="json"))
    structlog.get_logger().warning("into the void")
    assert log_lines() == []
