"""The folder of what screening services say: one WAV file a recording."""

from pathlib import Path

from callwright.errors import ConfigInvalid
from callwright.telephony.listening import ScreeningPrompts
from callwright.telephony.listening.screening import LEAST_S
from callwright.telephony.rtp.g711 import Samples
from callwright.telephony.rtp.wav import WavUnreadable, read_wav

_SETTING = "lines.screening_prompts"


def read_screening_prompts(folder: str) -> ScreeningPrompts | None:
    """All of them, ready to be compared with; None: `folder` is "", nothing is.

    Raises:
        ConfigInvalid: no such folder, none in it, or one that cannot be used.
    """
    if not folder:
        return None
    try:
        files = sorted(each for each in Path(folder).iterdir() if each.suffix.lower() == ".wav")
        recordings = [_read(file) for file in files]
    except OSError as exc:
        raise ConfigInvalid(f"{_SETTING}: cannot read {exc.filename}: {exc.strerror}") from exc
    if not files:
        raise ConfigInvalid(f"{_SETTING}: there is no .wav file in {folder}")
    return ScreeningPrompts(recordings)


def _read(file: Path) -> Samples:
    try:
        samples = read_wav(file.read_bytes())
    except WavUnreadable as exc:
        raise ConfigInvalid(f"{_SETTING}: {file}: {exc}") from exc
    if not ScreeningPrompts([samples]):
        raise ConfigInvalid(f"{_SETTING}: {file}: less than {LEAST_S:g} s of sound")
    return samples
