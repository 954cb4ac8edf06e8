"""Who took a call, as far as could be heard in its first seconds."""

from dataclasses import dataclass
from enum import StrEnum


class AnsweredBy(StrEnum):
    """The words are what scripts compare with and what the native API says."""

    VOICE = "voice"
    MACHINE = "answeringmachine"
    FAX = "fax"
    SCREENING = "screening"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who it is, and why in app_amd's words (`MAXWORDS-3-3`) or ours (`BEEP-1000`)."""

    who: AnsweredBy
    cause: str
