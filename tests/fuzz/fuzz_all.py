"""Every target: the readers of requests, and what comes from the telephone network."""

from fuzz_headers import HEADERS
from fuzz_targets import TARGETS as READERS
from fuzz_targets import Target
from fuzz_wire import WIRE

TARGETS: dict[str, Target] = {**READERS, **HEADERS, **WIRE}
