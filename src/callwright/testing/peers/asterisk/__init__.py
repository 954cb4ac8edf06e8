"""An Asterisk for tests: its REST interface and websockets, and real SIP and RTP behind them.

What it does as the real one does, and what not, stands in docs/asterisk.md.
"""

from callwright.testing.peers.asterisk.connection import Answer
from callwright.testing.peers.asterisk.server import PASSWORD, USER, FakeAsterisk

__all__ = ["PASSWORD", "USER", "Answer", "FakeAsterisk"]
