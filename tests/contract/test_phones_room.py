"""Phones whose address is taken, and how much they remember."""

import pytest
from phone_caller import Caller

from callwright.errors import Unavailable
from callwright.telephony.phones import Phones
from callwright.testing.skipping_loop import run_skipping


def test_a_taken_address_is_said_to_be_taken() -> None:
    async def main() -> None:
        first = Phones(("127.0.0.1", 0))
        await first.start()
        with pytest.raises(Unavailable, match=r"cannot listen on 127\.0\.0\.1:\d+: Address alr"):
            await Phones(first.address).start()
        await first.stop()

    run_skipping(main())


def test_the_log_and_the_count_of_tries_are_bounded() -> None:
    async def main() -> None:
        phones = Phones(("127.0.0.1", 0), log_size=3)
        await phones.start()
        for number in range(5):
            caller = Caller(phones.address[1], f"+1777{number}0150")
            caller.invite()
            caller.refused(await caller.until(486))
            caller.close()
        await phones.stop()
        assert [record.number[5] for record in phones.calls] == ["2", "3", "4"]

    run_skipping(main())
