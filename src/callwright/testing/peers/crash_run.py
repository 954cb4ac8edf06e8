"""A run in which a server under load is killed at random moments and started again.

A client submits calls without a break, single ones and lists, through every kill; SIPp is
the trunk; a sink takes the results. What all of them saw goes to `crash_oracle`.
"""

import http.client
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from callwright.testing.peers.crash_oracle import (
    Evidence,
    Kill,
    Submission,
    Verdict,
    judge,
    over_at,
)
from callwright.testing.peers.flows import waits
from callwright.testing.peers.free_ports import free_tcp_port
from callwright.testing.peers.server import PROGRAM, ServerUnderTest, Value, server_folder, trunk
from callwright.testing.peers.sink import CallbackSink, callback_sink
from callwright.testing.peers.sipp import Sipp, running_sipp
from callwright.testing.peers.waiting import wait_for

ENDINGS = ("00", "01", "02", "03", "04", "05", "59", "70", "71", "80", "60", "52")
"""Last digits of those called: seven talk until we hang up, two ring for ever, one hangs up
first, two refuse."""

TALK_S = 1.5
RING_TIMEOUT_S = 3
LIST_LENGTH = 5
AWAY_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How big a run is. The same `seed` chooses the same moments after each start."""

    calls: int
    kills: int
    seed: int
    max_attempts: int = 1
    wait_s: int = 60
    longest_life_s: float = 2.0
    lines_too_share: float = 0.5
    """How many of the kills also hit the lines."""
    settle_s: float = 60.0
    """How long the calls may take to come to their ends after the last kill."""

    @property
    def pause_s(self) -> float:
        """Between two requests, so that they last for all the lives together."""
        requests = self.calls * 4 / (3 + LIST_LENGTH)
        return self.kills * self.longest_life_s / 2 / requests


@dataclass
class Client:
    """Submits calls until enough are acknowledged; writes down what it was told."""

    server: ServerUnderTest
    url: str
    application: str
    sink: CallbackSink
    plan: Plan
    submissions: list[Submission] = field(default_factory=list)
    pause_s: float = 0.0
    """Between two requests."""
    stopped: bool = False

    @property
    def acknowledged(self) -> int:
        return sum(submission.acknowledged for submission in self.submissions)

    def run(self) -> None:
        """Until `plan.calls` are acknowledged, or `stopped`. Every fourth request is a list."""
        requests = 0
        while not self.stopped and self.acknowledged < self.plan.calls:
            count = LIST_LENGTH if requests % 4 == 3 else 1
            first = len(self.submissions)
            numbers = [_number(first + n) for n in range(count)]
            at = time.time()
            try:
                acknowledged = self._submit(numbers)
            except ConnectionRefusedError:
                # Nobody can have taken these on: they are free to be sent again.
                time.sleep(AWAY_S)
                continue
            requests += 1
            self.submissions += [
                Submission(number=f"+1{number}", at=at, acknowledged=acknowledged)
                for number in numbers
            ]
            time.sleep(self.pause_s)

    def _submit(self, numbers: Sequence[str]) -> bool:
        fields: dict[str, object] = {"result_url": self.sink.url()}
        if self.plan.max_attempts > 1:
            fields |= {"max_attempts": self.plan.max_attempts, "reattempt_wait": self.plan.wait_s}
        api = self.server.api_at(self.url)
        try:
            if len(numbers) == 1:
                reply = api.queue(self.application, phone_number=numbers[0], **fields)
            else:
                csv = "\n".join(["destination", *numbers]) + "\n"
                reply = api.queue_list(self.application, csv, **fields)
        except ConnectionRefusedError:
            raise
        except (OSError, http.client.HTTPException):
            return False
        assert reply.status == 200, reply
        return True


def run_and_judge(
    plan: Plan,
    folder: Path,
    scenario: Path,
    *,
    program: Sequence[str] = PROGRAM,
    say: Callable[[str], None] = lambda text: None,
) -> Verdict:
    """Do the whole run; what the oracle found, with the figures.

    Raises:
        AssertionError: the run itself failed (a program did not start, the server refused).
    """
    chance = random.Random(plan.seed)
    started_at = time.monotonic()
    with ExitStack() as stack:
        sink = stack.enter_context(callback_sink())
        sipp = stack.enter_context(
            running_sipp(
                scenario,
                folder,
                keys={"rtp_host": "127.0.0.1", "rtp_port": 9},
                longest_s=600 + 30 * plan.kills,
            )
        )
        listen = f"127.0.0.1:{free_tcp_port()}"
        settings: dict[str, dict[str, Value]] = {
            "server": {"listen": listen},
            "trunks.main": trunk(
                sipp.address,
                calls_per_second=40,
                max_calls=60,
                ring_timeout=f"{RING_TIMEOUT_S}s",
            ),
            "callbacks": {"allow": ["127.0.0.0/8"]},
        }
        server = stack.enter_context(server_folder(folder / "server", settings, program=program))
        application = server.add_application("talks", waits(TALK_S))
        server.start()
        client = Client(server, f"http://{listen}", application, sink, plan)
        client.pause_s = plan.pause_s
        thread = threading.Thread(target=client.run, daemon=True)
        thread.start()
        try:
            kills = [
                _kill(server, client, plan, chance, number, say) for number in range(plan.kills)
            ]
            client.pause_s = 0.0
            wait_for(
                "all submissions", lambda: client.acknowledged >= plan.calls, within_s=plan.settle_s
            )
        finally:
            client.stopped = True
            thread.join()
        say(f"{client.acknowledged} calls acknowledged; waiting for their ends")
        _settle(client, sipp, plan)
        evidence = Evidence(
            submissions=client.submissions,
            kills=kills,
            calls=sipp.calls(),
            delivered=sink.delivered(),
            max_attempts=plan.max_attempts,
            wait_s=plan.wait_s,
        )
        verdict = judge(evidence)
        verdict.figures |= {"seed": plan.seed, "took_s": round(time.monotonic() - started_at, 1)}
        return verdict


def _kill(
    server: ServerUnderTest,
    client: Client,
    plan: Plan,
    chance: random.Random,
    number: int,
    say: Callable[[str], None],
) -> Kill:
    """Let the server live for a while, kill it, and start it again at once."""
    life_s = chance.uniform(0.0, plan.longest_life_s)
    lines_too = chance.random() < plan.lines_too_share
    time.sleep(life_s)
    at = time.time()
    server.kill(lines_too=lines_too)
    say(
        f"kill {number + 1}/{plan.kills} after {life_s:.2f} s"
        f"{' with its line' if lines_too else ''}; {client.acknowledged} acknowledged"
    )
    server.start()
    return Kill(at=at, lines_too=lines_too)


def _settle(client: Client, sipp: Sipp, plan: Plan) -> None:
    """Wait until every call should be over. What is missing then is for the oracle to say."""
    until = time.monotonic() + plan.settle_s
    wanted = {submission.number[2:] for submission in client.submissions if submission.acknowledged}
    while time.monotonic() < until:
        told = {_told_number(callback.body) for callback in client.sink.delivered()}
        if wanted <= told and all(over_at(leg) is not None for leg in sipp.calls()):
            # A second notice for a call would come right after the first.
            time.sleep(1.0)
            return
        time.sleep(0.25)


def _told_number(body: bytes) -> str:
    _, _, rest = body.partition(b'"phone_number":"')
    return rest.partition(b'"')[0].decode("ascii", "replace")


def _number(index: int) -> str:
    return f"617{20_000 + index // len(ENDINGS)}{ENDINGS[index % len(ENDINGS)]}"
