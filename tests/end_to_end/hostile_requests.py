"""What hostile or broken clients might send to a dialect route, for hypothesis to draw from."""

import base64
import json
from pathlib import Path
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from callwright.testing.peers.api import FORM

CAPTURES = sorted((Path(__file__).parents[1] / "captures").glob("*.http"))

HOSTILE = st.sampled_from(
    [
        "", " ", "0", "-1", "1e9", "٣", "１２", "1" * 400, "null", "NaN", "\x00", "\r\n\r\n", "'",
        '"',
        "<x>&amp;", "%00", "../../etc/passwd", "@/etc/passwd", "\ud7ff\U0001f4a9", "\ufeff", "{}",
        "[]", "[" * 2000, '{"a":' * 500, "{", '{"a":1,"a":2}', '{"__class__":"x"}', "911", "112",
        "tel:", "tel:+", "6175550100;ani=", "6175550100;postd=" + "1" * 40, "0116175551234",
        "http://", "http://[::1", "http://x:99999999/", "http://a@b:c@d/", "file:///etc/passwd",
        "http://127.0.0.1/", "javascript:1", "1700000000000", "9" * 30, "+16175550100 ext 5",
    ]
)  # fmt: skip
TEXT = st.one_of(HOSTILE, st.text(max_size=40))
NUMBER = st.sampled_from(["6175550100", "tel:+16175550100;ani=2125551234;postd=2", "16175550100"])
FIELD = st.one_of(
    st.sampled_from(
        [
            "phone_number", "csv", "start_timestamp", "end_timestamp", "max_attempts", "attempts",
            "reattempt_wait", "metadata", "metadata[first_name]", "metadata[", "metadata[][]",
            "result_url", "is_pci",
        ]
    ),
    TEXT,
)  # fmt: skip
FIELDS = st.lists(st.tuples(FIELD, st.one_of(TEXT, NUMBER)), max_size=8)
CONTENT_TYPE = st.one_of(
    st.sampled_from(
        [
            "application/x-www-form-urlencoded", "multipart/form-data", "application/json",
            "multipart/form-data; boundary=x", "multipart/form-data; boundary=",
            'multipart/form-data; boundary="', "multipart/mixed; boundary=x", "text/csv",
            "text/csv; charset=utf-16", "application/json; charset=utf-7", "text/plain",
            "application/x-www-form-urlencoded; charset=ebcdic", "", ";", "/", "a/b/c",
        ]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
)  # fmt: skip
ACCEPT = st.sampled_from(
    ["", "*/*", "application/json", "application/xml", "text/xml;q=1,*/*;q=0.1", "text/html",
     "application/xml;q=0", "application/xml;q=x", ";;;", ",", "application/xml" + ",a/b" * 200]
)  # fmt: skip
CREDENTIALS = st.one_of(
    st.none(),
    st.just(""),
    st.sampled_from(["Basic", "Basic ", "Basic !!!!", "Bearer x", "Basic " + "A" * 5000]),
    st.binary(max_size=30).map(lambda raw: "Basic " + base64.b64encode(raw).decode("ascii")),
)  # fmt: skip
CELL = st.one_of(TEXT, NUMBER, st.text('",;\t\r\n\0 0123456789', max_size=12))


@st.composite
def form_bodies(draw: st.DrawFn) -> tuple[bytes, str]:
    """Fields, in one of the ways clients write them, now and then damaged; and their type."""
    fields = draw(FIELDS)
    if draw(st.integers(0, 2)):
        fields = [("phone_number", draw(NUMBER)), *fields]
    way = draw(st.integers(0, 3))
    if way == 0:
        body = urlencode(fields, errors="replace").encode("ascii")
    elif way == 1:
        body = json.dumps(dict(fields)).encode("ascii")
    elif way == 2:
        body = b"&".join(f"{name}={value}".encode("utf-8", "replace") for name, value in fields)
    else:
        body = multipart(fields, draw(st.sampled_from(["x", "", "--", "a b", "é"])))
    kind = (FORM, "application/json", FORM, "multipart/form-data")[way]
    return draw(damaged(body)) if draw(st.booleans()) else body, kind


@st.composite
def lists(draw: st.DrawFn) -> tuple[bytes, str]:
    """A CSV, in some encoding, as a part or raw; and its type."""
    rows = draw(st.lists(st.lists(CELL, max_size=4), max_size=6))
    header = draw(st.sampled_from(["destination", "phone_number,first_name", "destination;a", ""]))
    separator = draw(st.sampled_from([",", ";", "\t", "|"]))
    ending = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = ending.join([header, *(separator.join(row) for row in rows)])
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-32"]))
    data, kind = text.encode(encoding, "replace"), "text/csv"
    if draw(st.booleans()):
        data, kind = multipart([("csv", data), *draw(FIELDS)], "x"), "multipart/form-data"
    return draw(damaged(data)) if draw(st.booleans()) else data, kind


def multipart(fields: list[tuple[str, str | bytes]], boundary: str) -> bytes:
    mark = b"--" + boundary.encode()
    parts = []
    for name, value in fields:
        data = value if isinstance(value, bytes) else value.encode("utf-8", "replace")
        file = b'; filename="l.csv"' if isinstance(value, bytes) else b""
        named = name.encode("utf-8", "replace")
        parts.append(
            mark + b'\r\nContent-Disposition: form-data; name="' + named + b'"' + file
            + b"\r\n\r\n" + data + b"\r\n"
        )  # fmt: skip
    return b"".join([*parts, mark, b"--\r\n"])


@st.composite
def damaged(draw: st.DrawFn, body: bytes) -> bytes:
    """Some of its bytes cut, doubled or replaced."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(body)))
        end = draw(st.integers(start, min(len(body), start + 60)))
        put = draw(st.sampled_from([b"", b"\0", b"\r\n", b'"', b"--x", b"--x--", b"\xff\xfe"]))
        how = draw(st.integers(0, 2))
        middle = (b"", body[start:end] * 2, put)[how]
        body = body[:start] + middle + body[end:]
    return body


CAPTURED_BODIES = st.tuples(
    st.sampled_from(
        [capture.read_bytes().partition(b"\r\n\r\n")[2] for capture in CAPTURES]
    ).flatmap(damaged),
    st.just("multipart/form-data"),
)


PIECE = st.one_of(
    st.sampled_from(["1", "3", "0", "-1", "9" * 25, "1.0", "%00", "..", "%2e%2e", "%ff", "x", ""]),
    st.text(max_size=12).map(lambda text: quote(text, safe="")),
)  # fmt: skip
PATHS = st.one_of(
    st.tuples(st.sampled_from(["apps", "surveys"]), PIECE, PIECE,
              st.sampled_from(["queue", "bulk_queue", "cancel", "", "queue/"])).map(
        lambda parts: "/api/" + "/".join(parts)),
    PIECE.map(lambda piece: f"/api/outbound/{piece}"),
    st.lists(PIECE, max_size=4).map(lambda parts: "/api/" + "/".join(parts)),
)  # fmt: skip
