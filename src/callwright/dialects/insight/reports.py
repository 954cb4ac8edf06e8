"""Visits of a survey as a CSV, written as PHP's fputcsv writes it.

Numbers have their country's digits and no `+`, which a spreadsheet would calculate. Cells
that somebody else wrote (names, questions, answers) are guarded against being run.

Source: Insight "Survey Response Reporting"; wire contract, section 1 (I7).
"""

import re
from collections.abc import Iterable

from callwright.dialects.details import unix_seconds
from callwright.dialects.formulas import guard
from callwright.domain.visit import SurveyReport

CSV_CONTENT_TYPE = "text/csv; charset=utf-8"

COLUMNS = (
    "Survey ID",
    "Survey Name",
    "Visit Type",
    "Caller ID/IP Address",
    "Phone Number",
    "Start",
    "End",
    "Completed",
)
"""Before one column for each question."""

_VISIT_TYPE = "phone"
_QUOTED = re.compile(r'[\s,"\\]')


def encode_report(report: SurveyReport, *, offset: int, limit: int) -> tuple[bytes, dict[str, str]]:
    """The file, and the headers that say which part of the whole it is."""
    lines = [_line([*COLUMNS, *map(guard, report.questions.values())])]
    for visit, answers in report.rows:
        cells = [
            str(report.survey_id),
            guard(report.survey_name),
            _VISIT_TYPE,
            guard(visit.caller_id.removeprefix("+")),
            visit.number.e164.removeprefix("+"),
            str(unix_seconds(visit.answered_at)),
            str(unix_seconds(visit.ended_at)),
            "yes" if visit.finished else "no",
        ]
        cells += [guard(answers.get(question, "")) for question in report.questions]
        lines.append(_line(cells))
    headers = {
        "Content-Disposition": "attachment; filename=report.csv",
        "X-Plum-Total-Rows": str(report.total),
        "X-Plum-Returned-Rows": str(len(report.rows)),
        "X-Plum-Row-Offset": str(offset),
        "X-Plum-Row-Limit": str(limit),
    }
    return "".join(lines).encode("utf-8", "replace"), headers


def _line(cells: Iterable[str]) -> str:
    return ",".join(map(_cell, cells)) + "\n"


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text
