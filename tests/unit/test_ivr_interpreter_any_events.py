"""Whatever happens on a call, its script does no harm and ends."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from script_talk import MENU, PIN, Talk, flow, survey

from callwright.ivr import SAMPLE_FLOW, SAMPLE_SURVEY, Script, load_sample
from callwright.ivr.exchange import (
    Digit,
    Event,
    HangUp,
    PromptsDone,
    RemoteHungUp,
    TimerFired,
)
from callwright.ivr.interpreter import MAX_STEPS
from callwright.ivr.values import HANGUP, KEYS, Branch, Speak


def test_a_script_nobody_checked_still_ends() -> None:
    endless = Script(
        kind="flow",
        name="x",
        start="a",
        steps={
            "a": Branch(variable="v", cases={}, otherwise="b"),
            "b": Speak(prompts=(), next="a"),
        },
    )
    talk = Talk(endless)
    assert talk.end == HangUp(finished=False)
    assert len(talk.log) == MAX_STEPS + 1
    assert Talk(msgspec.structs.replace(endless, start="zz")).end == HangUp(finished=False)
    assert Talk(msgspec.structs.replace(endless, start=HANGUP)).end == HangUp(finished=True)


EVENTS = st.one_of(
    st.builds(PromptsDone, st.integers(0, 30)),
    st.builds(TimerFired, st.integers(0, 30)),
    st.builds(Digit, st.sampled_from(KEYS)),
    st.builds(Digit, st.text(max_size=2)),
    st.sampled_from(["heard", "silence"]),
    st.just(RemoteHungUp()),
)


SCRIPTS = [
    flow(MENU),
    flow(PIN),
    survey(),
    flow("  a: {ask: A, keys: {1: b, '*': a}}\n  b: {say: B, next: a}\n"),
    load_sample(SAMPLE_FLOW),
    load_sample(SAMPLE_SURVEY),
]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(SCRIPTS), st.lists(EVENTS, max_size=40))
def test_any_events_in_any_order_do_no_harm_and_silence_then_ends_the_call(
    script: Script, events: list[Event | str]
) -> None:
    talk = Talk(script)
    for event in events:
        if talk.playing and event in ("heard", PromptsDone(talk.playing)):
            talk.heard()
        elif talk.timer and event in ("silence", TimerFired(talk.timer)):
            talk.silence()
        elif not isinstance(event, str):
            talk.on(event)
    for _ in range(200):
        if talk.end is not None:
            break
        talk.pass_time()
    assert talk.end is not None
    assert talk.machine.over
    assert talk.machine.on(Digit("1")) == []
    assert talk.machine.on(RemoteHungUp()) == []
    assert talk.machine.start() == []
