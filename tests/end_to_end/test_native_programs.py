"""Applications, surveys and deployments over the native API."""

from pathlib import Path

from native_world import ADMIN, COLLEAGUE, STRANGER, NativeWorld, run_native

from callwright.ivr.files import SAMPLE_FLOW, SAMPLE_SURVEY, sample_text
from callwright.testing.world import FLOW, running

RECORDED = FLOW.replace("say: Hello", "play: hello.wav")


def test_an_application_is_added_deployed_and_deleted(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        order = {"name": "Mine", "script": sample_text(SAMPLE_FLOW)}
        app = await world.post("/v1/apps", order, status=201)
        assert (app["name"], app["current_deployment_id"]) == ("Mine", None)
        wish = {"label": "first", "variables": {"who": "Ana"}, "caller_id": "8005551234"}
        deployment = await world.post(f"/v1/apps/{app['id']}/deployments", wish, status=201)
        assert (deployment["label"], deployment["caller_id"]) == ("first", "+18005551234")
        shown = await world.get(f"/v1/apps/{app['id']}")
        assert shown["current_deployment_id"] == deployment["id"]
        assert (await world.get(f"/v1/deployments/{deployment['id']}")) == deployment
        listed = (await world.get(f"/v1/deployments?program_id={app['id']}"))["items"]
        assert listed == [deployment]
        order = {"deployment_id": deployment["id"], "phone_number": "6175550100"}
        await world.post("/v1/calls", order, status=201)
        replaced = await world.ask("PUT", f"/v1/apps/{app['id']}/script", json={"script": FLOW})
        assert replaced.status_code == 200
        gone = await world.ask("DELETE", f"/v1/apps/{app['id']}")
        assert gone.json()["deleted_at"] is not None
        await world.post("/v1/calls", order, status=409)
        await world.post(f"/v1/apps/{app['id']}/deployments", wish, status=409)
        assert (await world.ask("DELETE", f"/v1/apps/{app['id']}")).status_code == 409

    run_native(tmp_path, test)


def test_a_deployment_is_deleted_alone(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        path, form = f"/api/apps/{world.app}/{world.deployment}", {"phone_number": "6175550100"}
        waiting = await world.queue()
        for _ in range(2):
            gone = await world.ask("DELETE", f"/v1/deployments/{world.deployment}")
            assert (gone.status_code, gone.json()["deleted_at"]) == (200, "2030-01-01T12:00:00Z")
        for method, verb in (("POST", "queue"), ("DELETE", "cancel")):
            told = await world.ask(method, f"{path}/{verb}", data=form if verb == "queue" else None)
            assert (told.status_code, told.json()) == (
                409,
                {"error": "The deployment was deleted."},
            )
        order = {"deployment_id": world.deployment, "phone_number": "6175550100"}
        await world.post("/v1/calls", order, status=409)
        # The application can be deployed anew.
        newer = await world.post(f"/v1/apps/{world.app}/deployments", {}, status=201)
        await world.queue(deployment_id=newer["id"])
        async with running(world.loops):
            await world.loops.pass_time(3)
        assert (await world.get(f"/v1/calls/{waiting}"))["state"] == "rejected"

    run_native(tmp_path, test)


def test_a_survey_has_instances_that_expire(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        survey = await world.post("/v1/surveys", {"script": sample_text(SAMPLE_SURVEY)}, status=201)
        assert survey["metadatabase"] is None
        where = f"/v1/surveys/{survey['id']}/deployments"
        wish = {"expires_at": "2030-06-01T00:00:00Z", "max_responses": 100}
        instance = await world.post(where, wish, status=201)
        assert (instance["product"], instance["max_responses"]) == ("insight", 100)
        newer = await world.post(where, {}, status=201)
        assert (await world.get(f"/v1/deployments/{instance['id']}"))["is_current"] is False
        order = {"deployment_id": instance["id"], "phone_number": "6175550100"}
        await world.post("/v1/calls", order, status=409)
        await world.post("/v1/calls", {**order, "deployment_id": newer["id"]}, status=201)
        # Deleted, the newer one makes room for the one before, which can be queued on again.
        assert (await world.ask("DELETE", f"/v1/deployments/{newer['id']}")).status_code == 200
        assert (await world.get(f"/v1/deployments/{instance['id']}"))["is_current"] is True
        assert (await world.get(f"/v1/deployments/{newer['id']}"))["is_current"] is False
        await world.post("/v1/calls", order, status=201)
        await world.post("/v1/calls", {**order, "deployment_id": newer["id"]}, status=409)
        trunk = await world.ask("POST", where, json={"trunk": "mian"})
        assert trunk.status_code == 400
        assert trunk.json()["errors"][0]["pointer"] == "/trunk"
        past = {"expires_at": "2029-06-01T00:00:00Z"}
        await world.post(where, past, status=400)
        assert (await world.get(f"/v1/surveys/{world.survey}"))["metadatabase"] == [
            "first_name",
            "city",
        ]

    run_native(tmp_path, test)


def test_a_script_that_is_wrong_is_refused_with_its_line(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        wrong = FLOW.replace("next: hangup", "next: nowhere")
        problem = await world.post("/v1/apps", {"name": "x", "script": wrong}, status=400)
        assert problem["type"] == "urn:callwright:problem:script-invalid"
        assert problem["errors"][0]["line"] > 1
        survey = {"name": "x", "script": sample_text(SAMPLE_SURVEY)}
        assert (await world.post("/v1/apps", survey, status=400))["errors"]
        for text in ("", "{", "a: &a [*a, *a]", "\x00"):
            await world.post("/v1/apps", {"name": "x", "script": text}, status=400)
        files = await world.post("/v1/apps", {"name": "x", "script": RECORDED}, status=400)
        assert "file on the server" in files["detail"]
        assert len((await world.get("/v1/apps"))["items"]) == 1

    run_native(tmp_path, test)


def test_programs_of_others_are_refused_and_of_other_accounts_not_there(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        for path in ("/v1/apps", "/v1/surveys", "/v1/deployments"):
            assert len((await world.get(path))["items"]) >= 1
            assert (await world.get(path, by=COLLEAGUE))["items"] == []
            assert (await world.get(path, by=STRANGER))["items"] == []
            assert len((await world.get(path, by=ADMIN))["items"]) >= 1
        script = {"script": FLOW}
        for method, path, body in (
            ("GET", f"/v1/apps/{world.app}", None),
            ("DELETE", f"/v1/apps/{world.app}", None),
            ("PUT", f"/v1/apps/{world.app}/script", script),
            ("POST", f"/v1/apps/{world.app}/deployments", {}),
            ("GET", f"/v1/surveys/{world.survey}", None),
            ("GET", f"/v1/deployments/{world.deployment}", None),
        ):
            refused = await world.ask(method, path, json=body, by=COLLEAGUE)
            assert refused.status_code == 403
            assert (await world.ask(method, path, json=body, by=STRANGER)).status_code == 404
        assert (await world.ask("GET", f"/v1/apps/{world.survey}")).status_code == 404
        assert (await world.get(f"/v1/apps/{world.app}"))["deleted_at"] is None

    run_native(tmp_path, test)


def test_a_right_lets_a_colleague_use_a_survey_but_not_change_it(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        await world.ask("PATCH", "/v1/users/2", by=ADMIN, json={"grant": "deploy survey"})
        await world.get(f"/v1/surveys/{world.survey}", by=COLLEAGUE)
        order = {"deployment_id": world.instance, "phone_number": "6175550100"}
        await world.post("/v1/calls", order, status=201, by=COLLEAGUE)
        where = f"/v1/surveys/{world.survey}"
        assert (await world.ask("DELETE", where, by=COLLEAGUE)).status_code == 403
        await world.post(f"{where}/deployments", {}, status=403, by=COLLEAGUE)

    run_native(tmp_path, test)


def test_a_deployment_says_what_holds_for_retries(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        path = f"/v1/apps/{world.app}/deployments"
        plain = await world.post(path, {}, status=201)
        assert plain["retry"] == {"waits_s": [], "waits_after_s": {}, "never_after": []}
        retry = {
            "waits_s": [60, 3600],
            "waits_after_s": {"busy": 120},
            "never_after": ["rejected", "unreachable"],
        }
        made = await world.post(path, {"retry": retry}, status=201)
        assert made["retry"] == retry
        assert (await world.get(f"/v1/deployments/{made['id']}"))["retry"] == retry
        for wrong in (
            {"waits_s": [59]},
            {"waits_s": [86401]},
            {"waits_s": [60] * 10},
            {"waits_after_s": {"busy": 0}},
            {"waits_after_s": {"answered": 60}},
            {"never_after": ["no such outcome"]},
            {"never_after": ["canceled"]},
            {"wait": 60},
        ):
            await world.post(path, {"retry": wrong}, status=400)

    run_native(tmp_path, test)
