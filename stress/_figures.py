"""How every stress command ends: faults on stderr, one JSON line of figures on stdout.

The exit code says whether it went as it should: 0 for a run without a fault, and with
`--break` for a run in which the broken promise was noticed.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence

SHOWN = 20


def finish(figures: Mapping[str, object], faults: Sequence[str], broken: str | None) -> int:
    """Say how it went; the exit code."""
    for fault in faults[:SHOWN]:
        print(fault, file=sys.stderr)
    if len(faults) > SHOWN:
        print(f"... and {len(faults) - SHOWN} more", file=sys.stderr)
    kinds = sorted({fault.partition(" ")[0] for fault in faults})
    # Times say little without what else the machine did: over 1, 5 and 15 minutes.
    load = [round(average, 1) for average in os.getloadavg()]
    ending = {"load": load, "break": broken, "faults": len(faults), "promises_broken": kinds}
    line = {**figures, **ending}
    print(json.dumps(line))
    if broken and not faults:
        print(f"the break {broken} went unnoticed: this command proves nothing", file=sys.stderr)
    return int(bool(faults) != bool(broken))
