"""`callwright doctor`: is everything there that calls need, and if not, what to do."""

import asyncio
import os
from dataclasses import asdict

import typer

from callwright.cli.findings import Finding, Level
from callwright.cli.options import ConfigOption, JsonOption
from callwright.cli.output import ExitCode, show
from callwright.config import Config, load_config
from callwright.errors import ConfigInvalid


def doctor(config_file: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check settings, store, ports, clock, speech and trunks, and say what to do."""
    try:
        config = load_config(config_file, os.environ)
    except ConfigInvalid as exc:
        findings = [Finding("config", Level.FAIL, str(exc), "correct it, then ask again")]
    else:
        findings = asyncio.run(_examine(config))
    failed = any(finding.level is Level.FAIL for finding in findings)
    value = {"ok": not failed, "findings": [asdict(finding) for finding in findings]}
    show(value, "\n".join(_line(finding) for finding in findings), as_json=as_json)
    if failed:
        raise typer.Exit(ExitCode.FAILED)


async def _examine(config: Config) -> list[Finding]:
    from callwright.cli.checks import examine  # late: it loads the parts it looks at

    return [finding async for finding in examine(config)]


def _line(finding: Finding) -> str:
    advice = f" -> {finding.advice}" if finding.advice else ""
    return f"{finding.level.upper():<4}  {finding.about}: {finding.text}{advice}"
