"""A flow or survey file as a checked script. No file is opened here; see `files`."""

from callwright.ivr.document import Faults, Mapping, Node, read_document
from callwright.ivr.flow import compile_flow
from callwright.ivr.script import Script
from callwright.ivr.survey import compile_survey


def load(text: str, source: str) -> Script:
    """The script that `text` describes: a survey if it has the key `survey`, else a flow.

    `source` names the file in errors.

    Raises:
        ScriptInvalid: the first fault, with line and column; `__notes__` holds the others.
    """
    faults = Faults(source)
    root = read_document(text, faults)
    return compile_survey(root, faults) if _is_survey(root) else compile_flow(root, faults)


def load_flow(text: str, source: str) -> Script:
    """As `load`, for a file that must be a flow."""
    faults = Faults(source)
    root = read_document(text, faults)
    if _is_survey(root):
        raise faults.at("this is a survey file; add it with 'callwright survey add'", root.place)
    return compile_flow(root, faults)


def load_survey(text: str, source: str) -> Script:
    """As `load`, for a file that must be a survey."""
    faults = Faults(source)
    root = read_document(text, faults)
    if isinstance(root, Mapping) and not _is_survey(root) and _has_key(root, "steps"):
        raise faults.at("this is a flow file; add it with 'callwright app add'", root.place)
    return compile_survey(root, faults)


def _is_survey(root: Node) -> bool:
    return _has_key(root, "survey") or _has_key(root, "questions")


def _has_key(root: Node, name: str) -> bool:
    return isinstance(root, Mapping) and any(key.text == name for key, _ in root.entries)
