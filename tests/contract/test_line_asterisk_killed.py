"""What a killed line left in an Asterisk: the next one hangs it up, and the phones tell."""

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import pytest
from asterisk_scenes import WAITS, nobody_is_left, phones_on, ringing_and_talking
from line_world import DRIVERS, asterisk_trunk, started

from callwright.ports.line import EndOrphans, LegOrder, LegSent, Orphan, OrphanEnded
from callwright.telephony.asterisk.trunk import AsteriskTrunk
from callwright.telephony.line import SipLine
from callwright.telephony.phones import Phones
from callwright.telephony.pipe import LineSettings
from callwright.telephony.spawned_line import ProcessLine
from callwright.telephony.speech.tones import ToneSpeech


def _remembered(order: LegOrder, app: str) -> Orphan:
    return Orphan(
        attempt=order.leg,
        trunk="main",
        number=order.number,
        caller_id=order.caller_id,
        identity=order.identity,
        local_sip=app,
    )


@pytest.mark.parametrize("driver", [each for each in DRIVERS if each != "sip"])
@pytest.mark.parametrize("app", ["same", "another"])
def test_what_a_killed_line_left_is_hung_up_by_the_next(
    tmp_path: Path, driver: str, app: str
) -> None:
    """By its name alone where it is the same line's; else from what the attempts remember."""

    async def main() -> None:
        async with phones_on() as phones:
            address = f"127.0.0.1:{phones.address[1]}"
            async with asterisk_trunk(driver, address) as asterisk:
                await _kill_one_and_start_another(phones, asterisk)

    async def _kill_one_and_start_another(phones: Phones, asterisk: AsteriskTrunk) -> None:
        settings = LineSettings(
            trunks=(), asterisks=(asterisk,), speech="tones", cache_dir=str(tmp_path)
        )
        dead = ProcessLine(settings)
        async with started(dead) as told:
            told.script("waits", WAITS)
            orders = await ringing_and_talking(told)
            assert told.ready.local_sip == {"main": asterisk.app}
            assert all(told.of(order, LegSent) for order in orders)
            assert dead.pid is not None
            os.kill(dead.pid, signal.SIGKILL)
            await dead.when_gone()
        assert not any(call.ending for call in phones.calls)
        if app == "another":
            asterisk = msgspec.structs.replace(asterisk, app=f"{asterisk.app}x")
        line = SipLine([], [asterisk], speech=ToneSpeech(), cache_dir=tmp_path)
        async with started(line) as told:
            if app == "another":
                orphans = tuple(_remembered(order, asterisk.app[:-1]) for order in orders)
                told.line.say(EndOrphans(orphans=orphans))
                answers = await told.until_count(OrphanEnded, 2)
                assert all(each.ended for each in answers)
            await nobody_is_left(phones, 2, within_s=2.0)

    asyncio.run(main())
