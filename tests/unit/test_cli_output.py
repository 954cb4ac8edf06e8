"""Exit codes, tables, and the shape of log lines."""

import io
import json
import logging
from contextlib import contextmanager

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


@contextmanager
def logging_to(stream, monkeypatch, settings):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    set_up_logging(settings)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def log_lines(monkeypatch):
    stream = io.StringIO()
    with logging_to(stream, monkeypatch, LogSettings(format="json", level="info")):
        yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]


HOSTILE = (
    "a\nb", "a\r\nb", "a\x0bb", "a\x0cb", "a\x1eb", "a\x85b", "a\u2028b", "a\u2029b", "a\0b",
    "a\x1b[2Jb", "a\u202eb", "a\ud800b", "{}%s", "é",
)  # fmt: skip


@pytest.mark.parametrize("how", ["json", "text"])
def test_one_event_is_one_line_whatever_it_holds(how, monkeypatch):
    stream = io.StringIO()
    with logging_to(stream, monkeypatch, LogSettings(format=how)):
        for text in HOSTILE:
            structlog.get_logger().info("came", text=text, nested={"text": [text]})
            structlog.get_logger().info(text)
            logging.getLogger("callwright.x").warning("lost %s", text, extra={"text": text})
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3 * len(HOSTILE)
    for line in lines:
        assert line.isprintable()
        line.encode()


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
