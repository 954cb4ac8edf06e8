"""The settings: declared once, read from a file and the environment, shown and documented."""

from callwright.config.load import FILE_NAME, describe, find_file, load_config
from callwright.config.sample import sample_toml, settings_table
from callwright.config.settings import (
    AgentSettings,
    CallbackSettings,
    Config,
    LimitSettings,
    LineSettings,
    LogSettings,
    NumberSettings,
    ServerSettings,
    SpeechSettings,
    StoreSettings,
    TrunkSettings,
)
from callwright.config.values import ByteCount, HostPort, PortRange, SipAddress

__all__ = [
    "FILE_NAME",
    "AgentSettings",
    "ByteCount",
    "CallbackSettings",
    "Config",
    "HostPort",
    "LimitSettings",
    "LineSettings",
    "LogSettings",
    "NumberSettings",
    "PortRange",
    "ServerSettings",
    "SipAddress",
    "SpeechSettings",
    "StoreSettings",
    "TrunkSettings",
    "describe",
    "find_file",
    "load_config",
    "sample_toml",
    "settings_table",
]
