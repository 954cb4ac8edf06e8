"""What all tests share: Hypothesis without luck, and a last line that counts the skips."""

from collections.abc import Generator

import pytest
from hypothesis import settings

from callwright.testing.programs import apt_line

# A deadline per example measures the machine, not the code; the same examples come up in
# every run, so a failure is never somebody else's bad luck.
settings.register_profile("callwright", deadline=None, derandomize=True, database=None)
settings.load_profile("callwright")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--no-skips", action="store_true", help="a test that would be skipped fails instead"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    # An expected failure is reported as skipped too, and is none.
    if item.config.getoption("no_skips") and report.skipped and not hasattr(report, "wasxfail"):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if collector.config.getoption("no_skips") and report.skipped:
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    report.outcome = "failed"
    report.longrepr = f"{reason}\n(--no-skips: a skip is a failure)"


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    # After everything pytest prints itself, so that nobody takes a run with skips for a whole one.
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or config.option.collectonly:
        return
    counts = {name: len(reporter.getreports(name)) for name in ("passed", "failed", "skipped")}
    counts["failed"] += len(reporter.getreports("error"))
    if counts["skipped"]:
        reporter.write_line(f"for the skipped tests: {apt_line()}   (python3 go system)")
    reporter.write_line(", ".join(f"{count} {name}" for name, count in counts.items()))
