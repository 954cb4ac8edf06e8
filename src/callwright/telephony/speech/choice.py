"""Which speech engine a setting means."""

import shlex
import shutil

from callwright.errors import ConfigInvalid
from callwright.ports.speech import Speech
from callwright.telephony.speech.programs import CommandSpeech, EspeakSpeech
from callwright.telephony.speech.tones import ToneSpeech

_COMMAND = "command:"
_KNOWN = "auto, espeak-ng, tones, none or command:PROGRAM ARGUMENTS"


def choose_speech(setting: str) -> Speech | None:
    """The engine for `auto`, `espeak-ng`, `tones`, `none` (gives None) or `command:...`.

    `auto` is espeak-ng where it is installed and else tones, which speak no words.

    Raises:
        ConfigInvalid: no such setting, or its program is not installed.
    """
    chosen = setting.strip()
    if chosen == "none":
        return None
    if chosen == "tones":
        return ToneSpeech()
    if chosen == "auto":
        return EspeakSpeech() if shutil.which("espeak-ng") else ToneSpeech()
    if chosen == "espeak-ng":
        if not shutil.which("espeak-ng"):
            raise ConfigInvalid(
                "speech.engine: espeak-ng is not installed; "
                "`apt-get install espeak-ng`, or choose tones"
            )
        return EspeakSpeech()
    if chosen.startswith(_COMMAND):
        return _command_speech(chosen.removeprefix(_COMMAND))
    raise ConfigInvalid(f"speech.engine: {setting!r} is no engine; use {_KNOWN}")


def _command_speech(line: str) -> CommandSpeech:
    try:
        command = shlex.split(line)
    except ValueError as exc:
        raise ConfigInvalid(f"speech.engine: the command cannot be read: {exc}") from exc
    if not command:
        raise ConfigInvalid("speech.engine: `command:` needs a program after it")
    if not shutil.which(command[0]):
        raise ConfigInvalid(f"speech.engine: no program {command[0]!r} was found")
    return CommandSpeech(command)
