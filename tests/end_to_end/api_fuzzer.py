"""schemathesis against a server of our own, believing what the API's document says.

It goes by the document alone: a reply that is not in it, a 5xx, or a request that breaks the
document and is taken all the same, is a fault.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from native_world import ADMIN, NativeWorld

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")

# A cursor or a script is text by the document, and not any text will do. Wrong credentials
# are another test's business: here they would only be slowed down.
NATIVE = (
    "--include-path-regex",
    "^/v1/",
    "--exclude-checks",
    "positive_data_acceptance,ignored_auth",
)
# The dialects take more than their documents say, on purpose.
DIALECTS = (
    "--include-path-regex",
    "^/api/",
    "--exclude-checks",
    "positive_data_acceptance,negative_data_rejection,ignored_auth",
)
# What breaks the document may as well be too large, which is found first.
SETTINGS = """\
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422]
"""
PARTS = {"native": NATIVE, "dialects": DIALECTS}


async def fuzz(world: NativeWorld, folder: Path, part: str, *options: str) -> tuple[int, str]:
    """Exit code and words of a run over one of `PARTS`."""
    await world.queue_list(3)
    call = await world.queue(result_url="http://127.0.0.1:9/result")
    await world.post(f"/v1/calls/{call}/cancel")
    settings = folder / "schemathesis.toml"
    settings.write_text(SETTINGS)
    process = await asyncio.create_subprocess_exec(
        *(SCHEMATHESIS, "--config-file", settings),
        *_command(world.url, PARTS[part]),
        *options,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, told.decode()


def _command(url: str, part: Sequence[str]) -> list[str]:
    email, key = ADMIN
    return [
        "run",
        f"{url}/openapi.json",
        *("--url", url, "--auth", f"{email}:{key}", *part),
        # these end the admin's own credentials
        *("--exclude-path-regex", "rotate-key|/keys/|/users/"),
        "--no-color",
    ]
