"""What the dialects tell of the past: call logs, responses, reports of surveys.

Source: wire contract, section 1 (F5, F6, I5, I7).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from callwright.dialects.fuse.logs import DETAILS_KEPT, encode_call_log, encode_detailed_log
from callwright.dialects.insight.encode import encode_responses
from callwright.dialects.insight.reports import CSV_CONTENT_TYPE, encode_report
from callwright.dialects.lookups import LookUp, read_log_request, read_report_request
from callwright.domain.account import Product
from callwright.domain.ids import ProgramId
from callwright.domain.visit import LoggedVisit, SurveyReport, Visit
from callwright.ports.store import ReadTx
from callwright.service.authenticate import authenticate, refuse_deleted
from callwright.service.find_deployment import find_usable_program
from callwright.service.look_up_visits import look_up_details, look_up_visits, report_survey
from callwright.web.credentials import read_credentials
from callwright.web.dialect_request import (
    Surroundings,
    aim,
    path_id,
    refuse_media_type,
    reply,
)


async def call_log(around: Surroundings, product: Product, request: Request) -> Response:
    """F5: the conversations of the asker's calls."""
    credentials = read_credentials(request)

    def look(tx: ReadTx) -> tuple[Sequence[Visit], int]:
        user = authenticate(tx, *credentials)
        refuse_deleted(user)
        return look_up_visits(tx, user, product, _log_request(around, request))

    visits, total = await around.store.read(look)
    now = around.clock.now()
    return await asyncio.to_thread(
        lambda: reply(product, request, encode_call_log(visits, total, now))
    )


async def detailed_log(around: Surroundings, product: Product, request: Request) -> Response:
    """F6: the same with what happened in each, for as long as that is told."""
    credentials = read_credentials(request)

    def look(tx: ReadTx) -> list[LoggedVisit]:
        user = authenticate(tx, *credentials)
        refuse_deleted(user)
        sought = _log_request(around, request)
        oldest = around.clock.now() - DETAILS_KEPT
        since = oldest if sought.since is None else max(sought.since, oldest)
        return look_up_details(tx, user, product, replace(sought, since=since))

    logged = await around.store.read(look)
    return await asyncio.to_thread(lambda: reply(product, request, encode_detailed_log(logged)))


async def responses(around: Surroundings, product: Product, request: Request) -> Response:
    """I5: how many visits of an instance ran to their end."""
    _, deployment = await aim(around, product, request, to_queue=False)
    refuse_media_type(product, request)
    return reply(product, request, encode_responses(deployment.responses))


async def survey_report(around: Surroundings, product: Product, request: Request) -> Response:
    """I7: the visits of a survey as CSV. A report's id is its survey's."""
    credentials = read_credentials(request)

    def look(tx: ReadTx) -> tuple[SurveyReport, LookUp]:
        user = authenticate(tx, *credentials)
        survey_id = ProgramId(path_id(request, "report_id", missing="report"))
        survey = find_usable_program(tx, user, product, survey_id, missing="report")
        refuse_media_type(product, request)
        sought = read_report_request(request.scope["query_string"])
        return report_survey(tx, survey, sought), sought

    report, sought = await around.store.read(look)
    body, headers = await asyncio.to_thread(
        encode_report, report, offset=sought.offset, limit=sought.limit
    )
    return Response(body, 200, headers, CSV_CONTENT_TYPE)


def _log_request(around: Surroundings, request: Request) -> LookUp:
    return read_log_request(
        request.path_params["start"],
        request.path_params["end"],
        request.scope["query_string"],
        default_country=around.config.numbers.default_country,
    )
