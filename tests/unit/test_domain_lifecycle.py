"""The table of states: what may follow what, what never changes, and the page drawn from it."""

import re
import runpy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callwright.domain import lifecycle
from callwright.domain.lifecycle import (
    FINAL_STATES,
    TRANSITIONS,
    CallEvent,
    CallState,
    mermaid,
    next_state,
)
from callwright.domain.outcome import TRAITS
from callwright.errors import IllegalTransition

# The same examples in every run, and no clock: a failure is never the machine's bad luck.
REPEATABLE = settings(deadline=None, derandomize=True, database=None)

S, E = CallState, CallEvent

LEGAL = {
    # The table of the architecture, column by column, written out a second time on purpose.
    (S.QUEUED, E.CLAIM): S.CLAIMED,
    (S.WAITING, E.CLAIM): S.CLAIMED,
    (S.CLAIMED, E.RELEASE): S.WAITING,
    (S.CLAIMED, E.DIAL): S.DIALING,
    (S.DIALING, E.ANSWER): S.CONNECTED,
    (S.CONNECTED, E.FINISH): S.COMPLETED,
    (S.DIALING, E.RETRY): S.WAITING,
    (S.CONNECTED, E.RETRY): S.WAITING,
    (S.DIALING, E.GIVE_UP): S.EXHAUSTED,
    (S.CONNECTED, E.GIVE_UP): S.EXHAUSTED,
    (S.QUEUED, E.REFUSE): S.REJECTED,
    (S.WAITING, E.REFUSE): S.REJECTED,
    (S.CLAIMED, E.REFUSE): S.REJECTED,
    (S.DIALING, E.REFUSE): S.REJECTED,
    (S.QUEUED, E.CANCEL): S.CANCELED,
    (S.WAITING, E.CANCEL): S.CANCELED,
    (S.CLAIMED, E.CANCEL): S.CANCELED,
    (S.DIALING, E.CANCEL): S.CANCELED,
    (S.CONNECTED, E.CANCEL): S.CANCELED,
    (S.QUEUED, E.WINDOW_CLOSE): S.EXPIRED,
    (S.WAITING, E.WINDOW_CLOSE): S.EXPIRED,
    (S.CLAIMED, E.WINDOW_CLOSE): S.EXPIRED,
    (S.DIALING, E.WINDOW_CLOSE): S.EXPIRED,
    (S.CONNECTED, E.WINDOW_CLOSE): S.EXPIRED,
}

OUTCOMES = "What an attempt can come to"
PAGE = Path(__file__).parents[2] / "docs" / "call-lifecycle.md"


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("event", E)
def test_each_move_is_the_table_s_or_is_refused(state: CallState, event: CallEvent) -> None:
    before = {s: dict(moves) for s, moves in TRANSITIONS.items()}
    if (state, event) in LEGAL:
        assert next_state(state, event) is LEGAL[state, event]
    else:
        with pytest.raises(IllegalTransition) as refused:
            next_state(state, event)
        assert (refused.value.state, refused.value.event) == (state, event)
    assert before == TRANSITIONS


def test_the_table_has_a_row_for_every_state() -> None:
    assert set(TRANSITIONS) == set(S)


def test_every_event_can_happen_somewhere() -> None:
    assert {event for moves in TRANSITIONS.values() for event in moves} == set(E)


def test_every_state_is_reachable_from_the_queue() -> None:
    reached, todo = {S.QUEUED}, [S.QUEUED]
    while todo:
        for target in TRANSITIONS[todo.pop()].values():
            if target not in reached:
                reached.add(target)
                todo.append(target)
    assert reached == set(S)


def test_an_end_can_be_reached_from_every_state() -> None:
    ends = set(FINAL_STATES)
    while True:
        more = {s for s, moves in TRANSITIONS.items() if set(moves.values()) & ends} | ends
        if more == ends:
            break
        ends = more
    assert ends == set(S)


def test_every_end_is_final_and_nothing_else_is() -> None:
    assert {S.COMPLETED, S.CANCELED, S.EXHAUSTED, S.EXPIRED, S.REJECTED} == FINAL_STATES
    assert all(state.is_final is (state in FINAL_STATES) for state in S)


def test_a_released_claim_goes_back_where_it_came_from() -> None:
    assert next_state(S.CLAIMED, E.RELEASE, tried=False) is S.QUEUED
    assert next_state(S.CLAIMED, E.RELEASE, tried=True) is S.WAITING


@REPEATABLE
@given(events=st.lists(st.sampled_from(E), max_size=30))
def test_a_walk_never_leaves_an_end_nor_returns_to_never_tried(events: list[CallEvent]) -> None:
    state, tried = S.QUEUED, False
    for event in events:
        try:
            state_after = next_state(state, event, tried=tried)
        except IllegalTransition:
            assert (state, event) not in LEGAL
            continue
        assert not state.is_final
        tried = tried or event is E.DIAL
        state = state_after
        assert not (tried and state is S.QUEUED)
        assert not (not tried and state in (S.WAITING, S.DIALING, S.CONNECTED))


def test_the_diagram_names_every_state_and_event() -> None:
    drawn = mermaid()
    assert drawn.startswith("stateDiagram-v2\n    [*] --> queued\n")
    for (state, event), target in LEGAL.items():
        assert re.search(rf"^    {state} --> {target}: .*\b{event}\b", drawn, re.MULTILINE)
    assert re.search(r"^    claimed --> queued: release$", drawn, re.MULTILINE)
    for state in FINAL_STATES:
        assert f"    {state} --> [*]\n" in drawn


def test_the_page_shows_the_diagram_of_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8")
    start = "<!-- diagram: python -m callwright.domain.lifecycle -->\n```mermaid\n"
    end = "```\n<!-- /diagram -->\n"
    assert text.count(start) == text.count(end) == 1
    assert text.partition(start)[2].partition(end)[0] == mermaid()


def rows_of_the_page(section: str) -> list[list[str]]:
    """The cells of a section's table, without its two heading lines and without code marks."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_page_says_something_of_each_state_and_event() -> None:
    assert [row[0] for row in rows_of_the_page("States")] == list(S)
    assert [row[0] for row in rows_of_the_page("Events")] == list(E)


def test_the_page_tells_each_outcome_s_fault_and_whether_it_is_tried_again() -> None:
    told = {row[0]: (row[2], row[3].startswith("yes")) for row in rows_of_the_page(OUTCOMES)}
    assert told == {str(o): (str(t.fault), t.retryable) for o, t in TRAITS.items()}
    given_back = [row[0] for row in rows_of_the_page(OUTCOMES) if "given back" in row[3]]
    assert given_back == [o for o, t in TRAITS.items() if t.may_be_given_back]


def test_the_module_prints_the_diagram(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(lifecycle.__file__, run_name="__main__")
    assert capsys.readouterr().out == mermaid()
