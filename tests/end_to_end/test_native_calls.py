"""Calls over the native API: queued, seen, looked through."""

from datetime import timedelta
from pathlib import Path

import pytest
from native_world import ADMIN, COLLEAGUE, STRANGER, NativeWorld, run_native

from callwright.testing.scripted_line import BUSY
from callwright.testing.world import running


def test_a_queued_call_is_shown_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        opens_at = world.clock.now() + timedelta(hours=1)
        order = {
            "deployment_id": world.deployment,
            "phone_number": "tel:16175550100;ani=8005551234;postd=1#",
            "variables": {"name": "Ana", "age": 41, "vip": True, "none": None, "ratio": 0.5},
            "opens_at": opens_at.isoformat(),
            "closes_at": (opens_at + timedelta(hours=1)).isoformat(),
            "max_attempts": 3,
            "retry_wait_s": 90,
            "result_url": "https://example.org/result",
        }
        reply = await world.ask("POST", "/v1/calls", json=order)
        assert reply.status_code == 201, reply.text
        call = reply.json()
        assert reply.headers["location"] == f"/v1/calls/{call['id']}"
        assert await world.get(f"/v1/calls/{call['id']}") == call
        wanted = {
            "phone_number": order["phone_number"],
            "number": "+16175550100",
            "caller_id": "+18005551234",
            "post_dial": "1#",
            "variables": order["variables"],
            "state": "queued",
            "is_paused": False,
            "opens_at": "2030-01-01T13:00:00Z",
            "closes_at": "2030-01-01T14:00:00Z",
            "next_attempt_at": "2030-01-01T13:00:00Z",
            "max_attempts": 3,
            "retry_wait_s": 90,
            "result_url": "https://example.org/result",
            "attempts": 0,
            "events": [{"event": "queued", "at": "2030-01-01T12:00:00Z"}],
            "attempt_log": [],
        }
        assert {name: call[name] for name in wanted} == wanted
        assert len(world.changes) == 1

    run_native(tmp_path, test)


def test_a_call_whose_signed_identity_is_none_is_refused(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        order = {"deployment_id": world.deployment, "phone_number": "6175550100"}
        bad = {**order, "variables": {"sip_identity": "a.b.c\r\nX: y"}}
        refused = await world.ask("POST", "/v1/calls", json=bad)
        assert refused.status_code == 400
        assert "sip_identity" in refused.text
        signed = "a.b.c;info=<https://cert.example.org/a.cer>;alg=ES256;ppt=shaken"
        good = {**order, "variables": {"sip_identity": signed, "name": "Ana"}}
        call = await world.post("/v1/calls", good, status=201)
        assert (call["sip_identity"], call["variables"]) == (signed, {"name": "Ana"})

    run_native(tmp_path, test)


def test_a_signed_identity_may_stand_in_a_field_of_its_own(tmp_path: Path) -> None:
    signed = "a.b.c;info=<https://cert.example.org/a.cer>;alg=ES256;ppt=shaken"

    async def test(world: NativeWorld) -> None:
        # For a survey too, whose variables are its metadatabase's columns alone.
        for deployment in (world.deployment, world.instance):
            order = {"deployment_id": deployment, "phone_number": "6175550100"}
            call = await world.post("/v1/calls", {**order, "sip_identity": signed}, status=201)
            assert (call["sip_identity"], call["variables"]) == (signed, {})
            stored = await world.store.read(
                lambda tx, call=call: tx.call_details(call["id"], world.clock.now())
            )
            assert stored.contact.variables == {"sip_identity": signed}
        bad = {**order, "sip_identity": "a.b.c\r\nX: y"}
        refused = await world.post("/v1/calls", bad, status=400)
        assert refused["errors"][0]["pointer"] == "/sip_identity"
        twice = {
            "deployment_id": world.deployment,
            "phone_number": "6175550100",
            "sip_identity": signed,
            "variables": {"SIP_Identity": signed},
        }
        refused = await world.post("/v1/calls", twice, status=400)
        assert "given twice" in refused["errors"][0]["detail"]
        contacts = {"deployment_id": world.deployment, "contacts": [bad_contact(bad)]}
        refused = await world.post("/v1/batches", contacts, status=400)
        assert refused["errors"][0]["pointer"] == "/contacts/0/sip_identity"

    run_native(tmp_path, test)


def bad_contact(order: dict) -> dict:
    return {name: order[name] for name in ("phone_number", "sip_identity")}


def test_a_survey_takes_the_columns_of_its_metadatabase_alone(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        order = {"deployment_id": world.instance, "phone_number": "6175550100"}
        call = await world.post("/v1/calls", {**order, "variables": {"City": "Lima"}}, status=201)
        assert call["variables"] == {"city": "Lima"}
        refused = await world.post("/v1/calls", {**order, "variables": {"zip": "1"}}, status=400)
        assert refused["errors"][0]["pointer"] == "/variables"

    run_native(tmp_path, test)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"phone_number": "911"}, "/phone_number"),
        ({"phone_number": 6175550100}, "/phone_number"),
        ({"phone_number": None}, "/phone_number"),
        ({"deployment_id": "1"}, "/deployment_id"),
        ({"deployment_id": 0}, "/deployment_id"),
        ({"deployment_id": 2**63}, "/deployment_id"),
        ({"max_attempts": 11}, "/max_attempts"),
        ({"max_attempts": True}, "/max_attempts"),
        ({"max_attempts": 2}, "/retry_wait_s"),
        ({"retry_wait_s": 59}, "/retry_wait_s"),
        ({"opens_at": 1893499200}, "/opens_at"),
        ({"opens_at": "2030-01-01 12:00"}, "/opens_at"),
        ({"opens_at": "2030-01-01T12:00:00"}, "/opens_at"),
        ({"opens_at": "2030-02-30T12:00:00Z"}, "/opens_at"),
        ({"closes_at": "9999-12-31T23:59:59-23:59"}, "/closes_at"),
        ({"closes_at": "2030-01-01T11:59:59Z"}, "/closes_at"),
        ({"opens_at": "2030-01-01T14:00:00Z", "closes_at": "2030-01-01T14:00:00Z"}, "/closes_at"),
        ({"result_url": "ftp://example.org/"}, "/result_url"),
        ({"variables": {"a": {}}}, "/variables/a"),
        ({"variables": {"two words": 1}}, "/variables"),
        ({"phone": "6175550100"}, "/phone"),
    ],
)
def test_a_wrong_field_is_named_by_its_place(
    tmp_path: Path, change: dict[str, object], pointer: str
) -> None:
    async def test(world: NativeWorld) -> None:
        order = {"deployment_id": world.deployment, "phone_number": "6175550100", **change}
        problem = await world.post("/v1/calls", order, status=400)
        assert problem["type"] == "urn:callwright:problem:field-invalid"
        assert any(error["pointer"].startswith(pointer) for error in problem["errors"])
        assert await world.waiting() == 0

    run_native(tmp_path, test)


def test_pci_needs_the_accounts_grant(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        order = {
            "deployment_id": world.deployment,
            "phone_number": "6175550100",
            "is_pci": True,
        }
        assert (await world.post("/v1/calls", order, status=403))["status"] == 403

    run_native(tmp_path, test)


def test_a_dry_run_makes_every_check_and_stores_nothing(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        order = {"deployment_id": world.deployment, "phone_number": "6175550100"}
        dry = {"X-Dry-Run": "true"}
        told = await world.post("/v1/calls", order, headers=dry)
        assert told == {
            "dry_run": True,
            "calls": 1,
            "rejected": 0,
            "deployment_id": world.deployment,
            "opens_at": "2030-01-01T12:00:00Z",
            "closes_at": None,
            "max_attempts": 1,
            "retry_wait_s": 0,
            "is_paused": False,
            "trunk": "",
            "forecast": None,
        }
        await world.post("/v1/calls", {**order, "phone_number": "911"}, status=400, headers=dry)
        await world.post("/v1/calls", order, status=400, headers={"X-Dry-Run": "yes"})
        assert await world.waiting() == 0
        assert world.changes == []
        await world.post("/v1/calls", order, status=201, headers={"X-Dry-Run": "false"})
        assert await world.waiting() == 1

    run_native(tmp_path, test)


def test_a_minimal_answer_holds_the_id_alone(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        order = {"deployment_id": world.deployment, "phone_number": "6175550100"}
        reply = await world.ask(
            "POST", "/v1/calls", json=order, headers={"Prefer": "wait=5, return=minimal"}
        )
        assert reply.json() == {"id": 1}
        assert reply.headers["preference-applied"] == "return=minimal"

    run_native(tmp_path, test)


def test_calls_are_found_by_what_is_asked_for(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        batch = await world.queue_list(30)
        single = await world.queue("6175550150")
        survey = await world.post(
            "/v1/calls", {"deployment_id": world.instance, "phone_number": "6175559915"}, status=201
        )
        await world.post(f"/v1/calls/{single}/cancel")

        async def found(query: str) -> list[int]:
            page = await world.get(f"/v1/calls?limit=500&{query}")
            assert page["next"] is None
            return [call["id"] for call in page["items"]]

        assert await found(f"batch_id={batch}") == list(range(30, 0, -1))
        assert await found(f"deployment_id={world.instance}") == [survey["id"]]
        assert await found("state=canceled") == [single]
        assert await found("number_ends=0015") == [16]
        assert await found("number_ends=15") == [survey["id"], 16]
        assert await found("queued_from=2030-01-01T12:00:00Z&state=queued") == (
            [survey["id"], *range(30, 0, -1)]
        )
        assert await found("queued_before=2030-01-01T12:00:00Z") == []
        assert await found("state=connected") == []

    run_native(tmp_path, test)


def test_pages_stay_in_step_while_calls_are_added(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        await world.queue_list(25)
        seen: list[int] = []
        cursor = ""
        while True:
            page = await world.get(f"/v1/calls?limit=10{cursor}")
            seen += [call["id"] for call in page["items"]]
            await world.queue()
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert seen == list(range(25, 0, -1))

    run_native(tmp_path, test)


@pytest.mark.parametrize(
    "cursor",
    ["x", "Y2FsbDo", "YmF0Y2g6MQ", "Y2FsbDotMQ", "é", "Y2FsbDo5OTk5OTk5OTk5OTk5OTk5OTk5OQ"],
)
def test_a_cursor_that_this_list_did_not_give_is_refused(tmp_path: Path, cursor: str) -> None:
    async def test(world: NativeWorld) -> None:
        reply = await world.ask("GET", "/v1/calls", params={"cursor": cursor})
        assert reply.status_code == 400

    run_native(tmp_path, test)


def test_an_unchanged_call_is_not_sent_again(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue()
        first = await world.ask("GET", f"/v1/calls/{call}")
        tag = first.headers["etag"]
        for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = await world.ask("GET", f"/v1/calls/{call}", headers={"If-None-Match": header})
            assert again.status_code == 304
            assert again.content == b""
            assert again.headers["etag"] == tag
        await world.post(f"/v1/calls/{call}/cancel")
        changed = await world.ask("GET", f"/v1/calls/{call}", headers={"If-None-Match": tag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag

    run_native(tmp_path, test)


def test_the_ids_of_others_are_refused_and_those_of_other_accounts_do_not_exist(
    tmp_path: Path,
) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue()
        for method, path in (
            ("GET", f"/v1/calls/{call}"),
            ("POST", f"/v1/calls/{call}/cancel"),
            ("POST", f"/v1/calls/{call}/hang-up"),
            ("POST", f"/v1/calls/{call}/retry"),
        ):
            assert (await world.ask(method, path, by=STRANGER)).status_code == 404
            assert (await world.ask(method, path, by=COLLEAGUE)).status_code == 403
            assert (await world.ask(method, path.replace(f"{call}", "99"))).status_code == 404
        assert (await world.get(f"/v1/calls/{call}", by=ADMIN))["id"] == call
        assert (await world.get("/v1/calls", by=COLLEAGUE))["items"] == []
        assert (await world.get("/v1/calls", by=STRANGER))["items"] == []
        assert len((await world.get("/v1/calls", by=ADMIN))["items"]) == 1
        order = {"deployment_id": world.deployment, "phone_number": "6175550100"}
        await world.post("/v1/calls", order, status=404, by=STRANGER)
        await world.post("/v1/calls", order, status=403, by=COLLEAGUE)
        await world.post("/v1/calls", order, status=201, by=ADMIN)

    run_native(tmp_path, test)


def test_every_call_that_is_queued_is_counted(tmp_path: Path) -> None:
    async def queued(world: NativeWorld) -> list[str]:
        text = (await world.ask("GET", "/metrics", by=None)).text
        return [line for line in text.splitlines() if line.startswith("callwright_calls_queued_t")]

    async def test(world: NativeWorld) -> None:
        call = await world.queue()
        batch = await world.queue_list(3)
        await world.queue_list(2, deployment_id=world.instance)
        dry = {"X-Dry-Run": "true"}
        order = {"deployment_id": world.deployment, "phone_number": "6175550100"}
        await world.post("/v1/calls", order, headers=dry)
        await world.post(f"/v1/calls/{call}/cancel")
        await world.post(f"/v1/batches/{batch}/cancel")
        assert await queued(world) == [
            'callwright_calls_queued_total{product="fuse"} 4.0',
            'callwright_calls_queued_total{product="insight"} 2.0',
        ]
        await world.post(f"/v1/calls/{call}/retry", status=201)
        again = {"states": ["canceled"]}
        async with running(world.loops, lambda order: BUSY):
            await world.loops.pass_time(5)
            await world.post(f"/v1/batches/{batch}/retry", again, status=201)
        assert (await queued(world))[0] == 'callwright_calls_queued_total{product="fuse"} 8.0'

    run_native(tmp_path, test)
