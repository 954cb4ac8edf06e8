"""Every request of the native API, right in every way, and who may make it.

The state they meet: of the owner a canceled call that owes a callback (1), a list of which a
row was left out (batch 2), a key, an application and a survey, both deployed; of the account
a metadatabase.
"""

from dataclasses import dataclass
from typing import Any

from native_world import ADMIN, OWNER, NativeWorld

from callwright.ivr.files import SAMPLE_FLOW, SAMPLE_SURVEY, sample_text
from callwright.testing.world import running

OWN, ONE, ADMINS = "own", "one", "admins"
"""Whose things a request is about: the asker's own, whatever there is of them (200 for
everybody); one thing of the owner's (403 for others, 404 in another account); or what is
the admins' of the account alone."""

CALL = {"deployment_id": 1, "phone_number": "6175550100"}
LIST = {"deployment_id": 1, "contacts": [{"phone_number": "6175550100"}]}
NUMBERS = {"numbers": ["+16175550199"]}
FLOW, SURVEY = sample_text(SAMPLE_FLOW), sample_text(SAMPLE_SURVEY)
RATE = {"calls_per_second": 5}
COLUMNS = {"name": "Patients", "columns": ["city"]}


@dataclass(frozen=True, kw_only=True)
class NativeRow:
    """One route."""

    method: str
    route: str
    """As the document writes it."""
    whose: str
    body: Any = None
    status: int = 200
    """For whoever may ask."""
    stranger: int | None = None
    """For an admin of another account, if not as `whose` has it."""
    colleague: int | None = None

    @property
    def name(self) -> str:
        return f"{self.method} {self.route}"

    @property
    def path(self) -> str:
        """With the ids of the state."""
        path = self.route
        if path.startswith("/v1/surveys"):
            path = path.replace("{program_id}", "2")
        path = path.replace("{batch_id}", "2").replace("{trunk}", "phones")
        return path.format_map(_Ones())

    @property
    def by(self) -> tuple[str, str]:
        return ADMIN if self.whose == ADMINS else OWNER

    @property
    def for_colleague(self) -> int:
        if self.colleague is not None:
            return self.colleague
        return self.status if self.whose == OWN else 403

    @property
    def for_stranger(self) -> int:
        if self.stranger is not None:
            return self.stranger
        return {OWN: self.status, ONE: 404, ADMINS: 404}[self.whose]


class _Ones(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "1"


def _row(
    method: str, route: str, whose: str, body: Any = None, status: int = 200, **more: Any
) -> NativeRow:
    return NativeRow(
        method=method, route=f"/v1{route}", whose=whose, body=body, status=status, **more
    )


def _programs(path: str, script: str) -> list[NativeRow]:
    one = f"{path}/{{program_id}}"
    return [
        _row("GET", path, OWN),
        _row("POST", path, OWN, {"script": script}, 201),
        _row("GET", one, ONE),
        _row("PUT", f"{one}/script", ONE, {"script": script}),
        _row("POST", f"{one}/deployments", ONE, {"label": "next"}, 201),
        _row("DELETE", one, ONE),
    ]


NATIVE_ROWS = [
    _row("GET", "/me", OWN),
    _row("GET", "/calls", OWN),
    _row("POST", "/calls", ONE, CALL, 201),
    _row("GET", "/calls/{call_id}", ONE),
    _row("GET", "/calls/{call_id}/why", ONE),
    _row("GET", "/calls/{call_id}/sip", ONE),
    # 404: nothing was sent
    _row("GET", "/calls/{call_id}/sip.pcap", ONE, status=404),
    _row("GET", "/calls/{call_id}/recordings", ONE),
    # 404: it was not recorded
    _row("GET", "/calls/{call_id}/recording", ONE, status=404),
    _row("GET", "/batches/{batch_id}/why", ONE),
    _row("GET", "/batches/{batch_id}/forecast", ONE, status=409),
    _row("GET", "/deployments/{deployment_id}/why", ONE),
    _row("POST", "/calls/{call_id}/cancel", ONE),
    _row("POST", "/calls/{call_id}/hang-up", ONE, status=202),
    # 409: it is not quarantined
    _row("POST", "/calls/{call_id}/release", ONE, status=409),
    _row("POST", "/calls/{call_id}/retry", ONE, {}, 201),
    _row("GET", "/batches", OWN),
    _row("POST", "/batches", ONE, LIST, 201),
    _row("GET", "/batches/{batch_id}", ONE),
    _row("GET", "/batches/{batch_id}/calls", ONE),
    _row("GET", "/batches/{batch_id}/rejected", ONE),
    _row("GET", "/batches/{batch_id}/limits", ONE),
    _row("PATCH", "/batches/{batch_id}/limits", ONE, RATE),
    _row("POST", "/batches/{batch_id}/cancel", ONE),
    _row("POST", "/batches/{batch_id}/pause", ONE),
    _row("POST", "/batches/{batch_id}/resume", ONE),
    # 409: none of its calls is over
    _row("POST", "/batches/{batch_id}/retry", ONE, {}, 409),
    _row("GET", "/callbacks", OWN),
    _row("GET", "/callbacks/{callback_id}", ONE),
    _row("POST", "/callbacks/{callback_id}/replay", ONE, status=202),
    _row("POST", "/callbacks/dead/replay", OWN, {"since": "2029-12-31T00:00:00Z"}, 202),
    _row("GET", "/optouts", OWN),
    _row("POST", "/optouts", OWN, NUMBERS),
    _row("POST", "/optouts/remove", ADMINS, NUMBERS, stranger=200),
    _row("GET", "/deployments", OWN),
    _row("GET", "/deployments/{deployment_id}", ONE),
    _row("DELETE", "/deployments/{deployment_id}", ONE),
    _row("POST", "/deployments/{deployment_id}/cancel", ONE),
    _row("POST", "/deployments/{deployment_id}/pause", ONE),
    _row("POST", "/deployments/{deployment_id}/resume", ONE),
    _row("GET", "/deployments/{deployment_id}/limits", ONE),
    _row("PATCH", "/deployments/{deployment_id}/limits", ONE, RATE),
    _row("GET", "/limits", OWN),
    _row("PATCH", "/limits", ADMINS, RATE, stranger=200),
    _row("GET", "/trunks", OWN),
    _row("GET", "/trunks/{trunk}/limits", OWN),
    # 403: to admins of other accounts too, whose calls go over it as well
    _row("PATCH", "/trunks/{trunk}/limits", ADMINS, RATE, stranger=403),
    *_programs("/apps", FLOW),
    *_programs("/surveys", SURVEY),
    _row("GET", "/metadatabases", OWN),
    _row("POST", "/metadatabases", OWN, COLUMNS, 201),
    # Of the account, and so of everybody in it.
    _row("GET", "/metadatabases/{metadatabase_id}", ONE, colleague=200),
    _row("GET", "/metadatabases/{metadatabase_id}/records", ONE, colleague=200),
    _row(
        "POST",
        "/metadatabases/{metadatabase_id}/records",
        ONE,
        {"values": {"city": "Boston"}},
        204,
        colleague=204,
    ),
    _row("GET", "/users", OWN),
    # 409: to the server's own account
    _row("POST", "/users", ADMINS, {"email": "new@example.org"}, 201, stranger=409),
    _row("GET", "/users/{user_id}", ONE),
    _row("PATCH", "/users/{user_id}", ADMINS, {"grant": "deploy survey"}),
    _row("DELETE", "/users/{user_id}", ADMINS),
    _row("POST", "/users/{user_id}/rotate-key", ONE),
    _row("GET", "/keys", OWN),
    _row("POST", "/keys", OWN, {"name": "new", "scopes": ["read"]}, 201),
    _row("GET", "/keys/{key_id}", ONE),
    _row("DELETE", "/keys/{key_id}", ONE, status=204),
    _row("GET", "/exports/calls?batch_id=1", ONE),
    _row("GET", "/server", OWN),
    _row("POST", "/server/resume", ADMINS, stranger=200),
]


async def furnish(world: NativeWorld) -> None:
    """Make the state that the rows meet."""
    call = await world.queue(result_url="http://127.0.0.1:9/result")
    await world.post(f"/v1/calls/{call}/cancel")
    async with running(world.loops):
        await world.loops.pass_time(1)
    reply = await world.ask(
        "POST",
        "/v1/batches",
        data={"deployment_id": "1"},
        files={"csv": ("list.csv", b"phone_number\n6175550101\nnobody\n")},
        headers={"Prefer": "handling=lenient"},
    )
    assert reply.status_code == 201, reply.text
    assert reply.json()["id"] == 2
    await world.post("/v1/keys", {"name": "old", "scopes": ["read"]}, status=201)
