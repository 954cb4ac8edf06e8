"""What the settings of a trunk come to for those who pace its calls and dial on it."""

from callwright.config import TrunkSettings
from callwright.runtime.orders import TrunkRules
from callwright.runtime.pacing import TrunkLimits


def limits_and_rules(name: str, trunk: TrunkSettings) -> tuple[TrunkLimits, TrunkRules]:
    """The trunk called `name` as the running half of a server knows it."""
    return (
        TrunkLimits(
            name=name,
            calls_per_second=trunk.calls_per_second,
            max_calls=trunk.max_calls,
            ramp_up_s=trunk.ramp_up.total_seconds(),
            retries_first=trunk.retries_first,
        ),
        TrunkRules(
            name=name,
            caller_id=trunk.caller_id,
            ring_timeout_s=trunk.ring_timeout.total_seconds(),
            max_length_s=trunk.max_call_length.total_seconds(),
        ),
    )
