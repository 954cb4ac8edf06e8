"""Accounts, users, programs and deployments."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from callwright.domain.account import Deployment, Product, Program, Right, User
from callwright.domain.ids import AccountId, DeploymentId, MetadatabaseId, ProgramId, UserId
from callwright.domain.retry import NO_RULES, RetryRules
from callwright.store.sqlite.retry_rules import retry_rules_of, retry_rules_text
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import (
    Row,
    json_mapping,
    json_texts,
    to_json,
    to_micros,
    to_micros_or_none,
    to_time,
    to_time_or_none,
)


class AccountQuestions(Session):
    """Who may ask, and what is deployed."""

    def user_by_email(self, email: str) -> User | None:
        row = self._find("user_by_email", email_key=email.casefold())
        return None if row is None else _user(row)

    def users(self) -> Sequence[User]:
        return [_user(row) for row in self._rows("users")]

    def account_by_name(self, name: str) -> AccountId | None:
        account = self._number_or_none("account_by_name", name=name)
        return None if account is None else AccountId(account)

    def program(self, program_id: ProgramId, product: Product) -> Program | None:
        row = self._find("program", program=program_id, product=product.value)
        return None if row is None else _program(row)

    def programs(self, product: Product) -> Sequence[Program]:
        return [_program(row) for row in self._rows("programs", product=product.value)]

    def program_script(self, program_id: ProgramId) -> str:
        row = self._find("program_script", program=program_id)
        if row is None:
            raise ValueError(f"no program {program_id}")
        return str(row[0])

    def deployment(self, deployment_id: DeploymentId) -> Deployment | None:
        row = self._find("deployment", deployment=deployment_id)
        return None if row is None else _deployment(row)

    def deployments(self, program_id: ProgramId) -> Sequence[Deployment]:
        return [_deployment(row) for row in self._find_all("deployments", program=program_id)]


class AccountChanges(AccountQuestions):
    """What the command line and the console change about them."""

    def add_account(self, name: str, now: datetime) -> AccountId:
        return AccountId(self._number("add_account", name=name, now=to_micros(now)))

    def set_pci_granted(self, account_id: AccountId, *, granted: bool) -> None:
        self._change_one("set_pci_granted", account=account_id, granted=granted)

    def add_user(
        self, account_id: AccountId, email: str, key_hash: bytes, *, is_admin: bool, now: datetime
    ) -> UserId | None:
        row = self._row(
            "add_user",
            account=account_id,
            email=email,
            email_key=email.casefold(),
            key_hash=key_hash,
            is_admin=is_admin,
            now=to_micros(now),
        )
        return None if row is None else UserId(row[0])

    def set_user_key(self, user_id: UserId, key_hash: bytes) -> None:
        self._change_one("set_user_key", user=user_id, key_hash=key_hash)

    def set_user_active(self, user_id: UserId, *, active: bool) -> None:
        self._change_one("set_user_active", user=user_id, active=active)

    def delete_user(self, user_id: UserId, now: datetime) -> None:
        self._change("delete_user", user=user_id, now=to_micros(now))

    def grant(self, user_id: UserId, right: Right) -> None:
        self._change("grant_right", user=user_id, name=right.value)

    def add_program(
        self,
        product: Product,
        owner: User,
        name: str,
        *,
        metadatabase: MetadatabaseId | None,
        script: str,
        now: datetime,
    ) -> ProgramId:
        number = self._number(
            "add_program",
            product=product.value,
            account=owner.account_id,
            owner=owner.id,
            name=name,
            metadatabase=metadatabase,
            script=script,
            now=to_micros(now),
        )
        return ProgramId(number)

    def set_program_script(self, program_id: ProgramId, script: str) -> None:
        self._change_one("set_program_script", program=program_id, script=script)

    def delete_program(self, program_id: ProgramId, now: datetime) -> None:
        self._change("delete_program", program=program_id, now=to_micros(now))
        self._change("delete_deployments", program=program_id, now=to_micros(now))

    def delete_deployment(self, deployment_id: DeploymentId, now: datetime) -> None:
        self._change("delete_deployment", deployment=deployment_id, now=to_micros(now))

    def add_deployment(
        self,
        program_id: ProgramId,
        *,
        label: str,
        script: str,
        variables: Mapping[str, str],
        caller_id: str,
        trunk: str,
        expires_at: datetime | None,
        max_responses: int | None,
        now: datetime,
        retry: RetryRules = NO_RULES,
    ) -> DeploymentId:
        number = self._number(
            "add_deployment",
            program=program_id,
            label=label,
            script=script,
            variables=to_json(variables),
            caller_id=caller_id,
            trunk=trunk,
            expires_at=to_micros_or_none(expires_at),
            max_responses=max_responses,
            retry_rules=retry_rules_text(retry),
            now=to_micros(now),
        )
        return DeploymentId(number)

    def count_response(self, deployment_id: DeploymentId, count: int = 1) -> None:
        self._change_one("count_response", deployment=deployment_id, count=count)


def _user(row: Row) -> User:
    id_, account, email, key_hash, is_admin, is_active, deleted_at, account_active, pci, rights = (
        row
    )
    return User(
        id=UserId(id_),
        account_id=AccountId(account),
        email=email,
        key_hash=key_hash,
        is_admin=bool(is_admin),
        is_active=bool(is_active),
        deleted_at=to_time_or_none(deleted_at),
        account_is_active=bool(account_active),
        pci_granted=bool(pci),
        rights=frozenset(Right(name) for name in json_texts(rights)),
    )


def _program(row: Row) -> Program:
    id_, product, account, owner, name, created_at, deleted_at, columns = row
    return Program(
        id=ProgramId(id_),
        product=Product(product),
        account_id=AccountId(account),
        owner_id=UserId(owner),
        name=name,
        created_at=to_time(created_at),
        deleted_at=to_time_or_none(deleted_at),
        metadatabase=None if columns is None else json_texts(columns),
    )


# Kept by its columns: every attempt asks for the deployment it is about to dial on.
@lru_cache(maxsize=32)
def _deployment(row: Row) -> Deployment:
    id_, label, script, variables, caller_id, trunk, created_at, expires_at, most, responses = row[
        :10
    ]
    return Deployment(
        id=DeploymentId(id_),
        program=_program(row[13:]),
        label=label,
        script=script,
        variables={name: str(value) for name, value in json_mapping(variables).items()},
        caller_id=caller_id,
        trunk=trunk,
        created_at=to_time(created_at),
        expires_at=to_time_or_none(expires_at),
        max_responses=most,
        responses=responses,
        deleted_at=to_time_or_none(row[10]),
        is_current=bool(row[11]),
        retry=retry_rules_of(row[12]),
    )
