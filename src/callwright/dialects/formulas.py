"""Cells of a CSV that no spreadsheet takes for a formula.

A spreadsheet runs what looks like one, whoever typed it: names and answers come from
strangers. So a cell that starts like a formula gets an apostrophe in front, which
spreadsheets hide and everybody else can take off again.

Source: OWASP ASVS 5.0, 1.2.10.
"""

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0")


def guard(text: str) -> str:
    """`text` so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_STARTS) else text
