"""The brain's side: finds the recordings of attempts."""

from collections.abc import Collection
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from callwright.ports.recordings import Recording
from callwright.telephony.recording.wav_file import SUFFIX, duration_s, stem_of


class RecordingArchive:
    """`ports.recordings.Recordings` over the files in `folder`, which may not be there yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def of(self, sip_call_ids: Collection[str]) -> list[Recording]:
        """See the port; in the order of `sip_call_ids`."""
        found = []
        for sip_call_id in sip_call_ids:
            path = self._folder / (stem_of(sip_call_id) + SUFFIX)
            with suppress(OSError):
                stat = path.stat()
                found.append(
                    Recording(
                        sip_call_id=sip_call_id,
                        path=path,
                        bytes=stat.st_size,
                        duration_s=duration_s(stat.st_size),
                        ended_at=datetime.fromtimestamp(stat.st_mtime, UTC),
                    )
                )
        return found
