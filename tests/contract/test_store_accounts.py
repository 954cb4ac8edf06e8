"""What the store keeps of accounts, users, programs and deployments."""

from datetime import timedelta

import pytest
from store_world import NOON, World, after

from callwright.domain.account import Product, Right
from callwright.domain.ids import AccountId, DeploymentId, ProgramId, UserId
from callwright.domain.outcome import Outcome
from callwright.domain.retry import NO_RULES, RetryRules
from callwright.ports.store import WriteTx

HUGE = 10**30


def test_a_user_is_found_by_the_address_in_any_case(world: World) -> None:
    found = world.read(lambda tx: tx.user_by_email("ANN@Example.ORG"))
    assert found == world.user
    assert found.email == "ann@example.org"
    assert world.read(lambda tx: tx.user_by_email("bob@example.org")) is None
    assert world.read(lambda tx: tx.user_by_email("ann\udc80@example.org")) is None


def test_an_address_is_taken_in_every_case(world: World) -> None:
    account = world.user.account_id

    def add(tx: WriteTx) -> object:
        return tx.add_user(account, "Ann@Example.org", b"x", is_admin=True, now=NOON)

    assert world.write(add) is None
    assert [user.email for user in world.read(lambda tx: tx.users())] == ["ann@example.org"]


def test_users_come_in_the_order_they_were_added(world: World) -> None:
    account = world.user.account_id
    world.write(lambda tx: tx.add_user(account, "zoe@x.org", b"z", is_admin=True, now=NOON))
    world.write(lambda tx: tx.add_user(account, "al@x.org", b"a", is_admin=False, now=NOON))
    users = world.read(lambda tx: tx.users())
    assert [user.email for user in users] == ["ann@example.org", "zoe@x.org", "al@x.org"]
    assert [user.is_admin for user in users] == [False, True, False]


def test_a_user_is_deleted_once_and_leaves_a_trace(world: World) -> None:
    for at in (NOON, after(60)):
        world.write(lambda tx, at=at: tx.delete_user(world.user.id, at))
    user = world.read(lambda tx: tx.user_by_email("ann@example.org"))
    assert user is not None
    assert user.deleted_at == NOON


def test_a_deployment_is_deleted_once_and_leaves_a_trace(world: World) -> None:
    for at in (NOON, after(60)):
        world.write(lambda tx, at=at: tx.delete_deployment(world.deployment, at))
    deployment = world.read(lambda tx: tx.deployment(world.deployment))
    assert deployment is not None
    assert (deployment.deleted_at, deployment.program.deleted_at) == (NOON, None)
    assert deployment.closed_because(NOON) == "deleted"


def test_a_users_key_activity_and_rights_can_change(world: World) -> None:
    user_id = world.user.id
    world.write(lambda tx: tx.set_user_key(user_id, b"new"))
    world.write(lambda tx: tx.set_user_active(user_id, active=False))
    world.write(lambda tx: tx.grant(user_id, Right.DEPLOY_SURVEY))
    world.write(lambda tx: tx.grant(user_id, Right.DEPLOY_SURVEY))
    user = world.read(lambda tx: tx.user_by_email("ann@example.org"))
    assert user is not None
    assert (user.key_hash, user.is_active, user.rights) == (
        b"new",
        False,
        frozenset({Right.DEPLOY_SURVEY}),
    )


def test_an_account_may_be_granted_pci_calls(world: World) -> None:
    account = world.user.account_id
    assert world.user.pci_granted is False
    world.write(lambda tx: tx.set_pci_granted(account, granted=True))
    user = world.read(lambda tx: tx.user_by_email("ann@example.org"))
    assert user is not None
    assert user.pci_granted is True


def test_an_account_is_found_by_its_name_which_is_unique(world: World) -> None:
    assert world.write(lambda tx: tx.account_by_name("main")) == AccountId(1)
    assert world.write(lambda tx: tx.account_by_name("none")) is None
    with pytest.raises(ValueError, match="UNIQUE"):
        world.write(lambda tx: tx.add_account("main", NOON))


def test_changing_what_is_not_there_is_an_error(world: World) -> None:
    with pytest.raises(ValueError, match="no such row"):
        world.write(lambda tx: tx.set_user_key(UserId(99), b"x"))
    with pytest.raises(ValueError, match="no program"):
        world.write(lambda tx: tx.program_script(ProgramId(99)))
    with pytest.raises(ValueError, match="no such row"):
        world.write(lambda tx: tx.set_program_script(ProgramId(99), "{}"))


def test_a_program_is_found_under_its_own_product_only(world: World) -> None:
    program_id = ProgramId(1)
    program = world.read(lambda tx: tx.program(program_id, Product.FUSE))
    assert program is not None
    assert (program.name, program.owner_id, program.account_id) == (
        "reminder",
        world.user.id,
        world.user.account_id,
    )
    assert (program.created_at, program.deleted_at, program.metadatabase) == (NOON, None, None)
    assert world.read(lambda tx: tx.program(program_id, Product.INSIGHT)) is None
    assert world.read(lambda tx: tx.program(ProgramId(HUGE), Product.FUSE)) is None


def test_a_survey_may_have_a_metadatabase_even_an_empty_one(world: World) -> None:
    def add(tx: WriteTx, columns: list[str] | None) -> ProgramId:
        of = None
        if columns is not None:
            name = f"people {len(columns)}"
            of = tx.add_metadatabase(world.user.account_id, name, columns, NOON)
        return tx.add_program(
            Product.INSIGHT, world.user, "poll", metadatabase=of, script="{}", now=NOON
        )

    for columns in (["plan", "città"], [], None):
        world.write(lambda tx, columns=columns: add(tx, columns))
    surveys = world.read(lambda tx: tx.programs(Product.INSIGHT))
    assert [survey.metadatabase for survey in surveys] == [("plan", "città"), (), None]
    assert len(world.read(lambda tx: tx.programs(Product.FUSE))) == 1


def test_a_programs_script_can_be_replaced(world: World) -> None:
    world.write(lambda tx: tx.set_program_script(ProgramId(1), '{"v": 2}'))
    assert world.write(lambda tx: tx.program_script(ProgramId(1))) == '{"v": 2}'
    deployed = world.read(lambda tx: tx.deployment(world.deployment))
    assert deployed is not None
    assert deployed.script == '{"v": 1}'


def test_a_deployment_keeps_what_it_was_given(world: World) -> None:
    def add(tx: WriteTx) -> DeploymentId:
        return tx.add_deployment(
            ProgramId(1),
            label="second",
            script="{}",
            variables={"a": "b"},
            caller_id="123",
            trunk="",
            expires_at=after(60),
            max_responses=5,
            now=after(1),
        )

    second = world.write(add)
    deployment = world.read(lambda tx: tx.deployment(second))
    assert deployment is not None
    assert deployment.program.id == ProgramId(1)
    assert (deployment.label, deployment.script, deployment.variables) == (
        "second",
        "{}",
        {"a": "b"},
    )
    assert (deployment.caller_id, deployment.trunk, deployment.created_at) == ("123", "", after(1))
    assert (deployment.expires_at, deployment.max_responses, deployment.responses) == (
        after(60),
        5,
        0,
    )
    both = world.read(lambda tx: tx.deployments(ProgramId(1)))
    assert [(one.id, one.is_current) for one in both] == [
        (world.deployment, False),
        (second, True),
    ]


def test_an_id_that_no_database_holds_finds_nothing(world: World) -> None:
    assert world.read(lambda tx: tx.deployment(DeploymentId(HUGE))) is None
    assert world.read(lambda tx: tx.deployment(DeploymentId(-1))) is None


def test_deleting_a_program_marks_it_and_its_deployments_once(world: World) -> None:
    world.write(lambda tx: tx.delete_program(ProgramId(1), after(1)))
    world.write(lambda tx: tx.delete_program(ProgramId(1), after(2)))
    deployment = world.read(lambda tx: tx.deployment(world.deployment))
    assert deployment is not None
    assert (deployment.deleted_at, deployment.program.deleted_at) == (after(1), after(1))
    assert len(world.read(lambda tx: tx.programs(Product.FUSE))) == 1


def test_responses_are_counted(world: World) -> None:
    world.write(lambda tx: tx.count_response(world.deployment))
    world.write(lambda tx: tx.count_response(world.deployment))
    deployment = world.read(lambda tx: tx.deployment(world.deployment))
    assert deployment is not None
    assert deployment.responses == 2


def test_a_deployment_keeps_what_it_says_of_retries(world: World) -> None:
    rules = RetryRules(
        waits=(timedelta(minutes=1), timedelta(hours=24)),
        waits_after={Outcome.BUSY: timedelta(minutes=2)},
        never_after=frozenset({Outcome.UNREACHABLE, Outcome.REJECTED}),
    )
    program = world.read(lambda tx: tx.deployment(world.deployment)).program.id  # type: ignore[union-attr]

    def work(tx: WriteTx) -> DeploymentId:
        return tx.add_deployment(
            program,
            label="",
            script="{}",
            variables={},
            caller_id="",
            trunk="",
            expires_at=None,
            max_responses=None,
            now=NOON,
            retry=rules,
        )

    number = world.write(work)
    found = world.read(lambda tx: tx.deployment(number))
    assert found is not None
    assert found.retry == rules
    first, second = world.read(lambda tx: tx.deployments(program))
    assert (first.retry, second.retry) == (NO_RULES, rules)
