"""Many calls heard together: once in 20 ms, one piece of arithmetic for all of them.

numpy costs as much for one call as for fifty. So what calls receive is collected here, and
on a beat of the ticker all new frames are looked at in one go; what is found is handed to
each call's own small machine. What a call does with that is its owner's business.

An ear's `hear` is a listener of `MediaSession.listen`.
"""

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from callwright.telephony.listening.keys import HOP, KeyHearing, keys_in, windows_of
from callwright.telephony.listening.screening import ScreeningPrompts
from callwright.telephony.listening.sounds import LONG, Sound, sounds_in
from callwright.telephony.rtp.g711 import FRAME_SAMPLES, decode
from callwright.telephony.rtp.ticker import Member

Frames = NDArray[np.float32]

_TOGETHER = 128
"""Calls in one go; the next group falls into another phase of the ticker."""


class Beat(Protocol):
    """What ticks a group: the media plane's `Ticker`, or a test's hand."""

    def join(self, member: Member) -> None:
        """Tick `member` from now on."""
        ...

    def leave(self, member: Member) -> None:
        """No tick any more."""
        ...


class _Ear:
    """Collects what one call receives until its group looks at it."""

    __slots__ = ("leave", "waiting")

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        self.leave: Callable[[], None] | None = None

    def hear(self, at: int, codes: bytes) -> None:
        """The next 20 ms of the call, in µ-law."""
        if self.leave is not None:
            self.waiting.append(codes)

    def close(self) -> None:
        """Hear nothing more. Closing twice is fine."""
        if self.leave is not None:
            self.leave()
            self.leave = None
            self.waiting.clear()


class KeyEar(_Ear):
    """Tells `on_key` the digits keyed inside the audio. It may close the ear."""

    __slots__ = ("_keys", "_on_key", "_tail")

    def __init__(self, on_key: Callable[[str], None]) -> None:
        super().__init__()
        self._on_key = on_key
        self._keys = KeyHearing()
        self._tail: Frames | None = None

    def hear(self, at: int, codes: bytes) -> None:
        """As `_Ear`; but where a key has begun, each frame is looked at as it comes: the prompt
        it cuts short must not have another 20 ms."""
        super().hear(at, codes)
        if self._keys.is_unsure and self.waiting:
            look_for_keys(_decoded(self.waiting), [self])
            self.waiting.clear()

    def with_tail(self, frame: Frames) -> Frames:
        """`frame` with the last half of the one before it in front."""
        tail = np.zeros(HOP, dtype=np.float32) if self._tail is None else self._tail
        joined = np.concatenate((tail, frame))
        self._tail = frame[-HOP:]
        return joined

    def found(self, key: str) -> None:
        """What the next window shows."""
        digit = self._keys.hear(key)
        if digit and self.leave is not None:
            self._on_key(digit)


class SoundEar(_Ear):
    """Tells `on_sound` what each 40 ms are. It may close the ear."""

    __slots__ = ("_on_sound", "half")

    def __init__(self, on_sound: Callable[[Sound], object]) -> None:
        super().__init__()
        self._on_sound = on_sound
        self.half: Frames | None = None

    def found(self, sound: Sound) -> None:
        """What the next 40 ms are."""
        if self.leave is not None:
            self._on_sound(sound)


class Ears:
    """The ears of one media plane, and the screening services they know."""

    def __init__(self, beat: Beat, screening: ScreeningPrompts | None = None) -> None:
        self.screening = screening
        self._keys = _Groups[KeyEar](beat, look_for_keys)
        self._sounds = _Groups[SoundEar](beat, look_at_sounds)

    def for_keys(self, on_key: Callable[[str], None]) -> KeyEar:
        """An ear for keys inside the audio."""
        return self._keys.add(KeyEar(on_key))

    def for_sounds(self, on_sound: Callable[[Sound], object]) -> SoundEar:
        """An ear for levels and tones."""
        return self._sounds.add(SoundEar(on_sound))


def look_for_keys(frames: Frames, owners: Sequence[KeyEar]) -> None:
    """Tell each owner what the two windows that end in its frame show."""
    rows = np.stack([ear.with_tail(frame) for frame, ear in zip(frames, owners, strict=True)])
    for at, key in enumerate(keys_in(windows_of(rows))):
        owners[at // 2].found(key)


def look_at_sounds(frames: Frames, owners: Sequence[SoundEar]) -> None:
    """Tell each owner what its 40 ms are, where these frames complete them."""
    rows: list[Frames] = []
    told: list[SoundEar] = []
    for frame, ear in zip(frames, owners, strict=True):
        if ear.half is None:
            ear.half = frame
        else:
            rows += [ear.half, frame]
            ear.half = None
            told.append(ear)
    if told:
        sounds = sounds_in(np.concatenate(rows).reshape(-1, LONG))
        for sound, ear in zip(sounds, told, strict=True):
            ear.found(sound)


E = TypeVar("E", bound=_Ear)


class _Groups(Generic[E]):
    """Ears of one kind, so many in a group."""

    def __init__(self, beat: Beat, look: Callable[[Frames, Sequence[E]], None]) -> None:
        self._beat = beat
        self._look = look
        self._groups: list[_Group[E]] = []

    def add(self, ear: E) -> E:
        group = next((each for each in self._groups if len(each.ears) < _TOGETHER), None)
        if group is None:
            group = _Group(self._look)
            self._groups.append(group)
            self._beat.join(group)
        group.ears[ear] = None
        ear.leave = lambda: self._remove(group, ear)
        return ear

    def _remove(self, group: "_Group[E]", ear: E) -> None:
        del group.ears[ear]
        if not group.ears:
            self._groups.remove(group)
            self._beat.leave(group)


class _Group(Generic[E]):
    """Ears that are looked at in one go."""

    def __init__(self, look: Callable[[Frames, Sequence[E]], None]) -> None:
        self.ears: dict[E, None] = {}
        self._look = look

    def tick(self, cycle: int) -> None:
        """Look at what came since the last beat."""
        codes: list[bytes] = []
        owners: list[E] = []
        for ear in self.ears:
            if ear.waiting:
                codes += ear.waiting
                owners += [ear] * len(ear.waiting)
                ear.waiting.clear()
        if owners:
            self._look(_decoded(codes), owners)


def _decoded(codes: Sequence[bytes]) -> Frames:
    """Frames of µ-law as rows of samples."""
    samples = decode(b"".join(codes), "PCMU").astype(np.float32)
    return samples.reshape(-1, FRAME_SAMPLES)
