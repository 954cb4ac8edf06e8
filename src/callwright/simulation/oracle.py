"""Whether a simulated server kept its promises, by others' logs alone.

The witnesses are the network, the sink and the client; the server's own words are heard only
where it complains of itself. Every fault is one line that names the promise. The rules I1 to
I10 are those of docs/promises.md.
"""

import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from itertools import pairwise

from callwright.domain.outcome import Outcome
from callwright.domain.retry import MAX_GIVEN_BACK, QUARANTINED_BY_DEATHS
from callwright.simulation.carrier import CarrierLeg
from callwright.simulation.client import Asked
from callwright.simulation.sink import Post
from callwright.simulation.world import World

FINAL = frozenset({"completed", "failed", "canceled", "rejected"})
MOST_TRIES = 10
TOLD_WITHIN_S = 60.0
ORPHANS_WITHIN_S = 10.0
HEARD_WITHIN_S = 5.0
"""A server that lives so long after an answer has written it down, unless its disk failed."""

OBEYED_WITHIN_S = 1.0
"""So long after an opt-out is on disk an INVITE may still leave that was on its way."""


def judge(world: World, *, often_called: bool = False) -> list[str]:
    """Every broken promise of a world that has run; only those that can be told apart where
    the same number stands in several requests (`often_called`)."""
    evidence = _Evidence(world)
    rules = RULES_OF_CALLS if often_called else RULES
    return [fault for rule in rules for fault in rule(evidence)]


class _Evidence:
    """What the witnesses saw, by number."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked = world.client.asked
        self.legs: dict[str, list[CarrierLeg]] = defaultdict(list)
        for leg in world.carrier.legs:
            self.legs[leg.number].append(leg)
        self.posts: dict[str, list[Post]] = defaultdict(list)
        for post in world.sink.posts:
            self.posts["+1" + json.loads(post.body)["phone_number"]].append(post)
        self.deaths = [life.died_s for life in world.lives if life.died_s is not None]

    def promised(self) -> Iterator[Asked]:
        """What must come to an end: what was acknowledged, or dialled all the same."""
        for asked in self.asked.values():
            if asked.acknowledged_s is not None or asked.number in self.legs:
                yield asked

    def died_between(self, since_s: float, until_s: float) -> float | None:
        """When the server died first in that time."""
        return next((at for at in self.deaths if since_s <= at <= until_s), None)


def _i1_everything_ends(evidence: _Evidence) -> Iterator[str]:
    for asked in evidence.promised():
        posts = evidence.posts.get(asked.number, [])
        if not posts:
            yield f"I1 {asked.number} was accepted at {asked.acknowledged_s} and never ended"
            continue
        if (status := json.loads(posts[0].body)["status"]) not in FINAL:
            yield f"I1 {asked.number} was told as {status}, which is no end"


def _i2_only_what_was_asked(evidence: _Evidence) -> Iterator[str]:
    for number in (evidence.legs.keys() | evidence.posts.keys()) - evidence.asked.keys():
        yield f"I2 {number} was never asked for"


def _i3_each_attempt_once(evidence: _Evidence) -> Iterator[str]:
    seen = Counter(leg.attempt for leg in evidence.world.carrier.legs)
    for (call, attempt), count in seen.items():
        if count > 1:
            yield f"I3 call {call} attempt {attempt} was dialled {count} times"


def _i4_attempts_and_waits(evidence: _Evidence) -> Iterator[str]:
    for number, legs in evidence.legs.items():
        asked = evidence.asked.get(number)
        if asked is None:
            continue
        given_back = sum(leg.burns_no_attempt for leg in legs)
        if given_back > MAX_GIVEN_BACK + asked.submission.max_attempts:
            yield f"I4 {number} met a broken trunk {given_back} times"
        counted = len(legs) - min(given_back, MAX_GIVEN_BACK)
        if counted > asked.submission.max_attempts:
            yield f"I4 {number} was dialled {counted} times, not {asked.submission.max_attempts}"
        for earlier, later in pairwise(legs):
            ended_s = earlier.ended_s or earlier.invited_s
            # A leg that its server left counts as over when it was left; the wait starts later.
            over_s = min(ended_s, earlier.left_s or ended_s)
            wait_s = 0.0 if earlier.burns_no_attempt else asked.submission.wait_s
            # By the server's clock: one that was set forward may shorten the wait.
            waited_s = (later.invited_at - evidence.world.showed_at(over_s)).total_seconds()
            # Who releases a quarantined call has it dialled at once.
            released = any(
                freed == number and over_s <= at_s <= later.invited_s
                for freed, at_s in evidence.world.operator.released
            )
            if waited_s < wait_s - 1.0 and not released:
                yield (
                    f"I4 {number} was dialled at {later.invited_s:.3f}, {waited_s:.3f} s after its "
                    f"last end, not {wait_s}"
                )
            if later.invited_s < ended_s:
                yield f"I4 {number} was dialled while it still rang or talked"


def _i5_only_in_the_window(evidence: _Evidence) -> Iterator[str]:
    for number, legs in evidence.legs.items():
        if number not in evidence.asked:
            continue
        windows = [schedule.window for schedule in evidence.asked[number].schedules]
        for leg in legs:
            if not any(window.is_open(leg.invited_at) for window in windows):
                yield f"I5 {number} was dialled at {leg.invited_at}, outside {windows}"


def _i6_told_until_heard(evidence: _Evidence) -> Iterator[str]:
    for asked in evidence.promised():
        posts = evidence.posts.get(asked.number, [])
        heard = [post for post in posts if post.status == 200]
        if posts and not heard and len(posts) < MOST_TRIES:
            yield f"I6 {asked.number} was told {len(posts)} times, never heard, and given up"
        # A death may come between the answer and the disk; then all begins anew.
        for first in {post.life: post for post in reversed(heard)}.values():
            if any(post.life == first.life and post.at_s > first.at_s for post in posts):
                yield f"I6 {asked.number} was told again after it was heard, without a death"
    for number, posts in evidence.posts.items():
        if len({post.webhook_id for post in posts}) > 1:
            yield f"I6 {number} has more than one webhook-id"


def _i7_ends_never_change(evidence: _Evidence) -> Iterator[str]:
    for number, posts in evidence.posts.items():
        if len({post.body for post in posts}) > 1:
            yield f"I7 {number} has two different results"
        details = json.loads(posts[0].body)
        legs = evidence.legs.get(number, [])
        answered = [leg for leg in legs if leg.answered_s is not None]
        if details["status"] == "completed" and not answered:
            yield f"I7 {number} was told as completed, and never answered"
        counted = len(legs) - sum(leg.burns_no_attempt for leg in legs)
        if int(details["attempts"]) < counted:
            yield f"I7 {number} was dialled {counted} times, and told as {details['attempts']}"
        for leg in answered:
            assert leg.answered_s is not None
            heard_by_s = leg.answered_s + HEARD_WITHIN_S
            unheard = evidence.died_between(leg.invited_s, heard_by_s) is not None or (
                leg.left_s is not None and leg.left_s < heard_by_s
            )
            if not unheard and not evidence.world.setting.faults.store and leg is not legs[-1]:
                yield f"I7 {number} was dialled again though it had been answered"


def _i8_limits(evidence: _Evidence) -> Iterator[str]:
    setting = evidence.world.setting
    recent: deque[CarrierLeg] = deque()
    for leg in evidence.world.carrier.legs:
        while recent and recent[0].invited_s <= leg.invited_s - 1.0:
            recent.popleft()
        recent.append(leg)
        alike = sum(each.life == leg.life for each in recent)
        if alike > setting.calls_per_second + 1:
            yield f"I8 {alike} INVITEs in the second before {leg.invited_s:.3f}"
    for life in range(1, len(evidence.world.lives) + 1):
        changes: list[tuple[float, int]] = []
        for leg in evidence.world.carrier.legs:
            if leg.life == life:
                changes += [(leg.invited_s, 1), (leg.ended_s or leg.invited_s, -1)]
        live = 0
        for at_s, change in sorted(changes):
            live += change
            if live > setting.max_calls:
                yield f"I8 {live} live calls at {at_s:.3f}"
                break


def _i9_canceled_is_canceled(evidence: _Evidence) -> Iterator[str]:
    for canceled in evidence.world.client.canceled:
        if canceled.acknowledged_s is None:
            continue
        for number, legs in evidence.legs.items():
            asked = evidence.asked.get(number)
            if asked is None or (asked.acknowledged_s or float("inf")) > canceled.asked_s:
                continue
            for leg in legs:
                if leg.invited_s > canceled.acknowledged_s + 2.5:
                    yield f"I9 {number} was dialled at {leg.invited_s:.3f} though it was cancelled"


def _i9_opted_out_is_not_called(evidence: _Evidence) -> Iterator[str]:
    """No INVITE later than a second after the opt-out was on disk."""
    world = evidence.world
    # A disk that fails or is slow keeps what was keyed waiting for as long as it likes.
    is_sound = not world.setting.faults.store
    kept = {row[0]: row[1] for row in world.connection.execute("SELECT number, call FROM opt_out")}
    on_disk = {
        each.number: each.acknowledged_s
        for each in world.client.opted_out
        if each.acknowledged_s is not None
    }
    # One that a slow disk had not kept when the server died may be keyed again in the next attempt:
    # which of the two was kept, only the call is known of.
    keyed = Counter(leg.attempt[0] for leg in world.carrier.legs if leg.opted_out_s is not None)
    for leg in world.carrier.legs:
        if leg.opted_out_s is None:
            continue
        heard_by_s = leg.opted_out_s + HEARD_WITHIN_S
        died_s = evidence.died_between(leg.opted_out_s, heard_by_s)
        is_heard = died_s is None and (leg.left_s is None or leg.left_s > heard_by_s)
        if is_sound and is_heard and leg.number not in kept:
            yield f"I9 {leg.number} opted out at {leg.opted_out_s:.3f}, and nobody noted it"
        was_kept = kept.get(leg.number) == leg.attempt[0]
        if was_kept and (is_sound or (died_s is not None and keyed[leg.attempt[0]] == 1)):
            # Noted by the life that heard it, so before that ended.
            by_s = leg.opted_out_s if died_s is None else died_s
            on_disk[leg.number] = min(by_s, on_disk.get(leg.number, by_s))
    for number, at_s in on_disk.items():
        for leg in evidence.legs.get(number, ()):
            if leg.invited_s > at_s + OBEYED_WITHIN_S:
                yield (
                    f"I9 {number} was dialled at {leg.invited_s:.3f} though it had opted out "
                    f"by {at_s:.3f}"
                )


def _i10_the_store_agrees(evidence: _Evidence) -> Iterator[str]:
    connection = evidence.world.connection
    if (state := connection.pragma("integrity_check")) != "ok":
        yield f"I10 the database says of itself: {state}"
    if evidence.world.now_s >= evidence.world.setting.horizon_s:
        yield "I10 the world ended before everything was done"
    left = connection.execute("SELECT count(*) FROM active").get
    if left:
        yield f"I10 {left} calls are still in motion"
    ended = connection.execute("SELECT count(*) FROM ended").get
    acknowledged = sum(asked.acknowledged_s is not None for asked in evidence.asked.values())
    if not acknowledged <= ended <= len(evidence.asked):
        yield f"I10 {ended} calls ended of {acknowledged} acknowledged"


def _i11_nobody_is_left_ringing(evidence: _Evidence) -> Iterator[str]:
    """Every leg that a death left behind ends, or is hung up, soon after the next start."""
    lives = evidence.world.lives
    # Before it knows what is left over, a start waits for the disk a few times.
    slowest_s = max((spell.latency_s for spell in evidence.world.setting.faults.store), default=0.0)
    for life, following in pairwise(lives):
        assert life.died_s is not None
        # A start that dies itself cannot hang up anything.
        until_s = following.began_s + ORPHANS_WITHIN_S + 4 * slowest_s
        if following.died_s is not None and following.died_s < until_s:
            continue
        for leg in evidence.world.carrier.legs:
            if leg.invited_s <= life.died_s and (leg.ended_s or 0.0) > until_s:
                yield f"I11 {leg.number} was left ringing or talking until {leg.ended_s}"


def _i12_no_fault_of_its_own(evidence: _Evidence) -> Iterator[str]:
    for complaint in evidence.world.complaints:
        yield f"I12 the server logged a fault: {complaint}"


def _i13_what_kills_is_set_aside(evidence: _Evidence) -> Iterator[str]:
    """A call in motion in three deaths is not dialled again before a person lets it go."""
    lives = evidence.world.lives
    for number, legs in evidence.legs.items():
        released_s = [at_s for freed, at_s in evidence.world.operator.released if freed == number]
        survived: list[float] = []
        for leg in legs:
            forgiven_s = max((at_s for at_s in released_s if at_s <= leg.invited_s), default=0.0)
            deaths = sum(at_s >= forgiven_s for at_s in survived)
            if deaths >= QUARANTINED_BY_DEATHS:
                yield f"I13 {number} was dialled at {leg.invited_s:.3f} after {deaths} deaths"
            died_s = lives[leg.life - 1].died_s
            if died_s is not None and leg.invited_s <= died_s < (leg.ended_s or 0.0):
                survived.append(died_s)


RULES = (
    _i1_everything_ends,
    _i2_only_what_was_asked,
    _i3_each_attempt_once,
    _i4_attempts_and_waits,
    _i5_only_in_the_window,
    _i6_told_until_heard,
    _i7_ends_never_change,
    _i8_limits,
    _i9_canceled_is_canceled,
    _i9_opted_out_is_not_called,
    _i10_the_store_agrees,
    _i11_nobody_is_left_ringing,
    _i12_no_fault_of_its_own,
    _i13_what_kills_is_set_aside,
)

RULES_OF_CALLS = (
    _i2_only_what_was_asked,
    _i3_each_attempt_once,
    _i8_limits,
    _i9_opted_out_is_not_called,
    _i11_nobody_is_left_ringing,
    _i12_no_fault_of_its_own,
)
"""Those that do not take a number for the name of a call."""


def outcome_counts(world: World) -> dict[str, int]:
    """How many legs met what, by the network's log."""
    counts = Counter(leg.fate.outcome for leg in world.carrier.legs)
    return {outcome.value: counts[outcome] for outcome in Outcome if counts[outcome]}
