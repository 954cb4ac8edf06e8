"""A run in which a server under load is killed at random moments and started again.

A client submits calls without a break, single ones and lists, through every kill; SIPp is
the trunk; a sink takes the results. What all of them saw goes to `crash_oracle`.
"""

import http.client
import math
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

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
RECOVERS_EVERY = 10
RECOVERS_IN_S = 6.0
"""A leg whose end only a dead server knew is listened to for 4.5 s. Were no life as long, the
legs of all of them would be asked about at every start."""
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
    early_share: float = 0.0
    """How many of the kills hit a server that has not come up yet; never two in a row."""
    longest_s: float = math.inf
    """After so long nobody is killed any more, and no more calls are submitted."""
    settle_s: float = 60.0
    """How long the calls may take to come to their ends after the last kill."""

    @property
    def pause_s(self) -> float:
        """Between two requests, so that they last for all the lives together."""
        requests = self.calls * 4 / (3 + LIST_LENGTH)
        lives = self.kills * (1 - self.early_share)
        return lives * self.longest_life_s / 2 / requests


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
        killer = Killer(server, plan, chance)
        try:
            for _ in range(plan.kills):
                if time.monotonic() > started_at + plan.longest_s:
                    client.stopped = True
                    break
                killer.kill()
                say(f"{killer.said}; {client.acknowledged} acknowledged")
            killer.wait_until_ready()
            client.pause_s = 0.0
            wait_for(
                "all submissions",
                lambda: client.stopped or client.acknowledged >= plan.calls,
                within_s=plan.settle_s,
            )
        finally:
            client.stopped = True
            thread.join()
        say(f"{client.acknowledged} calls acknowledged; waiting for their ends")
        _settle(client, sipp, plan)
        # Before the calls: were some still under way, their results would be of none that is known.
        delivered = sink.delivered()
        evidence = Evidence(
            submissions=client.submissions,
            kills=killer.kills,
            calls=sipp.calls(),
            delivered=delivered,
            max_attempts=plan.max_attempts,
            wait_s=plan.wait_s,
        )
        verdict = judge(evidence)
        verdict.figures |= {
            "kills_while_starting": len(killer.kills) - len(killer.starts_s),
            "start_median_s": round(median(killer.starts_s), 2),
            "start_longest_s": round(max(killer.starts_s), 2),
            "seed": plan.seed,
            "took_s": round(time.monotonic() - started_at, 1),
        }
        return verdict


@dataclass
class Killer:
    """Lets a server live for a while, kills it, and starts it again at once."""

    server: ServerUnderTest
    plan: Plan
    chance: random.Random
    kills: list[Kill] = field(default_factory=list)
    starts_s: list[float] = field(default_factory=list)
    """How long each start took that came to its end."""
    said: str = ""
    """Of the last kill."""
    _was_early: bool = False

    def kill(self) -> None:
        """One life, one death, and the next start."""
        is_early = bool(self.starts_s) and self.chance.random() < self.plan.early_share
        part, lines_too = self.chance.random(), self.chance.random() < self.plan.lines_too_share
        self._was_early = is_early and not self._was_early
        if self._was_early:
            life_s = part * median(self.starts_s)
        else:
            self.wait_until_ready()
            life_s = part * self.plan.longest_life_s
            if len(self.kills) % RECOVERS_EVERY == RECOVERS_EVERY - 1:
                life_s += RECOVERS_IN_S
        time.sleep(life_s)
        self.kills.append(Kill(at=time.time(), lines_too=lines_too))
        self.server.kill(lines_too=lines_too)
        self.said = (
            f"kill {len(self.kills)}/{self.plan.kills} {life_s:.2f} s after it was "
            f"{'started' if self._was_early else 'ready'}{' with its line' if lines_too else ''}"
        )
        self.server.launch()

    def wait_until_ready(self) -> None:
        """Until the start after the last kill has come to its end."""
        if not self.kills:
            return
        self.server.wait_until_ready()
        self.starts_s.append(self.server.start_took_s)
        up_at = time.time()
        self.kills = [
            kill if kill.up_again_at is not None else replace(kill, up_again_at=up_at)
            for kill in self.kills
        ]


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
