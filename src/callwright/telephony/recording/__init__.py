"""Calls as they were heard, in one WAV file for each attempt.

A line writes while the call goes on; the brain finds the files by the SIP Call-ID. Nothing in
a name tells who was called.
"""

from callwright.telephony.recording.archive import RecordingArchive
from callwright.telephony.recording.call_recorder import CallRecorder
from callwright.telephony.recording.writer import RecordingRules, RecordingWriter

__all__ = ["CallRecorder", "RecordingArchive", "RecordingRules", "RecordingWriter"]
