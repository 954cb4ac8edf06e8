"""Prompts ready to play: spoken or recorded, rendered once, kept in memory and on disk.

The engine behind `spoken` is a `Speech`; cutting into frames is `encoded.py`'s. Nothing here
blocks the event loop: files are read and written in threads, engines are programs.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np

from callwright.errors import ScriptInvalid, Unavailable
from callwright.ports.speech import Speech
from callwright.telephony.rtp.encoded import EncodedPrompt, encoded_prompt
from callwright.telephony.rtp.g711 import SAMPLE_RATE, Codec, encode
from callwright.telephony.rtp.prompt_files import PromptFiles
from callwright.telephony.rtp.wav import WavUnreadable, read_wav

log = logging.getLogger(__name__)

_MEMORY_BYTES = 64 << 20
_DISK_BYTES = 512 << 20
_WAV_BYTES = 64 << 20


class PromptStore:
    """Encoded prompts by what they say.

    `speech` None means that nothing can be spoken; recordings still play. The least
    recently used prompts leave memory and disk when there are too many.
    """

    def __init__(
        self,
        speech: Speech | None,
        cache_dir: Path,
        *,
        memory_bytes: int = _MEMORY_BYTES,
        disk_bytes: int = _DISK_BYTES,
    ) -> None:
        self._speech = speech
        self._files = PromptFiles(cache_dir, disk_bytes)
        self._memory_bytes = memory_bytes
        self._held_bytes = 0
        self._kept: OrderedDict[tuple[str, Codec], EncodedPrompt] = OrderedDict()
        self._rendering: dict[str, asyncio.Task[bytes]] = {}

    async def spoken(self, text: str, voice: str, codec: Codec) -> EncodedPrompt:
        """`text` said by `voice`. Several callers of one text wait for one rendering.

        A blank text is a prompt without frames.

        Raises:
            Unavailable: there is no engine, or it failed.
        """
        if self._speech is None:
            raise Unavailable("no speech engine is set up, so text cannot be spoken")
        if not text.strip():
            return EncodedPrompt(codec=codec, frames=())
        speech = self._speech
        said = "\0".join((speech.name, voice, text)).encode("utf-8", "replace")
        key = hashlib.sha256(said).hexdigest()
        return await self._prompt(key, codec, lambda: self._render(key, speech, text, voice))

    async def recorded(self, path: Path, codec: Codec) -> EncodedPrompt:
        """The WAV file at `path`, at the telephone's rate; read again when it changes.

        Raises:
            ScriptInvalid: it is missing, unreadable or no WAV file we can play.
        """
        try:
            stat = await asyncio.to_thread(path.stat)
        except (OSError, ValueError) as exc:
            raise _recording_unreadable(path, exc) from exc
        key = f"{path}\0{stat.st_mtime_ns}\0{stat.st_size}"
        return await self._prompt(key, codec, lambda: asyncio.to_thread(_read_recording, path))

    async def _prompt(
        self, key: str, codec: Codec, render: Callable[[], Awaitable[bytes]]
    ) -> EncodedPrompt:
        kept = self._kept.get((key, codec))
        if kept is not None:
            self._kept.move_to_end((key, codec))
            return kept
        task = self._rendering.get(key)
        if task is None:
            task = asyncio.ensure_future(_finished(render()))
            self._rendering[key] = task
            task.add_done_callback(lambda done: self._rendered(key, done))
        # A caller whose call has ended must not take the prompt from the others.
        codes = await asyncio.shield(task)
        return self._keep(key, codec, codes)

    def _rendered(self, key: str, task: asyncio.Task[bytes]) -> None:
        del self._rendering[key]
        if not task.cancelled():
            task.exception()  # seen, even when every caller has gone

    def _keep(self, key: str, codec: Codec, codes: bytes) -> EncodedPrompt:
        kept = self._kept.get((key, codec))
        if kept is not None:
            return kept
        prompt = encoded_prompt(codes, "PCMU", codec)
        self._kept[key, codec] = prompt
        self._held_bytes += _weight(prompt)
        while self._held_bytes > self._memory_bytes and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._held_bytes -= _weight(gone)
        return prompt

    async def _render(self, key: str, speech: Speech, text: str, voice: str) -> bytes:
        codes = await asyncio.to_thread(self._files.read, key)
        if codes is not None:
            return codes
        pcm = await speech.speak(text, voice)
        codes = encode(np.frombuffer(pcm, dtype="<i2").astype(np.int16), "PCMU")
        await asyncio.to_thread(self._files.write, key, codes)
        return codes


async def _finished(work: Awaitable[bytes]) -> bytes:
    return await work


def _weight(prompt: EncodedPrompt) -> int:
    # 160 codes and what Python adds to a bytes object and its place in the tuple.
    return len(prompt.frames) * (160 + 41)


def _read_recording(path: Path) -> bytes:
    """µ-law codes of a WAV file."""
    try:
        with path.open("rb") as file:
            data = file.read(_WAV_BYTES + 1)
    except OSError as exc:
        raise _recording_unreadable(path, exc) from exc
    if len(data) > _WAV_BYTES:
        minutes = _WAV_BYTES // (2 * SAMPLE_RATE * 60)
        raise ScriptInvalid(
            f"the recording is over 64 MiB; at 8 kHz that would be {minutes} minutes",
            source=str(path),
        )
    try:
        return encode(read_wav(data), "PCMU")
    except WavUnreadable as exc:
        raise ScriptInvalid(f"the recording cannot be played: {exc}", source=str(path)) from exc


def _recording_unreadable(path: Path, problem: Exception) -> ScriptInvalid:
    reason = problem.strerror if isinstance(problem, OSError) else str(problem)
    return ScriptInvalid(f"the recording cannot be read: {reason}", source=str(path))
