"""Conversations that are over, for those who may see them: call logs and survey reports."""

from collections.abc import Sequence
from functools import lru_cache

from callwright.dialects.lookups import LookUp
from callwright.domain.account import Product, Program, User
from callwright.domain.ids import DeploymentId
from callwright.domain.visit import LoggedVisit, SurveyReport, Visit
from callwright.ivr.script import Ask, parse
from callwright.ivr.values import Question
from callwright.ports.store import ReadTx
from callwright.ports.visits import VisitsSought


def look_up_visits(
    tx: ReadTx, user: User, product: Product, sought: LookUp
) -> tuple[Sequence[Visit], int]:
    """The conversations of the user's own calls, an admin's whole account's; the latest
    first. And how many there are, of all pages together."""
    what = _visible(tx, user, product, sought)
    return tx.visits(what, offset=sought.offset, limit=sought.limit), tx.count_visits(what)


def look_up_details(tx: ReadTx, user: User, product: Product, sought: LookUp) -> list[LoggedVisit]:
    """The same conversations with what ran in them."""
    what = _visible(tx, user, product, sought)
    found = tx.visits(what, offset=sought.offset, limit=sought.limit)
    deployments = {number: tx.deployment(number) for number in {v.deployment_id for v in found}}
    logged = []
    for visit in found:
        deployment = deployments[visit.deployment_id]
        assert deployment is not None  # they are never removed
        logged.append(
            LoggedVisit(
                visit=visit,
                program_name=deployment.program.name,
                label=deployment.label,
                asked=_asked(deployment.script),
            )
        )
    return logged


def report_survey(tx: ReadTx, survey: Program, look_up: LookUp) -> SurveyReport:
    """The visits of a survey, whoever queued them, the latest first.

    The columns are the questions of the latest instance, then those that only earlier ones
    asked.
    """
    questions: dict[str, str] = {}
    choices: dict[tuple[DeploymentId, str], dict[str, str]] = {}
    for deployment in reversed(tx.deployments(survey.id)):
        for question in _questions(deployment.script):
            questions.setdefault(question.id, question.text)
            choices[deployment.id, question.id] = question.choices
    sought = VisitsSought(
        program_ids=[survey.id],
        answered_from=look_up.since,
        answered_before=look_up.before,
    )
    rows = [
        (
            visit,
            {
                keyed.name: choices.get((visit.deployment_id, keyed.name), {}).get(
                    keyed.value, keyed.value
                )
                for keyed in visit.keyed
            },
        )
        for visit in tx.visits(sought, offset=look_up.offset, limit=look_up.limit)
    ]
    return SurveyReport(
        survey_id=survey.id,
        survey_name=survey.name,
        questions=questions,
        rows=rows,
        total=tx.count_visits(sought),
    )


def _visible(tx: ReadTx, user: User, product: Product, sought: LookUp) -> VisitsSought:
    programs = [
        program.id
        for program in tx.programs(product)
        if user.account_id == program.account_id or user.id == program.owner_id
    ]
    return VisitsSought(
        program_ids=programs,
        user_id=None if user.is_admin else user.id,
        number=sought.number,
        answered_from=sought.since,
        answered_before=sought.before,
    )


@lru_cache(maxsize=256)
def _asked(script: str) -> frozenset[str]:
    """The names under which answers of the callee are stored."""
    steps = parse(script).steps.values()
    return frozenset(step.store for step in steps if isinstance(step, Ask))


@lru_cache(maxsize=256)
def _questions(script: str) -> tuple[Question, ...]:
    return parse(script).questions
