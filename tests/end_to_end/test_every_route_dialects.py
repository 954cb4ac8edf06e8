"""Every path of the dialects, asked by everybody in every wrong way: status and body, whole.

A route that the application serves and no row names fails. Bodies of refusals are compared
byte for byte, in JSON and in XML.

Source: wire contract, sections 1 and 2.
"""

from pathlib import Path

import pytest
from dialect_rows import (
    DELETED,
    FORM,
    FUSE,
    INACTIVE,
    INSIGHT,
    MULTIPART,
    ROWS,
    UNAUTHORIZED,
    UNSUPPORTED,
    USER_DELETED,
    Asker,
    Row,
    told,
    with_asker,
)
from native_world import ADMIN, COLLEAGUE, OWNER

from callwright.domain.ids import ProgramId
from callwright.ports.store import WriteTx
from callwright.service import administer
from callwright.web.dialect_routes import ROUTES

every_route = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.route)


def test_every_route_has_a_row() -> None:
    # I3 is F3's path; its shape is that of the call's own product.
    served = {(route.name, route.product, route.method) for route in ROUTES}
    rows = {(row.route, row.product, row.method) for row in ROWS if row.route != "I3"}
    assert rows == served
    for route in ROUTES:
        (row,) = (row for row in ROWS if row.route == route.name)
        assert _shape(row.path) == _shape(route.path)


def _shape(path: str) -> list[str]:
    """The parts of a path that are words."""
    return [part for part in path.split("/") if part and not part.isdigit() and part[0] != "{"]


@every_route
def test_the_owner_an_admin_and_nobody_else(row: Row, tmp_path: Path) -> None:
    async def test(asker: Asker) -> None:
        await asker.succeeds()
        await asker.succeeds(ADMIN)
        if row.forbidden:
            await asker.refused(403, row.forbidden, COLLEAGUE)
        else:
            # What there is, is the asker's own or the account's.
            await asker.succeeds(COLLEAGUE)

    with_asker(tmp_path, row, test)


@every_route
def test_401_no_key_a_wrong_one_and_an_inactive_user(row: Row, tmp_path: Path) -> None:
    # Until a call is known, its path answers as Fuse.
    product = FUSE if row.route == "I3" else row.product

    async def test(asker: Asker) -> None:
        nobody = ("nobody@example.org", OWNER[1])
        for by in (None, (OWNER[0], "wrong key"), nobody, INACTIVE):
            replies = await asker.refused(401, UNAUTHORIZED, by, product=product)
            for reply in replies.values():
                challenge = 'Basic realm="callwright", charset="UTF-8"'
                assert reply.headers["www-authenticate"] == challenge
            # Before what is wrong with the request besides.
            for path in row.nowhere:
                asker.world.clock.advance(3600)  # or the guesses would be slowed down
                await asker.refused(401, UNAUTHORIZED, by, path=path, product=product)
            asker.world.clock.advance(3600)

    with_asker(tmp_path, row, test)


@every_route
def test_404_before_403_before_409(row: Row, tmp_path: Path) -> None:
    async def test(asker: Asker) -> None:
        for path, text in row.nowhere.items():
            for by in (OWNER, COLLEAGUE, DELETED):
                await asker.refused(404, text, by, path=path)
        await asker.refused(409, USER_DELETED, DELETED)
        if not row.deleted:
            return

        def delete(tx: WriteTx) -> None:
            for product, program_id in (
                (FUSE, asker.world.app),
                (INSIGHT, asker.world.survey),
            ):
                program = administer.find_program(tx, product, ProgramId(program_id))
                administer.delete_program(tx, program, asker.world.clock.now())

        await asker.world.store.write(delete)
        await asker.refused(409, row.deleted)
        await asker.refused(409, row.deleted, ADMIN)
        await asker.refused(403, row.forbidden, COLLEAGUE)
        # Before the body is looked at.
        bad = {"headers": {"Content-Type": "text/plain"}, "body": "rubbish"}
        await asker.refused(409, row.deleted, **bad)

    with_asker(tmp_path, row, test)


@every_route
def test_405_before_anything_else(row: Row, tmp_path: Path) -> None:
    product = FUSE if row.route == "I3" else row.product

    async def test(asker: Asker) -> None:
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
            if method == row.method:
                continue
            for by in (OWNER, None):
                text = f"The method {method} is not allowed here."
                replies = await asker.refused(405, text, by, method=method, product=product)
                for reply in replies.values():
                    assert reply.headers["allow"] == row.method

    with_asker(tmp_path, row, test)


@every_route
def test_415_on_insight_alone(row: Row, tmp_path: Path) -> None:
    async def test(asker: Asker) -> None:
        for kind in ("text/plain", "application/json", "application/octet-stream", "text/csv"):
            wrong = {"Content-Type": kind}
            if row.product is INSIGHT:
                await asker.refused(415, UNSUPPORTED, headers=wrong)
                # Before the fields are looked at.
                await asker.refused(415, UNSUPPORTED, headers=wrong, body="rubbish")
            else:
                # The body decides, but for what these two say of it.
                believed = row.method == "POST" and kind in ("application/json", "text/csv")
                for reply in (await asker.ask(headers=wrong)).values():
                    assert reply.status_code == (400 if believed else row.success), reply.text
        # What is no body at all is of any type.
        for kind in FORM["Content-Type"], "Multipart/Form-Data; boundary=b":
            if row.method != "POST":
                await asker.succeeds(headers={"Content-Type": kind})

    with_asker(tmp_path, row, test)


@every_route
def test_400_comes_last(row: Row, tmp_path: Path) -> None:
    """Whoever may ask learns what is wrong with a request that brings rubbish."""

    async def test(asker: Asker) -> None:
        if row.method == "POST":
            for body in ("", "rubbish", "phone_number=911&csv=x&metadatabase="):
                for xml, reply in (await asker.ask(body=body, headers=FORM)).items():
                    assert reply.status_code == 400, (xml, body, reply.text)
                    assert told(row.product, "|", xml=xml).split(b"|")[0] in reply.content
        elif row.route in ("F5", "F6", "I7"):
            for reply in (await asker.ask(path=f"{row.path}?limit=0")).values():
                assert reply.status_code == 400
        assert await asker.world.waiting() == 2

    with_asker(tmp_path, row, test)


@pytest.mark.parametrize("row", [row for row in ROWS if row.body], ids=lambda row: row.route)
def test_403_the_secure_environment_without_the_accounts_grant(row: Row, tmp_path: Path) -> None:
    async def test(asker: Asker) -> None:
        for flag in ("0", "1", "2"):
            body = _with_flag(row, flag)
            if row.product is INSIGHT or flag == "0":
                await asker.succeeds(body=body)
            elif flag == "1":
                text = "is_pci: the account has no access to the secure environment."
                await asker.refused(403, text, body=body)
                # Before any field that is wrong.
                await asker.refused(403, text, body="is_pci=1&max_attempts=x", headers=FORM)
            else:
                await asker.refused(400, "is_pci: must be 0 or 1", body=body)
        await asker.world.store.write(lambda tx: administer.grant_pci(tx, OWNER[0]))
        await asker.succeeds(body=_with_flag(row, "1"))

    with_asker(tmp_path, row, test)


def _with_flag(row: Row, flag: str) -> str:
    if row.headers is MULTIPART:
        part = f'--b\r\nContent-Disposition: form-data; name="is_pci"\r\n\r\n{flag}\r\n'
        return part + row.body
    return f"{row.body}&is_pci={flag}"
