"""Twilio's "update a call", as far as agents use it: who may, and what is refused how."""

from json import loads
from pathlib import Path

import pytest
from web_world import EMAIL, KEY, OTHER_EMAIL, OTHER_KEY, WebWorld, basic, run_world

ACCOUNT = f"AC{1:032x}"
OVER = "Status=completed"


def path(call: str, account: str = ACCOUNT) -> str:
    return f"/2010-04-01/Accounts/{account}/Calls/{call}.json"


def sid(call_id: int) -> str:
    return f"CA{call_id:032x}"


async def queued(world: WebWorld) -> int:
    answer = await world.ask("POST", "/api/apps/1234/5678/queue", "phone_number=6175550100")
    return int(loads(answer.body)["call_id"])


@pytest.mark.parametrize(
    ("login", "status", "code"),
    [
        ((EMAIL, KEY), 404, 20404),  # it is there, and rings nowhere yet
        ((OTHER_EMAIL, OTHER_KEY), 403, 20006),
        ((EMAIL, "wrong"), 401, 20003),
        ((ACCOUNT, KEY), 401, 20003),  # a developer key goes with an e-mail address
        ((f"AC{2:032x}", KEY), 401, 20003),
        (None, 401, 20003),
    ],
)
def test_who_may(tmp_path: Path, login, status: int, code: int) -> None:
    async def test(world: WebWorld) -> None:
        call = await queued(world)
        auth = None if login is None else basic(*login)
        answer = await world.ask("POST", path(sid(call)), OVER, auth=auth)
        assert answer.status == status, answer.body
        assert loads(answer.body)["code"] == code
        assert loads(answer.body)["status"] == status
        assert ("www-authenticate" in answer.headers) == (status == 401)
        assert (await world.details(call)).state == "queued"

    run_world(tmp_path, test)


@pytest.mark.parametrize(
    ("call", "account", "body", "status"),
    [
        (sid(999), ACCOUNT, OVER, 404),
        (f"CA{'f' * 32}", ACCOUNT, OVER, 404),
        ("CA1", ACCOUNT, OVER, 404),
        (sid(1), f"AC{2:032x}", OVER, 404),
        (sid(1), "AC", OVER, 404),
        (sid(1), ACCOUNT, "Status=canceled", 400),
        (sid(1), ACCOUNT, "Twiml=%3CResponse%2F%3E", 400),
        (sid(1), ACCOUNT, "", 400),
        (sid(1), ACCOUNT, "Status=" + "x" * 70_000, 400),
    ],
)
def test_what_is_refused(tmp_path: Path, call: str, account: str, body: str, status: int) -> None:
    async def test(world: WebWorld) -> None:
        answer = await world.ask("POST", path(call, account), body)
        assert answer.status == status, answer.body
        assert loads(answer.body)["message"]

    run_world(tmp_path, test)


def test_no_other_method(tmp_path: Path) -> None:
    async def test(world: WebWorld) -> None:
        for method in ("GET", "PUT", "DELETE"):
            answer = await world.ask(method, path(sid(1)))
            assert (answer.status, answer.headers["allow"]) == (405, "POST")

    run_world(tmp_path, test)
