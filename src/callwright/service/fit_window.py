"""What to do about calls that are being queued and will not fit into their window."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from callwright.domain.account import Deployment
from callwright.domain.call import Schedule
from callwright.domain.ids import BatchId
from callwright.errors import WindowTooShort
from callwright.ports.pacing_view import PacingPicture
from callwright.ports.store import ReadTx
from callwright.service.foretell_batch import Foretold, foretell_live, foretell_new


class OnOverflow(StrEnum):
    """What a request wants done."""

    TAKE = "take"
    """Queue them all and say nothing."""
    WARN = "warn"
    REFUSE = "refuse"
    """Queue nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitCheck:
    """Looks whether calls fit, if the request wants to know."""

    wish: OnOverflow
    field: str
    """The dialect's name for the end of the window."""
    picture: PacingPicture
    now: datetime

    def batch(self, tx: ReadTx, batch_id: BatchId) -> int | None:
        """How many calls of a batch that goes live in this transaction will not be dialled
        before its window shuts; None: nobody asked, or nothing is known.

        Raises:
            WindowTooShort: some will not, and the request wants none then.
        """
        if self.wish is OnOverflow.TAKE:
            return None
        batch = tx.batch(batch_id)
        assert batch is not None
        return self._decide(foretell_live(tx, batch, self.picture, self.now))

    def call(self, tx: ReadTx, deployment: Deployment, schedule: Schedule) -> int | None:
        """The same for one call that is about to be queued."""
        if self.wish is OnOverflow.TAKE:
            return None
        return self._decide(foretell_new(tx, deployment, schedule, 1, self.picture, self.now))

    def _decide(self, foretold: Foretold | None) -> int | None:
        if foretold is None:
            return None
        count = foretold.forecast.will_not_fit
        if count and self.wish is OnOverflow.REFUSE:
            raise WindowTooShort(self.field, count)
        return count
