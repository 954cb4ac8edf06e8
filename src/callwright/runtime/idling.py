"""How long a loop sleeps that is not told when to look again.

Whatever this process writes wakes the loops that it concerns, and so does the heartbeat when
another process has written. What is left is caution.
"""

IDLE_POLL_S = 20.0
"""When nothing is there that will come due."""

HELD_UP_POLL_S = 5.0
"""When something should have gone, and what holds it up tells nobody."""
