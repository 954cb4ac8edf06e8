"""Who answered: how often detection is right, how soon, and what listening costs.

The calls are made on the spot (callwright.testing.greetings): voices, greetings, noise,
levels, pauses, codecs and losses, all from one seed. Detection was tuned on one half; the
other shares no voice and no text with it, and the goals are held against that one. Whoever
tunes looks at `--half tuning` only: a held-out half that was tuned on is worth nothing.

    python bench/amd.py [--calls 1000] [--seed 1] [--half tuning] [--write FILE]

Goals: under 5 % of people called a machine, under 10 % of machines called a person, 95 % of
all verdicts within 3 s of the answer. `--write` puts the tables into a document, between
its two marks. The last line is JSON. Needs espeak-ng.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from callwright.domain.answered_by import AnsweredBy
from callwright.ivr.values import Amd
from callwright.telephony.listening import AnswerHearing, Ears, ScreeningPrompts, SoundEar
from callwright.telephony.rtp.g711 import FRAME_S
from callwright.telephony.rtp.ticker import Member
from callwright.testing.greetings import (
    HELD_OUT,
    TUNING,
    AnsweredCall,
    Half,
    answered_calls,
    screening_recordings,
)

KINDS = ("person", "office", "machine", "screening", "unrecorded", "fax")
PEOPLE = ("person", "office")
BEGIN, END = "<!-- made by `python3 go bench amd` -->", "<!-- end -->"
TOGETHER = 100


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One call and what was said of it; `at_s` from the answer."""

    kind: str
    who: AnsweredBy
    at_s: float


class Beat:
    """Ticks by hand."""

    def __init__(self) -> None:
        self.members: list[Member] = []

    def join(self, member: Member) -> None:
        self.members.append(member)

    def leave(self, member: Member) -> None:
        self.members.remove(member)


def judge(
    calls: Sequence[AnsweredCall], settings: Amd, prompts: ScreeningPrompts
) -> tuple[list[Judged], float, float]:
    """All calls, so many at once; the processor's and the calls' seconds it took."""
    judged: list[Judged] = []
    listened_s = 0.0
    began = time.process_time()
    for start in range(0, len(calls), TOGETHER):
        beat = Beat()
        ears = Ears(beat)
        open_ears: dict[SoundEar, tuple[AnsweredCall, AnswerHearing]] = {}
        for call in calls[start : start + TOGETHER]:
            hearing = AnswerHearing(settings, prompts)
            open_ears[ears.for_sounds(hearing.hear)] = (call, hearing)
        for at in range(len(calls[0].frames)):
            for ear, (call, _) in open_ears.items():
                ear.hear(at * 160, call.frames[at])
            for member in tuple(beat.members):
                member.tick(at)
            for ear, (call, hearing) in tuple(open_ears.items()):
                if hearing.verdict is not None:
                    at_s = (at + 1) * FRAME_S
                    judged.append(Judged(kind=call.kind, who=hearing.verdict.who, at_s=at_s))
                    listened_s += at_s
                    ear.close()
                    del open_ears[ear]
        assert not open_ears, "no verdict within the calls' length"
    return judged, time.process_time() - began, listened_s


def share(judged: Sequence[Judged], kinds: Sequence[str], *who: AnsweredBy) -> float:
    """How many of these kinds were called so."""
    mine = [each for each in judged if each.kind in kinds]
    return sum(each.who in who for each in mine) / max(len(mine), 1)


def table(half: Half, judged: Sequence[Judged]) -> list[str]:
    """The confusion matrix in Markdown."""
    counts = Counter((each.kind, each.who) for each in judged)
    lines = [
        f"{half.name.capitalize()} half, {len(judged)} calls:",
        "",
        "| really | calls | "
        + " | ".join(f"`{who}`" for who in AnsweredBy)
        + " | decided, p50 | p95 |",
        "|---|---|" + "---|" * (len(AnsweredBy) + 2),
    ]
    for kind in KINDS:
        times = [each.at_s for each in judged if each.kind == kind]
        if not times:
            continue
        cells = " | ".join(f"{counts[kind, who] / len(times):.1%}" for who in AnsweredBy)
        p50, p95 = np.percentile(times, [50, 95])
        lines.append(f"| {kind} | {len(times)} | {cells} | {p50:.1f} s | {p95:.1f} s |")
    return [*lines, ""]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000, help="in each half")
    parser.add_argument("--seed", type=int, default=1)
    halves = {half.name: half for half in (TUNING, HELD_OUT)}
    parser.add_argument("--half", choices=halves, help="only this one")
    parser.add_argument("--write", type=Path, help="put the tables into this document")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--cache", type=Path, default=cache / "callwright" / "greetings")
    options = parser.parse_args()
    if not shutil.which("espeak-ng"):
        print("needs espeak-ng: apt-get install espeak-ng", file=sys.stderr)
        return 1
    lines: list[str] = []
    facts: dict[str, object] = {"calls": options.calls, "seed": options.seed}
    met = True
    for half in [halves[options.half]] if options.half else halves.values():
        prompts = ScreeningPrompts(screening_recordings(half, options.cache))
        calls = tuple(answered_calls(half, options.calls, seed=options.seed, folder=options.cache))
        judged, cpu_s, listened_s = judge(calls, Amd(), prompts)
        lines += table(half, judged)
        p95 = float(np.percentile([each.at_s for each in judged], 95))
        missed = share(judged, PEOPLE, AnsweredBy.MACHINE)
        taken = share(judged, ["machine"], AnsweredBy.VOICE)
        doubted = share(judged, ["machine"], AnsweredBy.UNKNOWN)
        screened = share(judged, ["screening"], AnsweredBy.SCREENING)
        facts[half.name] = {
            "people_called_machine": round(missed, 4),
            "machines_called_person": round(taken, 4),
            "machines_unknown": round(doubted, 4),
            "screening_known": round(screened, 4),
            "decided_p95_s": round(p95, 2),
            "cpu_us_a_call_second": round(cpu_s / listened_s * 1e6),
        }
        lines += [
            f"People called a machine: {missed:.1%}. Machines called a person: {taken:.1%}.",
            f"Machines left unknown: {doubted:.1%}. 95 % decided within {p95:.2f} s.",
            "",
        ]
        if half is HELD_OUT:
            met = missed < 0.05 and taken < 0.1 and p95 <= 3.0
    print("\n".join(lines))
    if options.write is not None:
        text = options.write.read_text()
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        made = "\n".join([BEGIN, "", *lines, END])
        options.write.write_text(before + made + after)
    facts["goals_met"] = met
    print(json.dumps(facts))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
