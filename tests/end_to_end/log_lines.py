"""What the whole package logs during a test, whatever set the log up before it in this process:
structlog's loggers keep the set-up under which they were first used."""

import logging
import sys
from io import StringIO

import pytest
import structlog


def logged_from_now(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What every logger of the package writes until the test ends, at any level."""
    lines = StringIO()
    logger = structlog.wrap_logger(
        structlog.PrintLogger(lines),
        processors=[structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
    )
    for name, module in list(sys.modules.items()):
        if name.startswith("callwright.") and hasattr(module, "log"):
            monkeypatch.setattr(module, "log", logger)
    return lines
