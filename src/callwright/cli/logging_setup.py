"""Where the package's log lines go: standard error, one line each, as JSON or as text."""

import contextlib
import json
import logging
import sys
from io import TextIOBase
from typing import TextIO, cast

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from callwright.config import LogSettings


def set_up_logging(settings: LogSettings) -> None:
    """Send what structlog and the standard library log to stderr, as the settings say.

    structlog writes on its own, not through the standard library, which takes four times
    as long for a line. Tracebacks are plain: the pretty ones show local variables, and with
    them numbers.
    """
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    facts: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    line: list[Processor] = (
        [
            structlog.processors.format_exc_info,
            _what_happened_first,
            structlog.processors.JSONRenderer(serializer=_json),
        ]
        if as_json
        else [
            _without_controls,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,
            ),
        ]
    )
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    structlog.configure(
        processors=[*facts, *line],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unbreakable(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*facts, structlog.stdlib.ExtraAdder()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *line],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell about every connection; ours tells about every request.
    for name in ("asyncio", "httpcore2", "httpx2", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _Unbreakable(TextIOBase):
    """A stream whose reader may go away: no call may fail because nobody reads the log."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def _json(facts: object, **_: object) -> str:
    """One line in ASCII: some readers end a line at U+2028 too, and half a surrogate pair
    cannot be written at all."""
    with contextlib.suppress(UnicodeEncodeError):
        line = msgspec.json.encode(facts, enc_hook=repr)
        if line.isascii():
            return line.decode("ascii")
    return json.dumps(facts, default=repr)


def _without_controls(_: WrappedLogger, __: str, facts: EventDict) -> EventDict:
    """What a terminal would obey, or show as a line of its own, is escaped."""
    for name, value in facts.items():
        if name != "exception" and isinstance(value, str) and not value.isprintable():
            facts[name] = ascii(value)[1:-1]
    return facts


def _what_happened_first(_: WrappedLogger, __: str, facts: EventDict) -> EventDict:
    """The facts in the order people look for them; programs do not mind."""
    first = {name: facts.pop(name) for name in ("timestamp", "level", "event") if name in facts}
    return first | dict(facts)
