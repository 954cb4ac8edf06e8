"""requirements.lock: pinned by hash, whole, and without the name of any host."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

# One entry: the pin, perhaps a marker, then its hashes, each on a line of its own.
ENTRIES = {
    entry.split(" ")[0]: entry for entry in re.split(r"\n(?=\S)", LOCK.strip().replace("\\\n", ""))
}


def test_every_package_is_pinned_and_hashed() -> None:
    assert len(ENTRIES) > 30
    for pin, entry in ENTRIES.items():
        assert re.fullmatch(r"[a-z0-9.-]+==[0-9][\w.]*", pin), entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry


def test_it_names_no_host_and_no_folder() -> None:
    assert "://" not in LOCK
    assert not re.search(r"--(index|extra-index|find-links|trusted-host)|@ ", LOCK)


ASKED = [
    *PROJECT["project"]["dependencies"],
    *PROJECT["dependency-groups"]["dev"],
    *PROJECT["dependency-groups"]["build"],
    *PROJECT["build-system"]["requires"],
]


@pytest.mark.parametrize("asked", ASKED)
def test_it_satisfies_what_pyproject_asks(asked: str) -> None:
    requirement = Requirement(asked)
    pinned = [
        Version(version)
        for name, _, version in (pin.partition("==") for pin in ENTRIES)
        if canonicalize_name(name) == canonicalize_name(requirement.name)
    ]
    assert pinned, f"{asked} is not in requirements.lock: python3 go lock"
    assert all(version in requirement.specifier for version in pinned)
