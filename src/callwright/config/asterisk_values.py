"""The kinds of values that only settings of an Asterisk have; as those of `values`."""

import re
from typing import Annotated

from pydantic import PlainValidator

_ARI_APP = re.compile(r"[A-Za-z0-9_-]{1,40}\Z")
_ENDPOINT = re.compile(r"[A-Za-z0-9]+/[!-~]{1,200}\Z")


def read_ari_app(value: object) -> str:
    """The name of a Stasis application: letters, digits, `-` and `_`."""
    if isinstance(value, str) and _ARI_APP.match(value):
        return value
    raise ValueError("must be 1 to 40 letters, digits, - or _")


def read_asterisk_endpoint(value: object) -> str:
    """What an Asterisk dials, with `{number}` in it once; "" = none."""
    if value == "":
        return ""
    if isinstance(value, str) and value.count("{number}") == 1 and _ENDPOINT.match(value):
        return value
    raise ValueError('must be as Asterisk\'s Dial takes it, such as "PJSIP/{number}@carrier"')


AriApp = Annotated[str, PlainValidator(read_ari_app)]
AsteriskEndpoint = Annotated[str, PlainValidator(read_asterisk_endpoint)]
