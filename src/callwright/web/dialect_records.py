"""Records pushed into metadatabases.

The name of the metadatabase stands in the body, so that here the media type (415) comes
before what it names (404).

Source: wire contract, section 1 (I6).
"""

from starlette.requests import Request
from starlette.responses import Response

from callwright.dialects.bodies import read_body
from callwright.dialects.insight.encode import encode_pushed
from callwright.dialects.insight.records import read_metadatabase_name, read_record
from callwright.domain.account import Metadatabase, Product, User
from callwright.ports.store import Lane, ReadTx
from callwright.service.authenticate import authenticate, refuse_deleted
from callwright.service.metadatabases import find_metadatabase, push_record
from callwright.web.credentials import read_credentials
from callwright.web.dialect_request import Surroundings, refuse_media_type, reply
from callwright.web.request_body import read_whole_body


async def push(around: Surroundings, product: Product, request: Request) -> Response:
    """I6: add a record to a metadatabase of the asker's account."""
    credentials = read_credentials(request)

    def sign_in(tx: ReadTx) -> User:
        user = authenticate(tx, *credentials)
        refuse_deleted(user)
        return user

    user = await around.store.read(sign_in)
    refuse_media_type(product, request)
    body = await read_whole_body(request, around.config.limits.form_bytes)
    form = read_body(request.headers.get("content-type"), body)
    name = read_metadatabase_name(form)

    def find(tx: ReadTx) -> Metadatabase:
        return find_metadatabase(tx, user, name)

    metadatabase = await around.store.read(find)
    record = read_record(form)
    now = around.clock.now()
    await around.store.write(
        lambda tx: push_record(tx, user, metadatabase, record, now), lane=Lane.INTAKE
    )
    return reply(product, request, encode_pushed())
