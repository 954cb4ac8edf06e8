"""Turning a sentence into audio."""

from typing import Protocol


class Speech(Protocol):
    """An engine that speaks. Results are cached by the caller, not by the engine."""

    name: str

    async def speak(self, text: str, voice: str) -> bytes:
        """`text` as 8 kHz, 16-bit, mono, little-endian PCM without a header.

        Raises:
            Unavailable: the engine failed or took longer than its deadline.
        """
        ...
