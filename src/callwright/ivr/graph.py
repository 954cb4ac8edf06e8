"""Whether the steps of a script fit together: targets, reach, and an end for every call.

The rule about loops is stricter than "a loop must contain a wait": each loop must need a
key to go round. An answering machine presses none, so no script can hold a line open and
fill a tape; `ask` has its own `tries` for asking again.
"""

from collections.abc import Mapping

from callwright.ivr.values import ENDS, Ask, Await, Beep, Branch, Detect, Step, Talk


def targets_of(step: Step) -> tuple[str, ...]:
    """Every step that may come next, each once."""
    if isinstance(step, Ask):
        after_digits = (step.next,) if step.digits is not None else ()
        found = (*step.keys.values(), *after_digits, *step.exits.values(), step.otherwise)
        return tuple(dict.fromkeys(found))
    return targets_without_keys(step)


def targets_without_keys(step: Step) -> tuple[str, ...]:
    """The steps that may come next when nobody presses a key."""
    if isinstance(step, Ask):
        return (step.otherwise,)
    if isinstance(step, Beep | Await):
        return tuple(dict.fromkeys((step.next, step.otherwise)))
    if isinstance(step, Branch | Detect):
        return tuple(dict.fromkeys((*step.cases.values(), step.otherwise)))
    if isinstance(step, Talk):
        return tuple(dict.fromkeys((step.next, step.failed)))
    return (step.next,)


def find_faults(steps: Mapping[str, Step], start: str) -> list[tuple[str, str]]:
    """What is wrong, as (step, problem); empty when the steps fit together."""
    faults = [
        (name, f"there is no step '{target}'")
        for name, step in steps.items()
        for target in targets_of(step)
        if target not in steps and target not in ENDS
    ]
    if start not in steps:
        return [*faults, (start, "there is no such step to start with")]
    reached = _reached_from(start, steps)
    faults += [
        (name, "no step leads here, so it would never run") for name in steps if name not in reached
    ]
    loop = _loop_without_keys(steps)
    if loop:
        way = " -> ".join((*loop, loop[0]))
        problem = (
            f"a callee who presses nothing would never leave the loop {way}; "
            "let an ask repeat itself with 'tries' and go on with 'otherwise'"
        )
        faults.append((loop[0], problem))
    return faults


def _reached_from(start: str, steps: Mapping[str, Step]) -> set[str]:
    reached: set[str] = set()
    waiting = [start]
    while waiting:
        name = waiting.pop()
        if name in steps and name not in reached:
            reached.add(name)
            waiting.extend(targets_of(steps[name]))
    return reached


def _loop_without_keys(steps: Mapping[str, Step]) -> tuple[str, ...]:
    """The first loop that needs no key, or (). A walk with its own stack: files may be long."""
    done: set[str] = set()
    for first in steps:
        path: list[str] = []
        branches = [iter((first,))]
        while branches:
            name = next(branches[-1], None)
            if name is None:
                branches.pop()
                if path:
                    done.add(path.pop())
            elif name in path:
                return tuple(path[path.index(name) :])
            elif name in steps and name not in done:
                path.append(name)
                branches.append(iter(targets_without_keys(steps[name])))
    return ()
