"""The programs some tests run against, and a skip that says how to get a missing one.

`python3 go system` installs all of them; `python3 go test --all` makes such a skip a failure.
Leaves to the tests how a program is run and ended.
"""

import shutil
import subprocess
from functools import cache
from itertools import chain

import pytest

# Program to the Debian packages it takes.
PACKAGES = {
    "sipp": ("sip-tester",),
    "baresip": ("baresip-core",),
    "php": ("php-cli", "php-curl"),
    "tshark": ("tshark",),
    "espeak-ng": ("espeak-ng",),
    "curl": ("curl",),
    "sox": ("sox",),
    "openssl": ("openssl",),
    "kamailio": ("kamailio", "kamailio-tls-modules"),
    "chromium": ("chromium",),
}


def require(program: str) -> str:
    """The path of `program`; skips the test that asks, saying why, where it is not installed.

    Called at the top of a module or of a fixture, it skips everything that depends on it.

    Raises:
        KeyError: no package is known for `program`.
    """
    __tracebackhide__ = True  # The report then names the test that asked.
    install = " ".join(["apt-get install", *PACKAGES[program]])
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed: {install}", allow_module_level=True)
    if program == "php" and not _php_has_curl(path):
        pytest.skip(f"php has no curl: {install}", allow_module_level=True)
    return path


def apt_line() -> str:
    """The command that installs every program a test may ask for."""
    return " ".join(["apt-get install", *chain.from_iterable(PACKAGES.values())])


@cache
def _php_has_curl(php: str) -> bool:
    listed = subprocess.run([php, "-m"], capture_output=True, text=True, timeout=20, check=False)
    return "curl" in listed.stdout.split()
