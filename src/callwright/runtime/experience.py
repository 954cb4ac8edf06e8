"""What the attempts of a trunk came to lately: how long they lasted, how often one sufficed.

Older attempts weigh less, so that the evening's habits are not those of the morning.
"""

from callwright.domain.outcome import TRAITS, Outcome
from callwright.domain.pace import ASSUMED, Measured

WEIGHTY = 1000
"""About so many of the latest attempts are what counts."""


class Experience:
    """Of one trunk. Attempts that the trunk spoilt are left out."""

    def __init__(self) -> None:
        self._attempts = 0.0
        self._seconds = 0.0
        self._done = 0.0

    def ended(self, outcome: Outcome, lasted_s: float) -> None:
        """An attempt is over that lasted so many seconds."""
        traits = TRAITS[outcome]
        if traits.may_be_given_back:
            return
        keep = 1 - 1 / WEIGHTY
        self._attempts = keep * self._attempts + 1
        self._seconds = keep * self._seconds + lasted_s
        self._done = keep * self._done + (not traits.retryable)

    @property
    def measured(self) -> Measured:
        if not self._attempts:
            return ASSUMED
        return Measured(
            attempts=round(self._attempts),
            mean_s=self._seconds / self._attempts,
            done_share=self._done / self._attempts,
        )
