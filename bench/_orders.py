"""Calls as benches order them of a line."""

import secrets

from callwright.ports.line import LegIdentity, LegOrder


def leg_order(number: int, script: str) -> LegOrder:
    """A call to the `number`-th callee, which follows that script for two minutes at most."""
    token = secrets.token_hex(8)
    return LegOrder(
        leg=token,
        trunk="main",
        number=f"+1555{number % 10_000_000:07d}",
        caller_id="+15550001111",
        identity=LegIdentity(call_id=f"{token}@bench", from_tag=token, branch=f"z9hG4bK{token}"),
        script=script,
        variables={},
        ring_timeout_s=30.0,
        max_length_s=120.0,
    )
