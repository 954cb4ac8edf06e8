"""What `callwright doctor` says of a trunk whose calls an Asterisk places."""

import asyncio
from pathlib import Path

import pytest

from callwright.cli.checks import examine
from callwright.cli.findings import Finding, Level
from callwright.config import load_config
from callwright.testing.peers.asterisk import PASSWORD, USER, FakeAsterisk

SETTINGS = """
[trunks.main]
driver = "asterisk"
ari_url = "{url}"
user = "{user}"
password = "{password}"
endpoint = "PJSIP/{{number}}@carrier"
"""


async def _finding(folder: Path, fake: FakeAsterisk, password: str, url: str = "") -> Finding:
    await fake.start()
    try:
        text = SETTINGS.format(url=url or fake.url, user=USER, password=password)
        (folder / "callwright.toml").write_text(text)
        config = load_config(folder / "callwright.toml", {})
        found = [each async for each in examine(config) if each.about == "trunk main"]
    finally:
        await fake.stop()
    (only,) = found
    assert password not in repr(only)
    assert password not in repr(config)
    return only


@pytest.mark.parametrize(
    ("password", "url", "lacks", "level", "says"),
    [
        (PASSWORD, "", (), Level.OK, "Asterisk 22.10.1 (fake) lets us in"),
        ("something-else", "", (), Level.FAIL, "the password is wrong: see ari.conf"),
        (PASSWORD, "http://127.0.0.1:1", (), Level.FAIL, "cannot be reached"),
        (PASSWORD, "", ("chan_websocket.so",), Level.FAIL, "lacks chan_websocket.so"),
    ],
)
def test_doctor_says_what_is_wrong_with_an_asterisk(
    tmp_path: Path, password: str, url: str, lacks: tuple[str, ...], level: Level, says: str
) -> None:
    fake = FakeAsterisk()
    fake.lacks = set(lacks)
    found = asyncio.run(_finding(tmp_path, fake, password, url))
    assert found.level is level
    assert says in found.text
