"""Small flows for calls to programs: their times are known, and none needs a speech engine."""


def waits(seconds: float) -> str:
    """A flow that is silent for so long after the answer, and hangs up."""
    return f"""\
callwright: 1
name: waits
steps:
  rest:
    wait: {seconds:g}s
    next: hangup
"""
