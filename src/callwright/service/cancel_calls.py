"""Cancelling what waits on a deployment. Calls being dialled or talking finish as they are."""

from datetime import datetime

from callwright.domain.account import Deployment
from callwright.ports.store import WriteTx


def cancel_calls(tx: WriteTx, deployment: Deployment, now: datetime) -> None:
    """Cancel every call of the deployment that waits now; repeating it is harmless."""
    tx.cancel_deployment(deployment.id, now)
