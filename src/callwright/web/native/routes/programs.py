"""`/v1/apps` and `/v1/surveys`: add, see, deploy, delete."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter
from starlette.responses import Response

from callwright.domain import account
from callwright.domain.account import Product
from callwright.domain.ids import DeploymentId, ProgramId
from callwright.errors import FieldInvalid
from callwright.ports.store import ReadTx, WriteTx
from callwright.service import administer
from callwright.service.find_owned import (
    find_own_program,
    find_program,
    may_see_program,
    see_deployment,
)
from callwright.service.metadatabases import find_metadatabase
from callwright.service.read_script import read_script
from callwright.web.native.desk import Desk, Maker, Reader, answer
from callwright.web.native.models.lists import Page, cut_page
from callwright.web.native.models.programs import (
    Deployment,
    DeploymentOrder,
    Program,
    ProgramOrder,
    ScriptOrder,
    deployment_of,
    program_of,
)
from callwright.web.native.wire import PREFIX, Cursor, Limit, PathId, read_cursor

router = APIRouter(prefix=PREFIX)


def _add_routes(product: Product, path: str, tag: str, word: str) -> None:
    """The same routes for both products."""
    one = f"{path}/{{program_id}}"

    @router.get(path, response_model=Page[Program], tags=[tag], summary=f"Look through {word}s")
    async def look_through(desk: Reader, limit: Limit = 100, cursor: Cursor = None) -> Response:
        """Those you may use; newest first, deleted ones too."""
        below = read_cursor(path, cursor)

        def look(tx: ReadTx) -> list[Program]:
            return [
                _describe(tx, program)
                for program in tx.programs(product)
                if may_see_program(desk.user, program)
            ]

        return desk.show(cut_page(Page[Program], await desk.read(look), path, below, limit))

    @router.post(path, status_code=201, response_model=Program, tags=[tag], summary=f"Add: {word}")
    async def add(order: ProgramOrder, desk: Maker) -> Response:
        """Yours from then on. It can be called once it is deployed."""
        script = await asyncio.to_thread(read_script, order.script, product)
        now = desk.now

        if order.metadatabase is not None and product is not Product.INSIGHT:
            raise FieldInvalid("metadatabase", "is for surveys alone")

        def work(tx: WriteTx) -> Program:
            metadatabase = None
            if order.metadatabase is not None:
                metadatabase = find_metadatabase(tx, desk.user, order.metadatabase)
            number = administer.add_program(
                tx,
                product,
                desk.user,
                order.name or script.name,
                script,
                metadatabase=metadatabase,
                now=now,
            )
            return _describe(tx, find_program(tx, desk.user, product, number))

        value = await desk.write(work)
        return answer(value, 201, {"Location": f"/v1{path}/{value.id}"})

    @router.get(one, response_model=Program, tags=[tag], summary=f"Show: {word}")
    async def show(program_id: PathId, desk: Reader) -> Response:
        def look(tx: ReadTx) -> Program:
            return _describe(tx, find_program(tx, desk.user, product, ProgramId(program_id)))

        return desk.show(await desk.read(look))

    @router.put(
        f"{one}/script", response_model=Program, tags=[tag], summary=f"Replace the script: {word}"
    )
    async def replace_script(program_id: PathId, order: ScriptOrder, desk: Maker) -> Response:
        """The next deployment takes it; earlier ones keep theirs."""
        script = await asyncio.to_thread(read_script, order.script, product)

        def change(tx: WriteTx, program: account.Program) -> None:
            administer.replace_script(tx, program, script)

        return await _change(desk, product, program_id, change)

    @router.delete(one, response_model=Program, tags=[tag], summary=f"Delete: {word}")
    async def delete(program_id: PathId, desk: Maker) -> Response:
        """Nothing more can be queued on it, and what waits is rejected when its turn comes."""
        now = desk.now

        def change(tx: WriteTx, program: account.Program) -> None:
            administer.delete_program(tx, program, now)

        return await _change(desk, product, program_id, change)

    @router.post(
        f"{one}/deployments",
        status_code=201,
        response_model=Deployment,
        tags=[tag],
        summary=f"Deploy: {word}",
    )
    async def deploy(program_id: PathId, order: DeploymentOrder, desk: Maker) -> Response:
        """Make what the script is now callable, under an id of its own."""
        now = desk.now
        administer.check_trunk(order.trunk, desk.parts.config.trunks_in_use)
        wish = administer.DeploymentOrder(
            label=order.label,
            variables=order.variables,
            caller_id=order.caller_id,
            trunk=order.trunk,
            expires_at=order.expires_at,
            max_responses=order.max_responses,
            retry=order.retry.rules(),
        )

        def work(tx: WriteTx) -> Deployment:
            find_own_program(tx, desk.user, product, ProgramId(program_id))
            program = administer.find_program(tx, product, ProgramId(program_id))
            number = administer.deploy(tx, program, wish, now)
            return _describe_deployment(tx, desk, number)

        value = await desk.write(work)
        return answer(value, 201, {"Location": f"/v1/deployments/{value.id}"})


async def _change(
    desk: Desk,
    product: Product,
    program_id: int,
    change: Callable[[WriteTx, account.Program], None],
) -> Response:
    """Change a program that is the asker's to change and not deleted."""

    def work(tx: WriteTx) -> Program:
        find_own_program(tx, desk.user, product, ProgramId(program_id))
        change(tx, administer.find_program(tx, product, ProgramId(program_id)))
        return _describe(tx, find_program(tx, desk.user, product, ProgramId(program_id)))

    return answer(await desk.write(work))


def _describe(tx: ReadTx, program: account.Program) -> Program:
    return program_of(program, administer.current_deployment(tx, program))


def _describe_deployment(tx: ReadTx, desk: Desk, number: DeploymentId) -> Deployment:
    return deployment_of(see_deployment(tx, desk.user, number), tx.deployment_paused_at(number))


_add_routes(Product.FUSE, "/apps", "Applications", "application")
_add_routes(Product.INSIGHT, "/surveys", "Surveys", "survey")
