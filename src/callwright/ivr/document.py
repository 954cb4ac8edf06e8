"""YAML text as a tree of texts, each with its line and column. No value is ever guessed at.

Flow files are written by people and may come from strangers. So no YAML constructor runs
here: a scalar is the text that stands in the file (`no`, `1` and `012` stay what they are),
anchors, aliases and tags are refused, and size and depth have limits. Built on PyYAML's
events rather than on its node composer, which recurses and would copy aliased trees.
"""

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

import yaml

from callwright.errors import ScriptInvalid
from callwright.ivr.template import is_control

MAX_CHARACTERS = 256 * 1024
MAX_DEPTH = 12
MAX_NODES = 20_000
MAX_FAULTS = 20
MAX_PROBLEM = 500


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something stands; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """One text. `cut_by_comment`: unquoted, and the rest of its line is a `#` comment."""

    text: str
    place: Place
    cut_by_comment: bool = False


@dataclass(frozen=True, kw_only=True)
class Listing:
    items: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, kw_only=True)
class Mapping:
    entries: tuple[tuple[Scalar, "Node"], ...]
    place: Place


Node = Scalar | Listing | Mapping


class _Mark(Protocol):
    """PyYAML's two kinds of mark, which count from 0."""

    line: int
    column: int


class Faults:
    """What was found wrong so far, so that one look at a file tells more than one thing."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._found: list[ScriptInvalid] = []

    def add(self, problem: str, place: Place) -> None:
        """Note a problem and go on reading."""
        if len(self._found) < MAX_FAULTS:
            self._found.append(self.at(problem, place))

    def at(self, problem: str, place: Place) -> ScriptInvalid:
        """A problem as an error to be raised at once; it quotes the file, so it is cleaned."""
        shown = "".join(" " if is_control(c) else c for c in problem[:MAX_PROBLEM])
        return ScriptInvalid(shown, line=place.line, column=place.column, source=self._source)

    def raise_any(self) -> None:
        """Raise the first problem in the file's order; the others are its notes."""
        if self._found:
            first, *others = sorted(self._found, key=lambda fault: (fault.line, fault.column))
            for other in others:
                first.add_note(str(other))
            raise first


def nearest(word: str, known: Collection[str]) -> str:
    """The known word most like this one, or "" if none is."""
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.6)), "")


def hint_for(word: str, known: Collection[str]) -> str:
    """What may have been meant by an unknown word."""
    close = nearest(word, known)
    return f"did you mean '{close}'?" if close else f"known are {', '.join(known)}"


def find_text(root: Node, text: str) -> Place:
    """Where a text first stands, or where the document begins."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Scalar):
            if node.text.strip() == text:
                return node.place
        elif isinstance(node, Listing):
            waiting.extend(reversed(node.items))
        else:
            waiting.extend(value for _, value in reversed(node.entries))
    return root.place


def read_document(text: str, faults: Faults) -> Node:
    """The file's only document.

    Raises:
        ScriptInvalid: not YAML, not one document, over a limit, or it uses anchors,
            aliases or tags. Duplicate keys are noted in `faults`.
    """
    start = Place(line=1, column=1)
    if len(text) > MAX_CHARACTERS:
        raise faults.at(f"the file is longer than {MAX_CHARACTERS} characters", start)
    try:
        root = _Builder(text, faults).build()
    except yaml.reader.ReaderError as exc:
        before = text[: exc.position]
        place = Place(line=before.count("\n") + 1, column=exc.position - before.rfind("\n"))
        raise faults.at("a character that must not stand in a text file", place) from exc
    except yaml.MarkedYAMLError as exc:
        place = _place(exc.problem_mark or exc.context_mark)
        raise faults.at(f"not valid YAML: {exc.problem}{_advice(text, place)}", place) from exc
    except (yaml.YAMLError, ValueError, OverflowError) as exc:
        # PyYAML lets chr() complain by itself about "\UFFFFFFFF".
        raise faults.at(f"not valid YAML: {exc}", start) from exc
    if root is None:
        raise faults.at("the file is empty", start)
    return root


class _Builder:
    """Turns parser events into nodes with a stack of its own."""

    def __init__(self, text: str, faults: Faults) -> None:
        self._lines = text.splitlines()
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=yaml.SafeLoader)
        self._faults = faults

    def build(self) -> Node | None:
        root: Node | None = None
        open_nodes: list[tuple[bool, list[Node], Place]] = []
        for number, event in enumerate(self._events):
            if number > MAX_NODES:
                raise self._faults.at(
                    f"more than {MAX_NODES} keys and values", _place(event.start_mark)
                )
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise self._faults.at("a file holds one document", _place(event.start_mark))
            self._refuse_references(event)
            made: Node
            if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                place = _place(event.start_mark)
                if len(open_nodes) >= MAX_DEPTH:
                    raise self._faults.at(f"nested more than {MAX_DEPTH} deep", place)
                open_nodes.append((isinstance(event, yaml.MappingStartEvent), [], place))
                continue
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                is_mapping, parts, place = open_nodes.pop()
                made = (
                    self._mapping(parts, place)
                    if is_mapping
                    else Listing(items=tuple(parts), place=place)
                )
            elif isinstance(event, yaml.ScalarEvent):
                made = self._scalar(event)
            else:
                continue
            if open_nodes:
                open_nodes[-1][1].append(made)
            else:
                root = made
        return root

    def _refuse_references(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise self._faults.at(
                "anchors (&) and aliases (*) are not used here; "
                'the key * must stand in quotes: "*"',
                _place(event.start_mark),
            )
        if getattr(event, "tag", None) is not None:
            raise self._faults.at(
                "tags (!) are not used here; put the text in quotes", _place(event.start_mark)
            )

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        place = _place(event.start_mark)
        for character in event.value:
            if is_control(character) and character not in "\n\t":
                self._faults.add(f"the character U+{ord(character):04X} in a text", place)
                return Scalar(text="", place=place)
        plain = event.style is None
        return Scalar(
            text=event.value,
            place=place,
            cut_by_comment=plain and self._comment_follows(event.end_mark),
        )

    def _comment_follows(self, end: _Mark | None) -> bool:
        if end is None or end.line >= len(self._lines):
            return False
        rest = self._lines[end.line][end.column :]
        return rest.lstrip(" \t").startswith("#")

    def _mapping(self, parts: list[Node], place: Place) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            if not isinstance(key, Scalar):
                self._faults.add(
                    "a key must be a text; a text that begins with '{' or '[' needs quotes",
                    key.place,
                )
            elif key.text in entries:
                first = entries[key.text][0].place.line
                self._faults.add(
                    f"'{key.text}' stands here twice, first on line {first}", key.place
                )
            else:
                entries[key.text] = (key, value)
        return Mapping(entries=tuple(entries.values()), place=place)


def _place(mark: _Mark | None) -> Place:
    if mark is None:
        return Place(line=1, column=1)
    return Place(line=mark.line + 1, column=mark.column + 1)


def _advice(text: str, place: Place) -> str:
    """What most often causes a syntax error on such a line."""
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    value = line.partition(":")[2].strip()
    if line.lstrip().startswith("*") or value.startswith("*"):
        return '; the key * must stand in quotes: "*"'
    if value.startswith(("{", "[")) and place.column <= len(line):
        return "; a text that begins with '{' or '[', or holds , ? or : inside them, needs quotes"
    if ": " in value:
        return "; a text with a colon in it needs quotes"
    if "\t" in line:
        return "; indent with spaces, not with tabs"
    return ""
