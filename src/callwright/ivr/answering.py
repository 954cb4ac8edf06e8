"""What files say about who answered: the `amd` map in app_amd's words, a survey's `machine`."""

from callwright.domain.answered_by import AnsweredBy
from callwright.ivr.fields import Fields
from callwright.ivr.values import GIVE_UP, TRY_AGAIN, Amd, Beep, Detect, Speak, Step

ANSWERED_BY = "answered_by"
"""The variable in which a survey keeps who answered."""

_BEEP_WITHIN_S = 30.0

_TIMES = {
    "initial_silence": "initial_silence_ms",
    "greeting": "greeting_ms",
    "greeting_span": "greeting_span_ms",
    "patience": "patience_ms",
    "after_greeting_silence": "after_greeting_silence_ms",
    "total_analysis_time": "total_analysis_ms",
    "min_word_length": "min_word_ms",
    "between_words_silence": "between_words_ms",
    "maximum_word_length": "max_word_ms",
}
AMD_KEYS = (*_TIMES, "maximum_number_of_words", "silence_threshold")
_LEAST_S = {"total_analysis_time": 0.5, "min_word_length": 0.02, "between_words_silence": 0.02}


def read_amd(fields: Fields) -> Amd:
    """How machines are told from people; where nothing is said, the defaults."""
    node = fields.node("amd")
    standard = Amd()
    if node is None:
        return standard
    amd = Fields(node, fields.faults, "amd", AMD_KEYS)
    times = {
        field: round(
            1000
            * amd.seconds(
                key, getattr(standard, field) / 1000, least=_LEAST_S.get(key, 0.1), most=10.0
            )
        )
        for key, field in _TIMES.items()
    }
    return Amd(
        **times,
        max_words=amd.whole("maximum_number_of_words", standard.max_words, least=1, most=50),
        silence_threshold=amd.whole(
            "silence_threshold", standard.silence_threshold, least=0, most=32_767
        ),
    )


def machine_steps(fields: Fields, first: str) -> dict[str, Step]:
    """What comes before `first` where the survey cares whether a machine answered."""
    if "machine" not in fields:
        for key in ("say_to_machine", "amd"):
            if key in fields:
                fields.faults.add(f"'{key}' goes with 'machine'", fields.place_of(key))
        return {}
    word = fields.text("machine")
    ends = {"hang_up": GIVE_UP, "message": "machine.beep", "try_again": TRY_AGAIN}
    if word and word not in ends:
        fields.faults.add(
            f"machine must be {', '.join(ends)}, not '{word}'", fields.place_of("machine")
        )
    if (word == "message") != ("say_to_machine" in fields):
        fields.faults.add(
            "'machine: message' and 'say_to_machine' go together", fields.place_of("machine")
        )
    end = ends.get(word, GIVE_UP)
    cases = {AnsweredBy.MACHINE: end, AnsweredBy.FAX: GIVE_UP if word == "message" else end}
    steps: dict[str, Step] = {
        "who": Detect(
            store=ANSWERED_BY,
            cases={str(who): target for who, target in cases.items()},
            otherwise=first,
        )
    }
    if word == "message":
        said = "machine.message"
        steps[end] = Beep(seconds=_BEEP_WITHIN_S, next=said, otherwise=said)
        steps[said] = Speak(prompts=fields.prompts("say_to_machine"), next=GIVE_UP)
    return steps
