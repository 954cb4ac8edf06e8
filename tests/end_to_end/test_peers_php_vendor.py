"""The vendor's own PHP programs, taken from its documents, run against a whole server.

The documents lie beside the repository or nowhere; of the programs nothing is changed but
URL, credentials, and the names of numbers and files.
"""

import json
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from php_world import ANSWERED, World, php_world

from callwright.testing.peers.details import Expected, event_times, fuse_bytes
from callwright.testing.peers.php import Dumped, adapted, extract_php, run_sample
from callwright.testing.programs import require

SOURCES = Path(__file__).parents[3] / "shared" / "sources"
LATE_S = 57
"""The vendor's lists start in a minute; a clock so slow makes that three seconds."""

DOCUMENTS = sorted(SOURCES.glob("*.txt"))
PROGRAMS = {
    document.stem: program
    for document in DOCUMENTS
    if (program := extract_php(document.read_text("utf-8", "replace"))) is not None
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with php_world(tmp_path_factory.mktemp("php")) as world:
        yield world


# Made only where there are documents: a clone that stands alone has ours, and nothing to skip.
if PROGRAMS:
    require("php")
    require("sipp")

    @pytest.mark.parametrize("document", PROGRAMS)
    def test_the_vendors_own_program_runs_with_url_and_credentials_changed(
        world: World, document: str
    ) -> None:
        program = PROGRAMS[document]
        index = list(PROGRAMS).index(document)
        numbers = [f"617555030{index}", f"617555031{index}"]
        run = _fuse_list if "fuse.plumvoice.com" in program else partial(_insight, index=index)
        run(world, document, program, numbers)

    def test_there_is_a_program_of_each_product() -> None:
        text = "\n".join(PROGRAMS.values())
        assert "https://fuse.plumvoice.com" in text
        assert "https://insight.plumvoice.com" in text


def _run(world: World, document: str, program: str, changes: dict[str, str]) -> Dumped:
    file = world.folder / f"{document}.php"
    file.write_text(adapted(program, changes), encoding="utf-8")
    return run_sample(file, late_s=LATE_S if "strtotime" in program else 0)


def _fuse_list(world: World, document: str, program: str, numbers: list[str]) -> None:
    _, application, deployment = world.application.split("/")
    first, second = numbers
    csv = f"destination,first_name\n{first},Ana\n{second};ani=2125551234;postd=5,Bo\n"
    queued_at = int(time.time())
    told = _run(
        world,
        document,
        program,
        {
            "https://fuse.plumvoice.com": world.server.url,
            "<your_email_address>": world.server.user,
            "<your_developer_key>": world.server.key,
            "<your_application_id>": application,
            "<your_deployment_id>": deployment,
            "/path/to/csv/file.csv": str(world.csv(f"{document}.csv", csv)),
        },
    )
    assert (told.status, told.reply) == (200, b'{"calls_queued":2}')
    legs = [world.leg(f"+1{number}") for number in numbers]
    assert legs[1].invites[0].from_user == "+12125551234"
    assert [world.digits(leg) for leg in legs] == ["", "5"]
    for leg, sent in zip(legs, (first, f"{second};ani=2125551234;postd=5"), strict=True):
        status = world.finished(leg.attempt[0])
        seen = status.json()["call_details"]
        expected = fuse_bytes(
            Expected(
                number=sent,
                status="completed",
                events=ANSWERED,
                start=seen["start_timestamp"],
                end=seen["end_timestamp"],
            ),
            seen,
        )
        assert status.body == b'{"call_details":' + expected + b"}"
        starts_at, ends_at = int(seen["start_timestamp"]), int(seen["end_timestamp"])
        assert 60 - LATE_S - 1 <= starts_at - queued_at <= 60 - LATE_S + 3
        assert ends_at - starts_at == 3540
        assert leg.invites[0].at >= starts_at
        assert event_times(expected)[1][1] >= starts_at


def _insight(world: World, document: str, program: str, numbers: list[str], index: int) -> None:
    _, survey, instance = world.survey.split("/")
    changes = {
        "https://insight.plumvoice.com": world.server.url,
        "{survey_id}": survey,
        "{instance_id}": instance,
        "you@yourdomain.com": world.server.user,
        "your_developer_key": world.server.key,
    }
    if "bulk_queue" not in program:
        number = f"tel:1{numbers[0]};ani=2125551234;postd=5"
        told = _run(world, document, program, {**changes, "desintation_phone_number": number})
        _, _, body = told.reply.partition(b"\r\n\r\n")
        call_id = json.loads(body)["call_id"]
        assert (told.status, body) == (200, b'{"success":true,"call_id":%d}' % call_id)
        leg = world.leg(f"+1{numbers[0]}")
        assert leg.attempt == (call_id, 1)
        assert leg.invites[0].from_user == "+12125551234"
        assert world.digits(leg) == "5"
        return
    file = world.csv(f"{document}.csv", f"phone_number\n{numbers[0]}\n{numbers[1]}\n")
    told = _run(world, document, program, {**changes, "/path/to/csv/on/your/pc.csv": str(file)})
    assert told.status == 400
    assert "curl_file_create" in json.loads(told.reply)["error"]
    # With the cure that the answer names, and nothing else changed, it works.
    cured = adapted(program, {"'@/path/to/csv/on/your/pc.csv'": f"curl_file_create('{file}')"})
    told = _run(world, f"{document}-cured", cured, changes)
    assert (told.status, told.reply) == (200, b'{"success":true}')
    for number in numbers:
        world.leg(f"+1{number}")
