"""A line whose legs an Asterisk places: what it loses, what it finds again, what it is refused.

The phones are the judge: real SIP on loopback, whoever placed the call.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from asterisk_scenes import (
    BUSY,
    PERSON,
    RINGS,
    WAITS,
    nobody_is_left,
    phones_on,
    ringing_and_talking,
)
from line_world import Told, asterisk_trunk, started

from callwright.domain.outcome import Outcome
from callwright.errors import CallwrightError
from callwright.ports.line import (
    HangUp,
    LegEnded,
    LegRinging,
    TrunkStands,
)
from callwright.telephony.asterisk.ari import Ari
from callwright.telephony.asterisk.channel import LegChannel
from callwright.telephony.asterisk.switch import Switch
from callwright.telephony.asterisk.trunk import AsteriskTrunk
from callwright.telephony.line import SipLine
from callwright.telephony.phones import Phones
from callwright.telephony.speech.tones import ToneSpeech
from callwright.testing.peers.asterisk import PASSWORD, USER, Answer, FakeAsterisk
from callwright.testing.skipping_loop import run_skipping

Scene = Callable[[Told, FakeAsterisk, Phones], Awaitable[None]]


def with_fake(folder: Path, scene: Scene, **trunk: str) -> None:
    """A line in this process, in skipped time."""

    async def main() -> None:
        async with phones_on() as phones:
            address = f"127.0.0.1:{phones.address[1]}"
            fake = FakeAsterisk(address)
            async with asterisk_trunk("asterisk", address, fake, **trunk) as asterisk:
                line = SipLine([], [asterisk], speech=ToneSpeech(), cache_dir=folder / "prompts")
                async with started(line) as told:
                    told.script("waits", WAITS)
                    await scene(told, fake, phones)

    run_skipping(main())


# Lost


async def _lost_and_found(told: Told, fake: FakeAsterisk, phones: Phones) -> None:
    ringing, talking = await ringing_and_talking(told)
    fake.is_away = True
    fake.cut()
    await told.until_count(TrunkStands, 3)
    down = await told.until(LegEnded, told.place(BUSY))
    assert (down.outcome, down.sent) == (Outcome.TRUNK_TROUBLE, False)
    assert not told.of(ringing, LegEnded)  # nobody is dialled again while their phone rings
    fake.is_away = False
    ended = [await told.until(LegEnded, order, 20) for order in (ringing, talking)]
    outcomes = [each.outcome for each in ended]
    assert outcomes == [Outcome.INTERRUPTED, Outcome.INTERRUPTED_TALKING]
    await nobody_is_left(phones, 2)
    assert fake.channels == {}
    assert fake.bridges == {}
    again = await told.until(LegEnded, told.place(BUSY))
    assert again.outcome is Outcome.BUSY
    stood = [m.takes_calls for m in told.messages if isinstance(m, TrunkStands)]
    assert stood[:2] == [True, False]
    assert stood[-1]


def test_legs_of_a_lost_asterisk_are_interrupted_and_hung_up_when_it_is_back(
    tmp_path: Path,
) -> None:
    with_fake(tmp_path, _lost_and_found)


async def _leftovers_are_swept(told: Told, fake: FakeAsterisk, phones: Phones) -> None:
    app = told.ready.local_sip["main"]
    stray = _ari(fake, app)
    await stray.create_channel(f"{app}.stray", f"PJSIP/trunk/sip:{RINGS}@{fake.phones[0]}", {})
    await asyncio.sleep(0.1)
    await stray.dial(f"{app}.stray", 60)
    await stray.close()
    fake.cut()
    await told.until_count(TrunkStands, 3)
    await nobody_is_left(phones, 1)


def _ari(fake: FakeAsterisk, app: str) -> Ari:
    values = {"user": USER, "password": PASSWORD, "endpoint": "PJSIP/{number}@x"}
    return Ari(AsteriskTrunk(name="main", url=fake.url, app=app, **values))


def test_what_nobody_drives_is_hung_up_when_asterisk_is_back(tmp_path: Path) -> None:
    with_fake(tmp_path, _leftovers_are_swept)


def test_a_lost_asterisk_that_stays_away_ends_its_legs_all_the_same(tmp_path: Path) -> None:
    async def scene(told: Told, fake: FakeAsterisk, phones: Phones) -> None:
        ringing, talking = await ringing_and_talking(told)
        fake.is_away = True
        fake.cut()
        ended = [await told.until(LegEnded, order, 20) for order in (ringing, talking)]
        outcomes = [each.outcome for each in ended]
        assert outcomes == [Outcome.INTERRUPTED, Outcome.INTERRUPTED_TALKING]

    with_fake(tmp_path, scene)


async def _dialling_in_doubt(told: Told, fake: FakeAsterisk, phones: Phones) -> None:
    fake.dies_on = {"dial"}
    ended = await told.until(LegEnded, told.place(RINGS), 20)
    assert (ended.outcome, ended.sent) == (Outcome.INTERRUPTED, True)
    await nobody_is_left(phones, 1)


def test_a_phone_that_is_given_up_rings_once_and_stops(tmp_path: Path) -> None:
    with_fake(tmp_path, _rings_once)


def test_a_request_to_dial_that_got_no_answer_is_hung_up_and_never_made_again(
    tmp_path: Path,
) -> None:
    with_fake(tmp_path, _dialling_in_doubt)


async def _rings_once(told: Told, fake: FakeAsterisk, phones: Phones) -> None:
    ended = await told.until(LegEnded, told.place(RINGS, ring_timeout_s=0.5), 20)
    assert ended.outcome is Outcome.NO_ANSWER
    await nobody_is_left(phones, 1)


async def _hung_up_in_the_end(told: Told, fake: FakeAsterisk, phones: Phones) -> None:
    order = told.place(RINGS, ring_timeout_s=0.5)
    await told.until(LegRinging, order)
    channel = next(name for name in fake.channels if not name.endswith(".media"))
    fake.refuses["DELETE", channel] = Answer(500)
    loop = asyncio.get_running_loop()
    loop.call_later(2.0, fake.refuses.clear)
    ended = await told.until(LegEnded, order, 20)
    assert ended.outcome is Outcome.NO_ANSWER
    await nobody_is_left(phones, 1)


def test_a_hang_up_that_was_refused_is_asked_for_again(tmp_path: Path) -> None:
    with_fake(tmp_path, _hung_up_in_the_end)


def test_a_line_whose_application_is_taken_over_says_so_and_leaves_it_alone(
    tmp_path: Path,
) -> None:
    async def scene(told: Told, fake: FakeAsterisk, phones: Phones) -> None:
        ringing, _ = await ringing_and_talking(told)
        app = told.ready.local_sip["main"]
        other = _ari(fake, app)
        websocket = await other.events()
        ended = await told.until(LegEnded, ringing, 20)
        assert ended.outcome is Outcome.INTERRUPTED
        await nobody_is_left(phones, 2)
        await asyncio.sleep(60)
        stood = [m for m in told.messages if isinstance(m, TrunkStands)]
        assert not stood[-1].takes_calls
        assert "an ari_app of its own" in stood[-1].servers[0].why
        assert sum(path == "ari/events" for _, path in fake.asked) == 2
        down = await told.until(LegEnded, told.place(BUSY))
        assert (down.outcome, down.sent) == (Outcome.TRUNK_TROUBLE, False)
        websocket.close()
        await other.close()

    with_fake(tmp_path, scene)


# Broken builds


async def _dial_twice(self: Ari, channel: str, timeout_s: int, dial: object = Ari.dial) -> None:
    endpoint = next(iter(_dialled))
    twin = f"{channel}.twin"
    await self.create_channel(twin, endpoint, {})
    await asyncio.sleep(0.05)
    for each in (channel, twin):
        await dial(self, each, timeout_s)  # type: ignore[operator]


_dialled: list[str] = []


async def _note_endpoint(
    self: Ari,
    channel: str,
    endpoint: str,
    variables: dict[str, str],
    create: object = Ari.create_channel,
) -> None:
    _dialled[:] = [endpoint]
    await create(self, channel, endpoint, variables)  # type: ignore[operator]


async def _deaf(self: object, *given: object, **named: object) -> bool:
    return True


async def _end_once(self: LegChannel, *, unanswered: bool = False) -> bool:
    try:
        return await self._switch.remove(self.name)
    except CallwrightError:
        return False


@pytest.mark.parametrize(
    ("scene", "breaks"),
    [
        (_rings_once, {(Ari, "dial"): _dial_twice, (Ari, "create_channel"): _note_endpoint}),
        (_dialling_in_doubt, {(Ari, "hang_up"): _deaf}),
        (_hung_up_in_the_end, {(LegChannel, "end"): _end_once}),
        (_leftovers_are_swept, {(Switch, "_sweep"): _deaf}),
    ],
    ids=["dials-twice", "never-hangs-up", "hangs-up-once", "no-sweep"],
)
def test_a_broken_driver_is_noticed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scene: Scene,
    breaks: dict[tuple[type, str], object],
) -> None:
    for (owner, name), broken in breaks.items():
        monkeypatch.setattr(owner, name, broken)
    with pytest.raises((AssertionError, TimeoutError)):
        with_fake(tmp_path, scene)


# Refused


@pytest.mark.parametrize(
    ("trunk", "outcome", "why"),
    [
        ({"password": "another"}, Outcome.TRUNK_MISCONFIGURED, "the password is wrong"),
        ({"url": "http://127.0.0.1:1"}, Outcome.TRUNK_TROUBLE, "cannot be reached"),
    ],
)
def test_an_asterisk_that_does_not_let_us_in_is_told_and_costs_no_attempt(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    trunk: dict[str, str],
    outcome: Outcome,
    why: str,
) -> None:
    async def scene(told: Told, fake: FakeAsterisk, phones: Phones) -> None:
        ended = await told.until(LegEnded, told.place(PERSON))
        assert (ended.outcome, ended.sent) == (outcome, False)
        stands = next(m for m in told.messages if isinstance(m, TrunkStands))
        assert not stands.takes_calls
        assert why in stands.servers[0].why

    with_fake(tmp_path, scene, **trunk)
    logged = " ".join(str(vars(record)) for record in caplog.records)
    assert why in logged
    assert "another" not in logged


def test_an_endpoint_that_asterisk_does_not_know_is_a_setting_that_is_wrong(
    tmp_path: Path,
) -> None:
    async def scene(told: Told, fake: FakeAsterisk, phones: Phones) -> None:
        ended = await told.until(LegEnded, told.place(PERSON))
        assert (ended.outcome, ended.sent) == (Outcome.TRUNK_MISCONFIGURED, False)
        assert fake.channels == {}

    with_fake(tmp_path, scene, endpoint="PJSIP/{number}@nobody")


def test_a_leg_hung_up_while_it_is_made_leaves_nothing_behind(tmp_path: Path) -> None:
    async def scene(told: Told, fake: FakeAsterisk, phones: Phones) -> None:
        order = told.place(PERSON)
        told.line.say(HangUp(leg=order.leg))
        ended = await told.until(LegEnded, order)
        assert (ended.outcome, ended.sent) == (Outcome.CANCELED, False)
        await asyncio.sleep(10)
        assert fake.channels == {}
        assert fake.bridges == {}
        assert not phones.calls

    with_fake(tmp_path, scene)


def test_numbers_stand_in_no_url_and_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    async def scene(told: Told, fake: FakeAsterisk, phones: Phones) -> None:
        await told.until(LegEnded, told.place(PERSON, postd="4242"), 20)
        assert phones.calls[0].digits == "4242"
        asked = " ".join(path for _, path in fake.asked)
        assert "5551230100" not in asked
        assert "4242" not in asked

    with_fake(tmp_path, scene)
    assert "5551230100" not in " ".join(str(vars(record)) for record in caplog.records)
