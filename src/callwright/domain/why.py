"""Why a call is not being dialled: every rule that holds it, and when each of them lets go.

Pure: callers pass in how everything stands. `RULES` is the table; a rule that makes claiming
pass a call by and has no line in it is a fault (tests/end_to_end/test_runtime_why.py).
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from callwright.domain.lifecycle import CallState
from callwright.domain.limits import LimitKind
from callwright.domain.pace import LimitStanding, seconds_to_start
from callwright.domain.situation import Explanation, Reason, Rule, Situation, When

LINE_STARTS_AGAIN = timedelta(seconds=1)
LOOK_AGAIN = timedelta(seconds=1)
"""Within which the dispatcher does what is left to sort."""


Find = Callable[[Situation], Reason | None]


def _closed(given: Situation) -> Reason | None:
    if given.closed_because is None:
        return None
    text = f"The deployment is closed ({given.closed_because}): the call will end rejected."
    return Reason(rule=Rule.DEPLOYMENT_CLOSED, text=text, when=When.NEVER)


def _opted_out(given: Situation) -> Reason | None:
    if not given.is_opted_out:
        return None
    text = "The number is on the opt-out list: the call will end rejected."
    return Reason(rule=Rule.OPTED_OUT, text=text, when=When.NEVER)


def _not_dialling(given: Situation) -> Reason | None:
    if not given.server.not_dialling_because:
        return None
    text = f"The server dials nobody: {given.server.not_dialling_because}."
    return Reason(rule=Rule.NOT_DIALLING, text=text, when=When.PERSON)


def _held(given: Situation) -> Reason | None:
    if given.server.held_at is None:
        return None
    text = (
        f"The server is held since its start at {_clock(given.server.held_at)}, until an admin "
        f"resumes it: {given.server.held_because}"
    )
    return Reason(rule=Rule.SERVER_HELD, text=text, when=When.PERSON)


def _trunk_unknown(given: Situation) -> Reason | None:
    if given.trunk is not None or given.server.not_dialling_because:
        return None
    text = (
        f"No trunk is called {given.trunk_name!r}: configure it and restart the server, or "
        "queue on a deployment that names another."
    )
    return Reason(rule=Rule.TRUNK_UNKNOWN, text=text, when=When.PERSON)


def _quarantined(given: Situation) -> Reason | None:
    if given.quarantined_at is None:
        return None
    text = (
        f"Quarantined since {_clock(given.quarantined_at)}, because it was in motion whenever "
        "the server died: release it or cancel it."
    )
    return Reason(rule=Rule.QUARANTINED, text=text, when=When.PERSON)


def _deployment_paused(given: Situation) -> Reason | None:
    at = given.deployment_paused_at
    return None if at is None else _paused(Rule.DEPLOYMENT_PAUSED, "deployment", at)


def _batch_paused(given: Situation) -> Reason | None:
    at = given.batch_paused_at
    return None if at is None else _paused(Rule.BATCH_PAUSED, "batch", at)


def _paused(rule: Rule, what: str, at: datetime) -> Reason:
    text = f"The {what} is paused since {_clock(at)}, until somebody resumes it."
    return Reason(rule=rule, text=text, when=When.PERSON)


def _not_open(given: Situation) -> Reason | None:
    if given.is_due or given.is_tried or given.quarantined_at is not None:
        return None
    text = f"Its window opens at {_clock(given.due_at)}."
    return _exact(Rule.NOT_OPEN, text, given.due_at)


def _retry_wait(given: Situation) -> Reason | None:
    if given.is_due or not given.is_tried or given.quarantined_at is not None:
        return None
    text = f"It was tried and waits for its next attempt, due at {_clock(given.due_at)}."
    return _exact(Rule.RETRY_WAIT, text, given.due_at)


def _no_line(given: Situation) -> Reason | None:
    if given.server.lines or not given.is_due or given.server.not_dialling_because:
        return None
    text = "No line process runs; it is being started again."
    return _about(Rule.NO_LINE, text, given.now + LINE_STARTS_AGAIN)


def _trunk_down(given: Situation) -> Reason | None:
    if given.trunk is None or not given.trunk.health.is_out or not given.is_due:
        return None
    health, name = given.trunk.health, given.trunk.name
    if not health.servers and health.lookup is not None:
        again_at = max(given.now, health.lookup.again_at)
        text = (
            f"Trunk {name}: no server of it is known ({health.lookup.why}); they are looked up "
            f"again at {_clock(again_at)}."
        )
        return _about(Rule.TRUNK_DOWN, text, again_at)
    if not health.are_servers_away:
        return None
    count, last = len(health.servers), max(health.servers, key=lambda each: each.since)
    probes = [each.probe_at for each in health.servers if each.probe_at is not None]
    probe_at = max(given.now, min(probes, default=given.now))
    who = "its server does not answer" if count == 1 else f"none of its {count} servers answers"
    text = (
        f"Trunk {name}: {who} since {_clock(last.since)} ({last.why}); the next probe is at "
        f"{_clock(probe_at)}."
    )
    return _about(Rule.TRUNK_DOWN, text, probe_at)


def _trunk_not_registered(given: Situation) -> Reason | None:
    if given.trunk is None or not given.trunk.health.is_out or not given.is_due:
        return None
    registration = given.trunk.health.registration
    if registration is None or registration.is_registered:
        return None
    name, again_at = given.trunk.name, max(given.now, registration.again_at or given.now)
    if not registration.why:
        text = f"Trunk {name} has not confirmed our registration yet."
    else:
        since = f" since {_clock(registration.until)}" if registration.until else ""
        text = (
            f"Trunk {name} has us not registered{since} ({registration.why}); the next try is at "
            f"{_clock(again_at)}."
        )
    return _about(Rule.TRUNK_NOT_REGISTERED, text, again_at)


def _trunk_closed(given: Situation) -> Reason | None:
    if given.trunk is None:
        return None
    until = given.now + timedelta(seconds=given.trunk.closed_for_s)
    if until <= max(given.now, given.due_at):
        return None
    text = (
        f"Trunk {given.trunk.name} asked to be left alone or refuses our settings: no call "
        f"before {_clock(until)}."
    )
    return _exact(Rule.TRUNK_CLOSED, text, until)


def _trunk_trouble(given: Situation) -> Reason | None:
    if given.trunk is None or given.trunk.probe_in_s is None or not given.is_due:
        return None
    text = f"Trunk {given.trunk.name} failed several times in a row and is only probed."
    return _about(Rule.TRUNK_TROUBLE, text, given.now + timedelta(seconds=given.trunk.probe_in_s))


def _trunk_full(given: Situation) -> Reason | None:
    trunk = given.trunk
    if trunk is None or trunk.in_flight < trunk.max_calls or not given.is_due:
        return None
    text = f"Trunk {trunk.name} carries {trunk.in_flight} calls, which is all it may."
    return _about(Rule.TRUNK_FULL, text, _next_end(given, trunk.in_flight))


def _trunk_rate(given: Situation) -> Reason | None:
    trunk = given.trunk
    if trunk is None:
        return None
    at = given.now + timedelta(seconds=trunk.wait_s)
    if at <= max(given.now, given.due_at):
        return None
    rate = trunk.share * trunk.calls_per_second
    text = f"Trunk {trunk.name} may start {rate:g} calls a second; the next one at {_clock(at)}."
    # While it recovers the rate rises, and the moment comes nearer.
    return (_exact if trunk.share == 1 else _about)(Rule.TRUNK_RATE, text, at)


_FULL = {
    LimitKind.ACCOUNT: Rule.ACCOUNT_FULL,
    LimitKind.DEPLOYMENT: Rule.DEPLOYMENT_FULL,
    LimitKind.BATCH: Rule.BATCH_FULL,
}
_RATE = {
    LimitKind.ACCOUNT: Rule.ACCOUNT_RATE,
    LimitKind.DEPLOYMENT: Rule.DEPLOYMENT_RATE,
    LimitKind.BATCH: Rule.BATCH_RATE,
}


def _full(kind: LimitKind, given: Situation) -> Reason | None:
    for standing in _of(kind, given):
        if standing.is_full and given.is_due:
            text = f"The {kind} has {standing.in_flight} calls under way, which is its limit."
            return _about(_FULL[kind], text, _next_end(given, standing.in_flight))
    return None


def _rate(kind: LimitKind, given: Situation) -> Reason | None:
    for standing in _of(kind, given):
        at = given.now + timedelta(seconds=standing.wait_s)
        if at > max(given.now, given.due_at):
            rate = standing.limits.calls_per_second
            text = f"The {kind} may start {rate:g} calls a second; the next one at {_clock(at)}."
            return _exact(_RATE[kind], text, at)
    return None


def _turn(given: Situation) -> Reason | None:
    trunk = given.trunk
    if trunk is None:
        return None
    own = given.before + given.before_in_list
    # Deployments take turns: of each other one no more calls go first than of this one.
    of_others = sum(min(count, own + 1) for count in given.others)
    if not own + of_others or (own == 0 and not given.is_due):
        return None
    takes = partial(seconds_to_start, trunk=trunk, standings=given.limits, measured=given.measured)
    starts_at = given.now + timedelta(seconds=max(trunk.closed_for_s, trunk.wait_s))
    # Its own list begins when its window opens, or when all that goes before is under way.
    first, all_ = given.before + of_others, given.before + of_others + given.before_in_list
    begins_at = max(given.due_at, starts_at + timedelta(seconds=takes(first)))
    at = begins_at + timedelta(seconds=takes(all_) - takes(first))
    if at <= max(given.now, given.due_at):
        return None
    ahead = f"{own} calls of its deployment go before it" if own else "It is next of its deployment"
    turns = f", and {len(given.others)} other deployments take turns" if given.others else ""
    text = f"{ahead}{turns}; that takes about {takes(all_):.3g} seconds."
    return _about(Rule.TURN, text, at)


def _settling(given: Situation) -> Reason | None:
    if not given.is_settling:
        return None
    text = "A pause was lifted or limits were changed, and its queue is still being sorted."
    return _about(Rule.SETTLING, text, given.now + LOOK_AGAIN)


RULES: Mapping[Rule, Find] = {
    Rule.DEPLOYMENT_CLOSED: _closed,
    Rule.OPTED_OUT: _opted_out,
    Rule.NOT_DIALLING: _not_dialling,
    Rule.SERVER_HELD: _held,
    Rule.TRUNK_UNKNOWN: _trunk_unknown,
    Rule.QUARANTINED: _quarantined,
    Rule.DEPLOYMENT_PAUSED: _deployment_paused,
    Rule.BATCH_PAUSED: _batch_paused,
    Rule.NOT_OPEN: _not_open,
    Rule.RETRY_WAIT: _retry_wait,
    Rule.NO_LINE: _no_line,
    Rule.TRUNK_DOWN: _trunk_down,
    Rule.TRUNK_NOT_REGISTERED: _trunk_not_registered,
    Rule.TRUNK_CLOSED: _trunk_closed,
    Rule.TRUNK_TROUBLE: _trunk_trouble,
    Rule.TRUNK_FULL: _trunk_full,
    **{rule: partial(_full, kind) for kind, rule in _FULL.items()},
    **{rule: partial(_rate, kind) for kind, rule in _RATE.items()},
    Rule.TURN: _turn,
    Rule.TRUNK_RATE: _trunk_rate,
    Rule.SETTLING: _settling,
}
"""What holds a call that waits; of two that only a person lifts the upper one comes first."""


def explain(given: Situation, rules: Mapping[Rule, Find] = RULES) -> Explanation:
    """Every rule that holds the call, the one that does so for longest first.

    Without one it is to be dialled the next moment, and that is said instead.
    """
    if given.state.is_final:
        return _only(Rule.OVER, f"It is over: {given.state}.", When.NEVER)
    if given.state not in (CallState.QUEUED, CallState.WAITING):
        return _only(Rule.IN_MOTION, f"It is in motion: {given.state}.", When.NOW)
    found = [reason for find in rules.values() if (reason := find(given)) is not None]
    if not found:
        text = "Nothing holds it: it is dialled the next moment."
        found = [_about(Rule.NEXT, text, given.now)]
    # Sorting is stable: what lasts equally long stays in the order of the table.
    return Explanation(reasons=sorted(found, key=_lasting), closes_at=given.closes_at)


def _lasting(reason: Reason) -> tuple[int, float]:
    if reason.next_at is not None:
        return 2, -reason.next_at.timestamp()
    return (0 if reason.when is When.NEVER else 1), 0.0


def _only(rule: Rule, text: str, when: When) -> Explanation:
    return Explanation(reasons=[Reason(rule=rule, text=text, when=when)])


def _of(kind: LimitKind, given: Situation) -> Iterator[LimitStanding]:
    return (standing for standing in given.limits if standing.limited.kind is kind)


def _next_end(given: Situation, in_flight: int) -> datetime:
    """When one of so many calls will end, more or less."""
    return given.now + timedelta(seconds=given.measured.mean_s / max(in_flight, 1))


def _exact(rule: Rule, text: str, at: datetime) -> Reason:
    return Reason(rule=rule, text=text, when=When.EXACT, next_at=at)


def _about(rule: Rule, text: str, at: datetime) -> Reason:
    return Reason(rule=rule, text=text, when=When.ESTIMATE, next_at=at)


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}Z"
