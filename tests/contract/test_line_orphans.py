"""Legs whose line died: the next line ends them from what the attempt on disk remembers."""

import asyncio
import itertools
import time
from pathlib import Path
from typing import Any

from line_world import Told, told_line
from sipp_phones import Phones, sipp_phones

from callwright.ports.line import (
    EndOrphans,
    LegAnswered,
    LegOrder,
    LegRinging,
    LegSent,
    Orphan,
    OrphanEnded,
)

LONGER = "callwright: 1\nname: Longer\nsteps:\n  pause:\n    wait: 20s\n    next: hangup\n"
_numbers = itertools.count(1)


def remembered(told: Told, order: LegOrder, **changes: Any) -> Orphan:
    """What the brain has on disk of a leg."""
    answered = told.of(order, LegAnswered)
    values: dict[str, Any] = {
        "attempt": f"attempt{next(_numbers)}",
        "trunk": "main",
        "number": order.number,
        "caller_id": order.caller_id,
        "identity": order.identity,
        "local_sip": told.ready.local_sip["main"],
        "remote_address": told.of(order, LegSent)[0].remote_address,
    }
    if answered:
        values |= {
            "to_tag": answered[0].to_tag,
            "remote_target": answered[0].remote_target,
            "route_set": answered[0].route_set,
            "cseq": answered[0].cseq,
        }
    return Orphan(**(values | changes))


def die(told: Told) -> None:
    """What a kill does to a line: its sockets are closed without a word to anybody."""
    for place in told.line._places.values():  # type: ignore[attr-defined]
        place.endpoint.close()
        place.media.close()
    told.line._legs.clear()  # type: ignore[attr-defined]


async def end(folder: Path, phones: Phones, orphans: list[Orphan]) -> dict[str, OrphanEnded]:
    async with told_line(folder, phones.address) as told:
        started = time.monotonic()
        told.line.say(EndOrphans(orphans=tuple(orphans)))
        found = await told.until_count(OrphanEnded, len(orphans), 8.0)
        assert time.monotonic() - started < 8
        await asyncio.sleep(0.05)
        assert len(found) == len(orphans)
        return {each.attempt: each for each in found}


def test_a_ringing_orphan_is_cancelled_and_a_talking_one_hung_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with told_line(tmp_path, phones.address) as told:
            told.script("longer", LONGER)
            ringing = told.place("5551230151")
            talking = told.place("5551230165", script="longer")
            await told.until(LegRinging, ringing)
            await told.until(LegAnswered, talking)
            orphans = [remembered(told, ringing), remembered(told, talking)]
            die(told)
        ended = await end(tmp_path, phones, orphans)
        assert [ended[each.attempt].ended for each in orphans] == [True, True]
        heard = phones.received(ringing.identity.call_id, "ACK")
        # One CANCEL for the INVITE, one for that after a challenge: nobody knows if it was sent.
        assert sorted(heard) == ["ACK", "CANCEL", "CANCEL", "INVITE"]
        cancel = phones.heard("CANCEL", ringing.identity.call_id)
        assert f"{told.ready.local_sip['main']};rport;branch={ringing.identity.branch}" in cancel
        assert phones.received(talking.identity.call_id, "BYE") == ["INVITE", "ACK", "BYE"]
        assert "CSeq: 102 BYE" in phones.heard("BYE", talking.identity.call_id)

    with sipp_phones(tmp_path) as phones:
        asyncio.run(run())


def test_an_orphan_that_is_answered_after_all_is_hung_up(tmp_path: Path) -> None:
    async def run() -> None:
        async with told_line(tmp_path, phones.address) as told:
            order = told.place("5551230164")
            await told.until(LegRinging, order)
            orphan = remembered(told, order)
            die(told)
        ended = await end(tmp_path, phones, [orphan])
        assert ended[orphan.attempt].ended
        heard = phones.received(order.identity.call_id, "BYE")
        assert "ACK" in heard
        assert heard[-1] == "BYE"

    with sipp_phones(tmp_path) as phones:
        asyncio.run(run())


def test_orphans_that_cannot_be_addressed_are_answered_for(tmp_path: Path) -> None:
    async def run() -> None:
        async with told_line(tmp_path, phones.address) as told:
            order = told.place("5551230150")
            await told.end(order)
            lost = remembered(told, order, trunk="elsewhere")
            odd = remembered(told, order, remote_address="not an address\r\n")
            foreign = remembered(told, order, to_tag="x", remote_target="tel:1", cseq=1)
        ended = await end(tmp_path, phones, [lost, odd, foreign])
        assert ended[lost.attempt].reason == "no such trunk"
        assert not any(each.ended for each in ended.values())

    with sipp_phones(tmp_path) as phones:
        asyncio.run(run())
