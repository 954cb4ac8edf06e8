"""What a rehearsal calls for: a deployment of the store as it is now, or a sample."""

from callwright.cli.output import tell
from callwright.cli.store_work import look_at
from callwright.config import Config
from callwright.domain.account import Deployment, Product
from callwright.domain.ids import AccountId, DeploymentId, ProgramId, SuppressionId
from callwright.domain.limits import Limited, LimitKind
from callwright.domain.phone import PhoneNumber
from callwright.errors import ConfigInvalid, NotFound
from callwright.ports.store import ReadTx
from callwright.service import administer
from callwright.simulation.set_up import Called, sample_deployment

PAGE = 10_000


def find_called(
    config: Config, app: int | None, survey: int | None, deployment: int | None
) -> Called:
    """The deployment with what holds for its calls, or the sample if none is named.

    Raises:
        ConfigInvalid: there is no store to look it up in.
        NotFound, Conflict: there is no such program or deployment.
    """
    if app is None and survey is None and deployment is None:
        return Called(deployment=sample_deployment())
    path = config.sqlite_path
    if path is not None and not path.exists():
        raise ConfigInvalid(
            f"store.url: {path} does not exist; leave out --app, --survey and --deployment to "
            "rehearse with a sample"
        )

    def find(tx: ReadTx) -> tuple[Called, bool]:
        found = _deployment(tx, app, survey, deployment)
        account_id = found.program.account_id
        called = Called(
            deployment=found,
            account_limits=tx.limits_of(Limited(LimitKind.ACCOUNT, account_id)),
            deployment_limits=tx.limits_of(Limited(LimitKind.DEPLOYMENT, found.id)),
            trunk_limits=tx.trunk_limits(),
            suppressed=_suppressed(tx, account_id),
            waiting=tx.queue_counts().waiting,
        )
        return called, tx.deployment_paused_at(found.id) is not None

    called, is_paused = look_at(config, find)
    if is_paused:
        tell(f"deployment {called.deployment.id} is paused; this is how it goes without the pause")
    return called


def _deployment(
    tx: ReadTx, app: int | None, survey: int | None, deployment: int | None
) -> Deployment:
    product, number = (Product.FUSE, app) if survey is None else (Product.INSIGHT, survey)
    program = None
    if number is not None:
        program = administer.find_program(tx, product, ProgramId(number))
    found = None
    if deployment is not None:
        found = tx.deployment(DeploymentId(deployment))
    elif program is not None:
        found = administer.current_deployment(tx, program)
    if found is None or (program is not None and found.program.id != program.id):
        raise NotFound("deployment")
    return found


def _suppressed(tx: ReadTx, account_id: AccountId) -> list[PhoneNumber]:
    """The numbers that the account never calls."""
    numbers: list[PhoneNumber] = []
    below: SuppressionId | None = None
    while page := tx.suppressions(account_id, below=below, limit=PAGE):
        numbers += [one.number for one in page]
        below = page[-1].id
    return numbers
