"""F1, F2, I1 and I2: queueing a call, or a list, in a dialect; once if it has a key.

Source: wire contract, sections 1 to 5.
"""

import re
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response

from callwright.dialects import by_product
from callwright.dialects.bodies import read_body
from callwright.domain.account import Deployment, Product, User
from callwright.domain.ids import CallId
from callwright.errors import FieldInvalid
from callwright.ports.repeats import KeptRequest
from callwright.ports.store import Lane, ReadTx, WriteTx
from callwright.service.authenticate import authenticate
from callwright.service.fit_window import OnOverflow
from callwright.service.idempotency import KEY_FIELD, Given, answer_once, find_kept
from callwright.service.load_list import QueuedList
from callwright.service.queue_calls import queue_call
from callwright.web.credentials import read_credentials
from callwright.web.dialect_request import (
    Surroundings,
    aim,
    aim_within,
    refuse_media_type,
    reply,
)
from callwright.web.overflow import fit_check, fit_headers
from callwright.web.repeats import answer_of, asked_in_form, kept_answer, key_of, reply_with
from callwright.web.request_body import read_whole_body

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z", re.ASCII)


async def queue(around: Surroundings, product: Product, request: Request) -> Response:
    user, target = await _aim_once(around, product, request)
    refuse_media_type(product, request)
    body = await read_whole_body(request, around.config.limits.form_bytes)
    form = read_body(request.headers.get("content-type"), body)
    asked = asked_in_form(request, user, form)
    if isinstance(target, KeptRequest):
        return reply_with(kept_answer(target, asked))
    dialect = by_product[product]
    now = around.clock.now()
    schedule, contact = dialect.decode_call(
        form,
        now=now,
        default_country=around.config.numbers.default_country,
        deployment=target,
        pci_granted=user.pci_granted,
    )

    fit = fit_check(request, around.pacing, around.clock, field="end_timestamp")
    late = None
    if fit.wish is not OnOverflow.TAKE:
        late = await around.store.read(lambda tx: fit.call(tx, target, schedule))

    def add(tx: WriteTx) -> CallId:
        return queue_call(tx, user, target, schedule, contact, now)

    def told(call_id: CallId) -> Response:
        link = f'<{_origin(around, request)}/api/outbound/{call_id}>; rel="status"'
        headers = {"Link": link, **fit_headers(fit, late)}
        return reply(product, request, dialect.encode_queued(call_id), headers)

    if asked is None:
        response = told(await around.store.write(add, lane=Lane.INTAKE))
    else:
        is_loading = around.lists.loader.is_loading

        def add_once(tx: WriteTx) -> Given:
            return answer_once(tx, asked, now, is_loading, lambda: answer_of(told(add(tx))))

        given = await around.store.write(add_once, lane=Lane.INTAKE)
        response = reply_with(given)
        if given.is_replay:
            return response
    around.on_change()
    around.metrics.calls_queued(product, 1)
    return response


async def bulk_queue(around: Surroundings, product: Product, request: Request) -> Response:
    user, target = await _aim_once(around, product, request)
    refuse_media_type(product, request, bulk=True)
    dialect = by_product[product]

    def told(queued: QueuedList, headers: dict[str, str]) -> Response:
        return reply(product, request, dialect.encode_list_queued(queued.calls), headers)

    given, calls = await around.lists.take(request, user, target, told)
    if not given.is_replay:
        around.on_change()
        around.metrics.calls_queued(product, calls)
    return reply_with(given)


async def _aim_once(
    around: Surroundings, product: Product, request: Request
) -> tuple[User, Deployment | KeptRequest]:
    """Who asks, and for which deployment; or what their idempotency key stands for already:
    what was queued then is told even if the deployment has closed since."""
    if KEY_FIELD not in request.headers:
        return await aim(around, product, request)
    credentials = read_credentials(request)
    now, is_loading = around.clock.now(), around.lists.loader.is_loading

    def look(tx: ReadTx) -> tuple[User, Deployment | KeptRequest]:
        user = authenticate(tx, *credentials)
        with suppress(FieldInvalid):  # told in its turn, after what is wrong with the path
            if (key := key_of(request)) is not None:
                kept = find_kept(tx, user.id, key, now, is_loading)
                if kept is not None:
                    return user, kept
        return aim_within(tx, around, product, request, credentials)

    return await around.store.read(look)


def _origin(around: Surroundings, request: Request) -> str:
    """Scheme and host as the client may call them: the configured ones, else its own."""
    public_url = around.config.server.public_url
    if public_url:
        return public_url
    host = request.headers.get("host", "")
    if not _HOST.match(host):
        host = str(around.config.server.listen)
    return f"{request.scope['scheme']}://{host}"
