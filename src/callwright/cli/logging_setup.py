"""Where the package's log lines go: standard error, one line each, as JSON or as text."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from callwright.config import LogSettings


def set_up_logging(settings: LogSettings) -> None:
    """Send what structlog and the standard library log to stderr, as the settings say.

    Tracebacks are plain: the pretty ones show local variables, and with them numbers.
    """
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    end: list[Processor] = (
        [
            structlog.processors.format_exc_info,
            _what_happened_first,
            structlog.processors.JSONRenderer(),
        ]
        if as_json
        else [
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                exception_formatter=structlog.dev.plain_traceback,
            )
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *end],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    # These tell about every connection; ours tells about every request.
    for name in ("asyncio", "httpcore2", "httpx2", "uvicorn"):
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _what_happened_first(_: WrappedLogger, __: str, facts: EventDict) -> EventDict:
    """The facts in the order people look for them; programs do not mind."""
    first = {name: facts.pop(name) for name in ("timestamp", "level", "event") if name in facts}
    return first | dict(facts)
