"""Both sides of one call, laid side by side on one time line.

Takes 20 ms frames with the places they stand at, and gives whole seconds to its file.
"""

from collections.abc import Callable

from callwright.telephony.recording.wav_file import SAMPLE_RATE

_SILENT = b"\xff"


class CallRecorder:
    """`write` gets stereo µ-law: the callee left, we right. `close` once, at the end."""

    def __init__(self, write: Callable[[bytes], None], done: Callable[[], None]) -> None:
        self._write = write
        self._done = done
        self._from: int | None = None
        """The sample at which both sides' codes begin; None until there is one."""
        self._sides = (bytearray(), bytearray())

    def heard(self, at: int, codes: bytes) -> None:
        """The callee's codes from sample `at` on, one 20 ms after the other."""
        left, right = self._sides
        self._lay(left, at, codes)
        # Held, we say nothing for as long as it lasts.
        right.extend(_SILENT * (len(left) - len(right) - SAMPLE_RATE))
        self._give_whole()

    def said(self, at: int, codes: bytes) -> None:
        """Ours."""
        self._lay(self._sides[1], at, codes)
        self._give_whole()

    def close(self) -> None:
        """Write what is left."""
        left, right = self._sides
        most = max(len(left), len(right))
        for side in self._sides:
            side.extend(_SILENT * (most - len(side)))
        self._give(most)
        self._done()

    def _lay(self, side: bytearray, at: int, codes: bytes) -> None:
        if self._from is None:
            self._from = at  # others may have listened for a while
        missing = at - self._from - len(side)
        side.extend(_SILENT * missing)
        side.extend(codes[max(0, -missing) :])

    def _give_whole(self) -> None:
        whole = min(map(len, self._sides))
        if whole >= SAMPLE_RATE:
            self._give(whole)

    def _give(self, samples: int) -> None:
        left, right = self._sides
        both = bytearray(2 * samples)
        both[0::2] = left[:samples]
        both[1::2] = right[:samples]
        del left[:samples], right[:samples]
        self._from = (self._from or 0) + samples
        self._write(bytes(both))
