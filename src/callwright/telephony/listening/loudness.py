"""Whether somebody speaks, by the loudness of each 20 ms: louder than the line and its noise."""

_NOISE_MARGIN = 2.0
"""Speech is at least so much louder than the quietest moment so far."""
_MOST_NOISE = 500.0
"""Louder than this from the first moment on is somebody who speaks already."""
_SMOOTH = 0.3
"""Weight of a new frame in the level by which noise and voice are measured."""


class Loudness:
    """Follows one call. Levels are mean magnitudes of 16-bit samples.

    What is quieter than `least`, or than `share` of the loudest moment, is silence: voices
    behind the one that speaks are. Each frame the loudest moment fades by `fading`.
    """

    def __init__(self, *, least: float, share: float, fading: float = 0.0) -> None:
        self._least = least
        self._share = share
        self._kept = 1.0 - fading
        self._level = -1.0
        self._floor = _MOST_NOISE
        self._peak = 0.0

    def is_voice(self, level: float) -> bool:
        """Whether the next 20 ms are somebody's."""
        smooth = level if self._level < 0 else self._level + _SMOOTH * (level - self._level)
        self._level = smooth
        self._floor = min(self._floor, smooth)
        self._peak = max(self._peak * self._kept, smooth)
        return level >= max(self._least, _NOISE_MARGIN * self._floor, self._share * self._peak)
