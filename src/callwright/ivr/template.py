"""Texts with `{variable}` places in them: reading them and filling them in.

`{{` and `}}` stand for the braces themselves. Variables are found without regard to case,
because they come from column names that people type. What a variable holds is somebody's
data: it is cleaned of control characters before it may be spoken.
"""

import re
import unicodedata
from collections.abc import Mapping

MAX_SPOKEN_CHARACTERS = 2000
"""A filled-in text is cut here: it is some two and a half minutes of speech."""

_NAME = r"[A-Za-z_][A-Za-z0-9_]{0,63}"
_PLACE = re.compile(r"\{\{|\}\}|\{(" + _NAME + r")\}|[{}]")
_IS_NAME = re.compile(_NAME + r"\Z")


def is_name(text: str) -> bool:
    """Whether `text` can name a variable: a letter or `_`, then letters, digits, `_`."""
    return _IS_NAME.match(text) is not None


def is_control(character: str) -> bool:
    """Whether it is nothing to be spoken: a control, a line separator, half a surrogate pair."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


def names_in(template: str) -> tuple[str, ...]:
    """The variables a template uses, in order, as written.

    Raises:
        ValueError: a brace that is neither a place nor doubled; the text says what to do.
    """
    names: list[str] = []
    for match in _PLACE.finditer(template):
        if match[1]:
            names.append(match[1])
        elif match[0] in "{}":
            raise ValueError(
                f"a lone '{match[0]}': a variable is written {{name}} "
                f"(letters, digits and _ only), a brace itself '{match[0] * 2}'"
            )
    return tuple(names)


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with each variable's value in its place; unknown ones are empty.

    `values` is keyed by `fold_name`. The result has no line breaks, no control characters
    and no doubled spaces, and at most `MAX_SPOKEN_CHARACTERS`.
    """

    def put(match: re.Match[str]) -> str:
        if match[1]:
            return values.get(fold_name(match[1]), "")
        return match[0][0]

    filled = _PLACE.sub(put, template) if "{" in template or "}" in template else template
    if not filled.isprintable():
        filled = "".join(" " if is_control(c) else c for c in filled)
    return " ".join(filled.split())[:MAX_SPOKEN_CHARACTERS]


def fold_name(name: str) -> str:
    """The form in which names are compared."""
    return name.strip().casefold()
