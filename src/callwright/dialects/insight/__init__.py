"""The Insight dialect: its requests decoded, its replies encoded."""

from callwright.dialects.insight.decode import (
    accepts_media_type,
    decode_call,
    open_contacts,
)
from callwright.dialects.insight.encode import (
    encode_details,
    encode_details_reply,
    encode_error,
    encode_error_text,
    encode_list_queued,
    encode_queued,
    render,
)

__all__ = [
    "accepts_media_type",
    "decode_call",
    "encode_details",
    "encode_details_reply",
    "encode_error",
    "encode_error_text",
    "encode_list_queued",
    "encode_queued",
    "open_contacts",
    "render",
]
