"""The native API under `/v1` and its documents; nothing of the dialects."""

from callwright.web.native.app import with_native
from callwright.web.native.desk import Parts

__all__ = ["Parts", "with_native"]
