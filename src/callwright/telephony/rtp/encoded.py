"""Audio ready to leave: frames of 160 codes that any number of calls share.

Encoded once, sent as they are; what they say and where they came from is not kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from callwright.telephony.rtp.g711 import FRAME_S, FRAME_SAMPLES, SILENCE, Codec, transcode


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodedPrompt:
    """20 ms a frame, 160 bytes each, in one law."""

    codec: Codec
    frames: Sequence[bytes]

    @property
    def duration_s(self) -> float:
        """How long it takes to say."""
        return len(self.frames) * FRAME_S


def encoded_prompt(codes: bytes, source: Codec, target: Codec) -> EncodedPrompt:
    """G.711 codes cut into frames of `target`, the last one filled up with silence."""
    codes = transcode(codes, source, target)
    codes += SILENCE[target][: -len(codes) % FRAME_SAMPLES]
    frames = tuple(
        codes[start : start + FRAME_SAMPLES] for start in range(0, len(codes), FRAME_SAMPLES)
    )
    return EncodedPrompt(codec=target, frames=frames)
