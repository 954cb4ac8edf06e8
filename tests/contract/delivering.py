"""One notice sent to a receiver that answers as a test says."""

from callback_receiver import (
    NOON,
    Answer,
    notice,
    receiver,
    run,
    sender,
)

from callwright.domain.notice import Delivery


def deliver(answer: Answer, **settings: object) -> Delivery:
    """What one try against a server that answers so comes to."""

    async def scenario() -> Delivery:
        async with receiver(answer) as target, sender(**settings) as one:
            return await one.send(notice(target.url()), NOON)

    return run(scenario())
