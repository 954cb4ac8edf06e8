"""Typed values out of a flow or survey file: each is checked, each fault has its place.

A reader notes what is wrong and answers with a harmless value, so that reading goes on and
finds the next fault too; nothing is compiled from a file with faults.
"""

import re
from pathlib import PurePosixPath

from callwright.ivr.document import Faults, Listing, Mapping, Node, Place, Scalar, hint_for, nearest
from callwright.ivr.template import fold_name, is_name, names_in
from callwright.ivr.values import KEYS, Prompt, Recorded, Spoken

MAX_TEXT = 2000

_STEP_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s)\Z")
_SPAN = re.compile(r"([0-9]{1,6})(?: ?- ?([0-9]{1,6}))?\Z")
_VOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _+./-]{0,63}\Z")
_AGENT_URL = re.compile(
    r"wss?://(?:\[[0-9a-f:.]+\]|[^/?#\s@:]+)(?::([0-9]{1,5}))?(?:/[!-~]*)?\Z", re.IGNORECASE
)
_TRUE, _FALSE = ("yes", "true", "on"), ("no", "false", "off")


class Fields:
    """One mapping of the file, read by key.

    Keys outside `known` are faults; an absent key gives the caller's default.
    """

    def __init__(self, node: Node, faults: Faults, what: str, known: tuple[str, ...]) -> None:
        self.place = node.place
        self.faults = faults
        self._what = what
        self._entries: dict[str, tuple[Scalar, Node]] = {}
        self._misspelt: set[str] = set()
        if not isinstance(node, Mapping):
            faults.add(f"{what} must be a map of keys and values", node.place)
            return
        for key, value in node.entries:
            if key.text in known:
                self._entries[key.text] = (key, value)
            else:
                self._misspelt.add(nearest(key.text, known))
                faults.add(
                    f"{what} has no key '{key.text}'; {hint_for(key.text, known)}", key.place
                )

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def node(self, key: str) -> Node | None:
        return self._entries[key][1] if key in self._entries else None

    def place_of(self, key: str) -> Place:
        """Where the key stands, or where the mapping begins if it is absent."""
        return self._entries[key][0].place if key in self._entries else self.place

    def require(self, *keys: str) -> None:
        """Note each of these keys that is missing, unless another may be its misspelling."""
        for key in keys:
            if key not in self._entries and key not in self._misspelt:
                self.faults.add(f"{self._what} needs '{key}'", self.place)

    def text(self, key: str, default: str = "", *, most: int = 200) -> str:
        """A text on one line, spaces around it dropped; empty is a fault."""
        node = self.node(key)
        return default if node is None else read_text(node, self.faults, most=most)

    def voice(self) -> str:
        """The `voice`, or ""; it must not look like an option or a path upwards."""
        voice = self.text("voice")
        if voice and (not _VOICE.match(voice) or ".." in voice):
            self.faults.add(f"'{voice}' cannot name a voice", self.place_of("voice"))
        return voice

    def flag(self, key: str, default: bool) -> bool:
        node = self.node(key)
        if node is None:
            return default
        word = read_text(node, self.faults).casefold()
        if word and word not in _TRUE + _FALSE:
            self.faults.add(f"{key} must be yes or no, not '{word}'", node.place)
        return word in _TRUE

    def whole(self, key: str, default: int, *, least: int, most: int) -> int:
        node = self.node(key)
        if node is None:
            return default
        word = read_text(node, self.faults)
        if _SPAN.match(word) and "-" not in word and least <= int(word) <= most:
            return int(word)
        if word:
            self.faults.add(
                f"{key} must be a whole number from {least} to {most}, not '{word}'", node.place
            )
        return default

    def seconds(self, key: str, default: float, *, least: float, most: float) -> float:
        """A time with its unit, such as `5s`, `1.5s` or `500ms`."""
        node = self.node(key)
        if node is None:
            return default
        word = read_text(node, self.faults)
        match = _DURATION.match(word)
        if match is None:
            if word:
                self.faults.add(
                    f"{key} needs a number and a unit, such as 5s or 500ms, not '{word}'",
                    node.place,
                )
            return default
        seconds = float(match[1]) / (1000 if match[2] == "ms" else 1)
        if not least <= seconds <= most:
            self.faults.add(f"{key} must lie between {least:g}s and {most:g}s", node.place)
            return default
        return seconds

    def span(self, key: str, *, least: int, most: int) -> tuple[int, int] | None:
        """`4` as (4, 4), `1-4` as (1, 4); None where the key is absent or wrong."""
        node = self.node(key)
        if node is None:
            return None
        word = read_text(node, self.faults)
        match = _SPAN.match(word)
        low = int(match[1]) if match else -1
        high = int(match[2] or match[1]) if match else -1
        if match and least <= low <= high <= most:
            return low, high
        if word:
            self.faults.add(
                f"{key} must be a number or a range such as {least}-{least + 3}, "
                f"within {least}-{most}, not '{word}'",
                node.place,
            )
        return None

    def name(self, key: str) -> str:
        """The name of a variable, or "" where the key is absent."""
        node = self.node(key)
        return "" if node is None else read_name(node, self.faults)

    def prompts(self, key: str) -> tuple[Prompt, ...]:
        node = self.node(key)
        return () if node is None else read_prompts(node, self.faults)


def read_text(node: Node, faults: Faults, *, most: int = 200, what: str = "this") -> str:
    """A text without the spaces around it; "" after noting why there is none."""
    if not isinstance(node, Scalar):
        hint = "; a text that begins with '{' or '[' needs quotes"
        faults.add(f"{what} must be a text{hint}", node.place)
        return ""
    text = " ".join(node.text.split())
    if not text:
        hint = ": what follows '#' is a comment, put it in quotes" if node.cut_by_comment else ""
        faults.add(f"{what} is empty{hint}", node.place)
    elif len(text) > most:
        faults.add(f"{what} is longer than {most} characters", node.place)
        return ""
    return text


def read_template(node: Node, faults: Faults) -> str:
    """A text to be spoken or stored, its `{variable}` places checked."""
    text = read_text(node, faults, most=MAX_TEXT)
    if isinstance(node, Scalar) and text and node.cut_by_comment:
        # "Press 1, then # to end" would lose its end without a word.
        faults.add("this text ends at the '#', a comment to YAML; put it in quotes", node.place)
    try:
        names_in(text)
    except ValueError as exc:
        faults.add(str(exc), node.place)
    return text


def read_name(node: Node, faults: Faults) -> str:
    text = read_text(node, faults)
    if text and not is_name(text):
        faults.add(
            f"'{text}' cannot name a variable: a letter or _, then letters, digits or _",
            node.place,
        )
    return text


def read_step_name(node: Node, faults: Faults) -> str:
    text = read_text(node, faults)
    if text and not _STEP_NAME.match(text):
        faults.add(
            f"'{text}' cannot name a step: a letter, then letters, digits, - or _", node.place
        )
    return text


def read_key(node: Node, faults: Faults) -> str:
    """One telephone key, or ""."""
    text = read_text(node, faults)
    if text and (len(text) != 1 or text not in KEYS):
        faults.add(f'\'{text}\' is no telephone key: 0-9, "*", "#" or A-D', node.place)
        return ""
    return text


def read_prompts(node: Node, faults: Faults) -> tuple[Prompt, ...]:
    """A text, a `{say:, voice:}` or `{play:}` map, or a list of these."""
    if isinstance(node, Listing):
        if not node.items:
            faults.add("this list is empty", node.place)
        return tuple(_read_prompt(item, faults) for item in node.items)
    return (_read_prompt(node, faults),)


def _read_prompt(node: Node, faults: Faults) -> Prompt:
    if not isinstance(node, Mapping):
        return Spoken(text=read_template(node, faults))
    fields = Fields(node, faults, "a prompt", ("say", "voice", "play"))
    if ("say" in fields) == ("play" in fields):
        faults.add(
            "a prompt has either 'say' or 'play'; a text that begins with '{' needs quotes",
            node.place,
        )
    recording = fields.node("play")
    if recording is not None:
        if "voice" in fields:
            faults.add("a recording has no 'voice'", fields.place_of("voice"))
        return read_recording(recording, faults)
    text = fields.node("say")
    spoken = read_template(text, faults) if text is not None else ""
    return Spoken(text=spoken, voice=fields.voice())


def read_recording(node: Node, faults: Faults) -> Recorded:
    """The path of a WAV file in the folder of the flow file or below it."""
    text = read_text(node, faults, most=MAX_TEXT)
    path = PurePosixPath(text)
    if text and (path.is_absolute() or ".." in path.parts or "\\" in text or ":" in text):
        # A file from elsewhere must not make the server play any file of the machine.
        faults.add("recordings stand beside the flow file or in a folder below it", node.place)
    elif text and path.suffix.lower() != ".wav":
        faults.add(f"'{text}' is no .wav file", node.place)
    elif "{" in text:
        faults.add("a variable cannot choose a recording; use branch", node.place)
    return Recorded(path=str(path))


def read_agent_url(node: Node | None, faults: Faults) -> str:
    """The address of a program's websocket. Which hosts it may name is the line's business."""
    if node is None:
        return ""
    text = read_text(node, faults, most=MAX_TEXT)
    match = _AGENT_URL.match(text)
    if "{" in text:
        # What is in an address is in the logs of everybody on the way.
        faults.add("an agent's address takes no variables; give them as parameters", node.place)
    elif text and (match is None or int(match[1] or 0) > 65535):
        faults.add(
            f"'{text}' is no address of a websocket; write it like wss://agent.example.com/talk",
            node.place,
        )
    return text


def read_variables(fields: Fields) -> dict[str, str]:
    """The declared variables with their values, which may be empty."""
    node = fields.node("variables")
    if node is None or (isinstance(node, Scalar) and not node.text):
        return {}
    declared: dict[str, str] = {}
    seen: dict[str, str] = {}
    if not isinstance(node, Mapping):
        fields.faults.add("'variables' must be a map of names and values", node.place)
        return {}
    for key, value in node.entries:
        name = read_name(key, fields.faults)
        twin = seen.setdefault(fold_name(name), name)
        if twin != name:
            fields.faults.add(f"'{name}' and '{twin}' are the same variable", key.place)
        if isinstance(value, Scalar) and not value.text:
            declared[name] = ""
        else:
            declared[name] = read_text(value, fields.faults, most=MAX_TEXT)
    return declared


def read_version(fields: Fields) -> None:
    """Check the format number under `callwright`."""
    node = fields.node("callwright")
    if node is not None and read_text(node, fields.faults) != "1":
        fields.faults.add("this version reads format 1 only: 'callwright: 1'", node.place)
