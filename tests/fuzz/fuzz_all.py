"""Every target: the readers of requests, and what comes from the telephone network."""

from fuzz_door import DOOR
from fuzz_headers import HEADERS
from fuzz_requests import REQUESTS
from fuzz_targets import Target
from fuzz_wire import WIRE

TARGETS: dict[str, Target] = {**REQUESTS, **DOOR, **HEADERS, **WIRE}
