"""Calls over the native API once they are dialled: cancelled, hung up, called again."""

from pathlib import Path

from native_world import COLLEAGUE, NativeWorld, run_native

from callwright.domain.answered_by import AnsweredBy, Verdict
from callwright.domain.outcome import Outcome
from callwright.testing.scripted_line import Fate
from callwright.testing.world import running


def test_cancelling_ends_a_waiting_call_and_no_other_of_its_list(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        batch = await world.queue_list(5)
        canceled = await world.post("/v1/calls/3/cancel")
        assert canceled["state"] == "canceled"
        assert canceled["events"][-1]["event"] == "canceled"
        assert await world.post("/v1/calls/3/cancel") == canceled
        async with running(world.loops):
            await world.loops.pass_time(5)
        assert [order.number for _, order in world.loops.orders] == [
            f"+1617555{number:04}" for number in (0, 1, 3, 4)
        ]
        counts = (await world.get(f"/v1/batches/{batch}"))["counts"]
        assert counts == {"canceled": 1, "completed": 4}
        problem = await world.post("/v1/calls/1/cancel", status=409)
        assert "completed" in problem["detail"]

    run_native(tmp_path, test)


def test_a_call_cancelled_while_it_rings_gets_no_further_attempt(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        busy = Fate(outcome=Outcome.BUSY, rings_s=5, sip_code=486)
        call = await world.queue(max_attempts=3, retry_wait_s=60)
        async with running(world.loops, lambda order: busy):
            await world.loops.pass_time(2)
            assert (await world.post(f"/v1/calls/{call}/cancel"))["state"] == "dialing"
            await world.loops.pass_time(300)
        details = await world.get(f"/v1/calls/{call}")
        assert (details["state"], details["attempts"]) == ("canceled", 1)

    run_native(tmp_path, test)


def test_a_hang_up_is_passed_on_to_the_line(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue()
        reply = await world.post(f"/v1/calls/{call}/hang-up", status=202)
        assert reply["state"] == "canceled"
        assert world.hung_up == [call]
        await world.ask("POST", f"/v1/calls/{call}/hang-up", by=COLLEAGUE)
        assert world.hung_up == [call]

    run_native(tmp_path, test)


def test_an_ended_call_can_be_called_again(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue(variables={"name": "Ana"}, result_url="http://127.0.0.1:9/x")
        assert "not over" in (await world.post(f"/v1/calls/{call}/retry", status=409))["detail"]
        await world.post(f"/v1/calls/{call}/cancel")
        before = await world.get(f"/v1/calls/{call}")
        reply = await world.ask("POST", f"/v1/calls/{call}/retry")
        assert reply.status_code == 201, reply.text
        again = reply.json()
        assert reply.headers["location"] == f"/v1/calls/{again['id']}"
        assert (again["retry_of"], again["state"]) == (call, "queued")
        for name in ("phone_number", "variables", "result_url", "max_attempts"):
            assert again[name] == before[name]
        after = await world.get(f"/v1/calls/{call}")
        assert after == {**before, "retried_by": [again["id"]]}
        problem = await world.post(f"/v1/calls/{call}/retry", status=409)
        assert str(again["id"]) in problem["detail"]

    run_native(tmp_path, test)


def test_calling_again_after_the_window_needs_a_new_end(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue(closes_at="2030-01-01T12:10:00Z")
        world.clock.advance(3600)
        assert (await world.get(f"/v1/calls/{call}"))["state"] == "expired"
        problem = await world.post(f"/v1/calls/{call}/retry", status=400)
        assert problem["errors"][0]["pointer"] == "/closes_at"
        wish = {"closes_at": "2030-01-01T18:00:00Z", "max_attempts": 2, "retry_wait_s": 120}
        again = await world.post(f"/v1/calls/{call}/retry", wish, status=201)
        assert again["closes_at"] == "2030-01-01T18:00:00Z"
        assert (again["max_attempts"], again["retry_wait_s"]) == (2, 120)

    run_native(tmp_path, test)


def test_attempts_are_shown_with_what_sip_said(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        fates = [
            Fate(outcome=Outcome.BUSY, rings_s=2, sip_code=486),
            Fate(
                outcome=Outcome.ANSWERED,
                talks_s=4,
                keys=(("choice", "1"),),
                audio=(200, 197, 3),
            ),
        ]
        call = await world.queue(max_attempts=2, retry_wait_s=60)
        async with running(world.loops, lambda order: fates.pop(0)):
            await world.loops.pass_time(120)
        details = await world.get(f"/v1/calls/{call}")
        assert details["state"] == "completed"
        busy, answered = details["attempt_log"]
        assert (busy["outcome"], busy["fault"], busy["counts"]) == ("busy", "callee", True)
        assert busy["sip"]["code"] == 486
        assert busy["dialed"] == "+16175550100"
        assert busy["sip"]["call_id"] != answered["sip"]["call_id"]
        assert (busy["talk_ms"], answered["talk_ms"]) == (None, 4000)
        assert details["answers"] == {"choice": "1"}
        assert answered["keyed"][0]["name"] == "choice"
        assert busy["audio"] is None
        assert answered["audio"] == {
            "sent": 200,
            "received": 197,
            "lost": 3,
            "jitter_ms": 0.0,
            "far_lost": 0,
            "far_jitter_ms": 0.0,
            "round_trip_ms": None,
        }

    run_native(tmp_path, test)


def test_a_machine_that_the_script_will_not_have_is_called_again(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        machine = Verdict(AnsweredBy.MACHINE, "BEEP-1000")
        fates = [
            Fate(outcome=Outcome.NOT_REACHED, verdict=machine),
            Fate(
                outcome=Outcome.NOT_REACHED, verdict=Verdict(AnsweredBy.SCREENING, "PROMPT-97-85")
            ),
            Fate(outcome=Outcome.ANSWERED, verdict=Verdict(AnsweredBy.VOICE, "HUMAN-600-600")),
            Fate(outcome=Outcome.ANSWERED),
        ]
        call = await world.queue(max_attempts=3, retry_wait_s=60)
        async with running(world.loops, lambda order: fates.pop(0)):
            await world.loops.pass_time(260)
            other = await world.queue()
            await world.loops.pass_time(20)
        details = await world.get(f"/v1/calls/{call}")
        assert details["state"] == "completed"
        first, screened, second = details["attempt_log"]
        assert screened["answered_by"] == "screening"
        assert (first["outcome"], first["fault"], first["counts"]) == (
            "not_reached",
            "callee",
            True,
        )
        assert (first["answered_by"], first["answered_by_cause"]) == (
            "answeringmachine",
            "BEEP-1000",
        )
        assert (second["outcome"], second["answered_by"]) == ("answered", "voice")
        (unasked,) = (await world.get(f"/v1/calls/{other}"))["attempt_log"]
        assert (unasked["answered_by"], unasked["answered_by_cause"]) == (None, None)

    run_native(tmp_path, test)


def test_hanging_up_ends_a_call_that_talks(tmp_path: Path) -> None:
    async def test(world: NativeWorld) -> None:
        call = await world.queue()
        async with running(world.loops, lambda order: Fate(outcome=Outcome.ANSWERED, talks_s=900)):
            await world.loops.pass_time(10)
            talking = await world.post(f"/v1/calls/{call}/cancel")
            assert talking["state"] == "connected"
            await world.post(f"/v1/calls/{call}/hang-up", status=202)
            await world.loops.pass_time(1)
        details = await world.get(f"/v1/calls/{call}")
        assert details["state"] == "completed"
        assert details["attempt_log"][0]["talk_ms"] < 15_000

    run_native(tmp_path, test)
