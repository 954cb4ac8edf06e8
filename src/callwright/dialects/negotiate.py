"""Which of the two representations a client prefers.

Source: RFC 9110 section 12.5.1. JSON is the default for whatever cannot be read: a reply
that the client has to guess is worth more than a 406.
"""

import re

_XML_TYPES = frozenset({"application/xml", "text/xml"})
_QUALITY = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\Z")


def wants_xml(accept: str | None) -> bool:
    """Whether `accept` names XML and ranks nothing above it.

    Between equal ranks the type named first wins, and a name wins over a wildcard.
    """
    best = best_wildcard = 0.0
    best_is_xml = False
    for entry in (accept or "").split(","):
        media_type, *parameters = (piece.strip(" \t").lower() for piece in entry.split(";"))
        quality = _quality(parameters)
        if media_type.endswith("/*"):
            best_wildcard = max(best_wildcard, quality)
        elif media_type and quality > best:
            best, best_is_xml = quality, media_type in _XML_TYPES
    return best_is_xml and best >= best_wildcard


def _quality(parameters: list[str]) -> float:
    """The rank of an entry: 1 if it gives none, 0 if it cannot be read."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            value = value.strip()
            return float(value) if _QUALITY.match(value) else 0.0
    return 1.0
