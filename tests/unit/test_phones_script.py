"""Scripts for the phones: rules, chance that can be repeated, and errors that name the key."""

from math import inf
from pathlib import Path

import pytest

from callwright.errors import ConfigInvalid
from callwright.telephony.phones.behaviour import PERSON, built_in
from callwright.telephony.phones.script import load_script, read_script


def test_the_first_rule_that_applies_wins_and_without_one_the_digits_decide() -> None:
    script = read_script(
        """
        [[rule]]
        match = "+1555*0100"
        does = "refuse"
        code = 480
        ring_s = 2

        [[rule]]
        match = "+1555*"
        does = "ring"
        """,
        "s",
    )
    refused = script.behaviour("+15550100", 0)
    assert (refused.code, refused.ring_s) == (480, 2.0)
    assert script.behaviour("+15550101", 0).ring_s == inf
    assert script.behaviour("+16660150", 0) == built_in("+16660150", 0)
    assert script.behaviour("+16660100", 0) == PERSON


def test_a_rule_may_be_for_some_tries_only() -> None:
    script = read_script('[[rule]]\ndoes = "refuse"\non_try = [1, 2]\n', "s")
    codes = [script.behaviour("+15550100", tries).code for tries in range(4)]
    assert codes == [486, 486, 0, 0]


def test_keys_answer_one_prompt_each() -> None:
    assert read_script('[[rule]]\nkeys = ["1", "5#"]\n', "s").behaviour("1", 0).keys == ("1", "5#")
    assert read_script('[[rule]]\nkeys = "12"\n', "s").behaviour("1", 0).keys == ("12",)


def test_chance_takes_its_share_and_is_the_same_with_the_same_seed() -> None:
    text = 'seed = {}\n[[rule]]\nchance = 0.3\ndoes = "refuse"\nring_s = [1, 4]\n'
    numbers = [f"+1555{number:04}" for number in range(2000)]
    first = [read_script(text.format(7), "s").behaviour(number, 0) for number in numbers]
    again = [read_script(text.format(7), "s").behaviour(number, 0) for number in reversed(numbers)]
    other = [read_script(text.format(8), "s").behaviour(number, 0) for number in numbers]
    assert first == list(reversed(again))
    assert first != other
    drawn = [behaviour.ring_s for behaviour in first if behaviour.name == "refuses"]
    assert len(drawn) == pytest.approx(600, abs=60)
    assert 1 <= min(drawn) < 1.1
    assert 3.9 < max(drawn) <= 4


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x =", "s: not TOML: "),
        ("[" * 9000, "s: not TOML: "),
        ("sed = 1", "s: sed: no such key; did you mean seed?"),
        ("seed = 'a'", "s: seed: Expected `int`, got `str`"),
        ("rule = 3", "s: rule: Expected `array`, got `int`"),
        ("[[rule]]\n[[rule]]\ncodd = 1", "s: rule 2: codd: no such key; did you mean code?"),
        ("[[rule]]\nzzz = 1", "s: rule 1: zzz: no such key; known are match"),
        ("[[rule]]\ndoes = 'dance'", "s: rule 1: does: Invalid enum value 'dance'"),
        ("[[rule]]\nmatch = ''", "s: rule 1: match: Expected `str` of length >= 1"),
        ("[[rule]]\nchance = 1.5", "s: rule 1: chance: Expected `float` <= 1.0"),
        ("[[rule]]\nchance = nan", "s: rule 1: chance: "),
        ("[[rule]]\ndoes = 'refuse'\ncode = 200", "s: rule 1: code: Expected `int` >= 300"),
        ("[[rule]]\ncode = 486", "s: rule 1: code: goes only with does = refuse"),
        ("[[rule]]\ndoes = 'ring'\nring_s = 1", "s: rule 1: ring_s: goes only with does = answer"),
        ("[[rule]]\nring_s = [4, 1]", "s: rule 1: ring_s: the first number must not be greater"),
        ("[[rule]]\nring_s = [1]", "s: rule 1: ring_s: Expected `array` of length >= 2"),
        ("[[rule]]\nring_s = -1", "s: rule 1: ring_s: Expected `float` >= 0.0"),
        ("[[rule]]\nring_s = nan", "s: rule 1: ring_s: "),
        ("[[rule]]\nring_s = 1e9", "s: rule 1: ring_s: Expected `float` <= 3600.0"),
        ("[[rule]]\nkeys = '1x'", "s: rule 1: keys: Expected `str` matching regex"),
        ("[[rule]]\nkeys = ['1', 2]", "s: rule 1: keys: 2: Expected `str`, got `int`"),
        ("[[rule]]\non_try = 0", "s: rule 1: on_try: Expected `int` >= 1"),
        ("[[rule]]\nchallenge = 1", "s: rule 1: challenge: Expected `bool | str`, got `int`"),
    ],
)
def test_a_script_that_is_wrong_names_the_rule_and_the_key(text: str, problem: str) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read_script(text, "s")
    assert str(caught.value).startswith(problem)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    good = tmp_path / "phones.toml"
    good.write_text('[[rule]]\nmatch = "*"\n')
    assert len(load_script(good).rules) == 1
    with pytest.raises(ConfigInvalid, match=r"gone\.toml: cannot be read: No such file"):
        load_script(tmp_path / "gone.toml")
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        load_script(tmp_path)
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigInvalid, match=r"bad\.toml: not UTF-8"):
        load_script(tmp_path / "bad.toml")
