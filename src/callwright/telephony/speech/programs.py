"""Speech engines that are programs: text in on stdin, WAV out on stdout.

The text is never an argument: it is the caller's data, and process lists are public. A
program that hangs is killed at its deadline. GPL engines stay separate processes.
"""

import asyncio
import os
import re
from collections.abc import Sequence
from contextlib import suppress

from callwright.errors import Unavailable
from callwright.telephony.rtp.wav import WavUnreadable, read_wav

_DEADLINE_S = 20.0
_LONGEST_TEXT = 5000
_AT_ONCE = max(1, os.cpu_count() or 1)
_VOICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]{0,63}\Z")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]+")


class CommandSpeech:
    """Any program that reads UTF-8 text on stdin and writes one WAV file to stdout.

    `{voice}` in the command stands for the voice the script asks for.
    """

    def __init__(
        self, command: Sequence[str], *, name: str = "", deadline_s: float = _DEADLINE_S
    ) -> None:
        self.name = name or "command:" + " ".join(command)
        self._command = tuple(command)
        self._deadline_s = deadline_s
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def speak(self, text: str, voice: str) -> bytes:
        """`text` as 8 kHz, 16-bit, mono, little-endian PCM.

        Raises:
            Unavailable: the program is missing, failed, wrote no WAV or took too long.
        """
        if len(text) > _LONGEST_TEXT:
            raise Unavailable(f"speech: the text is over {_LONGEST_TEXT:,} characters long")
        if voice and not _VOICE.match(voice):
            raise Unavailable(f"speech: {voice!r} cannot be the name of a voice")
        command = [part.replace("{voice}", voice) for part in self._arguments(voice)]
        async with self._places:
            wav = await self._run(command, _CONTROL.sub(" ", text).encode("utf-8", "replace"))
        try:
            samples = await asyncio.to_thread(read_wav, wav)
        except WavUnreadable as exc:
            raise Unavailable(f"speech: {command[0]} wrote no usable WAV: {exc}") from exc
        return samples.astype("<i2").tobytes()

    def _arguments(self, voice: str) -> Sequence[str]:
        return self._command

    async def _run(self, command: Sequence[str], text: bytes) -> bytes:
        program = command[0]
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as exc:
            raise Unavailable(f"speech: {program} cannot be started: {exc.strerror}") from exc
        try:
            async with asyncio.timeout(self._deadline_s):
                wav, complaint = await process.communicate(text)
        except TimeoutError:
            raise Unavailable(
                f"speech: {program} was not done after {self._deadline_s:g} s"
            ) from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode != 0:
            said = complaint.decode("utf-8", "replace").strip().splitlines()
            why = f": {said[-1][:200]}" if said else ""
            raise Unavailable(f"speech: {program} failed with {process.returncode}{why}")
        return wav


class EspeakSpeech(CommandSpeech):
    """The `espeak-ng` program. An empty voice is its default one."""

    def __init__(self, program: str = "espeak-ng", *, deadline_s: float = _DEADLINE_S) -> None:
        super().__init__(
            [program, "--stdin", "--stdout", "-b", "1"], name="espeak-ng", deadline_s=deadline_s
        )

    def _arguments(self, voice: str) -> Sequence[str]:
        return [*self._command, "-v", voice] if voice else self._command
