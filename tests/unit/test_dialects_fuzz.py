"""Whatever bytes come, the readers answer with values or with a refusal, and nothing else.

Half of each strategy is made of the pieces that mean something to the reader: pure noise
seldom gets past the first line.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from dialects_samples import LIMITS, at, decode_list, deployment_of
from hypothesis import example, given
from hypothesis import strategies as st

from callwright.dialects import by_product
from callwright.dialects.bodies import Form, Upload, read_body
from callwright.dialects.contacts import ListLimits, all_or_nothing, open_list
from callwright.dialects.json_text import JsonRefused, parse_json
from callwright.dialects.media_type import parameters
from callwright.dialects.registry import Dialect
from callwright.dialects.result_url import parse_result_url
from callwright.domain.account import Product
from callwright.domain.call import Contact, Schedule
from callwright.errors import FieldInvalid, RequestRefused


def soup(pieces: Sequence[bytes], noise: int = 12) -> st.SearchStrategy[bytes]:
    """Byte strings of meaningful pieces with some noise between them."""
    return st.lists(st.one_of(st.sampled_from(pieces), st.binary(max_size=noise)), max_size=25).map(
        b"".join
    )


BODIES = soup(
    [
        b"--X", b"--X\r\n", b"--X--", b"--", b"\r\n", b"\n", b"\r\n\r\n", b"\n\n",
        b"Content-Disposition: form-data; ", b'name="phone_number"', b'name="csv"',
        b'; filename="a.csv"', b"; filename*=utf-8''%ff", b"Content-Type: text/plain",
        b"phone_number=", b"6175551234", b"tel:+", b"%2B", b"%", b"&", b"=", b"+", b";",
        b"metadata[", b"a]", b"metadata=", b'{"a":', b"}", b"[", b'"', b"\\ud800", b"NaN",
        b"start_timestamp=", b"9999999999999", b"max_attempts=2", b"reattempt_wait=60",
        b"result_url=http://", b"[::1]", b"is_pci=1", b"csv=destination\n", b"@/x",
    ]
)  # fmt: skip
LISTS = soup(
    [
        b"destination", b"phone_number", b"name", b",", b";", b"\t", b"\n", b"\r\n", b"\r", b'"',
        b'""', b"6175551234", b";ani=8009957586", b"sep=;\n", b"sep=,\n", b"\xef\xbb\xbf",
        b"\xff\xfe", b"\xfe\xff", b"\x00", b"\x81", "ñ".encode(), b"6.1E+09", b"6175551234.0",
        b"destination,name\n", b"destination;name\n",
    ]
)  # fmt: skip
CONTENT_TYPES = st.one_of(
    st.none(),
    st.sampled_from(
        [
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "multipart/form-data; boundary=X",
            'multipart/form-data; boundary="X',
            "multipart/form-data; boundary=\u00e9",
            "application/json",
            "text/csv",
        ]
    ),
    st.text(max_size=40),
)


def decode_everywhere(form: Form) -> None:
    for product, dialect in by_product.items():
        for metadatabase in (None, ("a", "name")):
            common: dict[str, Any] = {
                "now": at(1_800_000_000),
                "default_country": "US",
                "deployment": deployment_of(product, metadatabase=metadatabase),
                "pci_granted": product is Product.FUSE and metadatabase is None,
            }
            decode_or_refuse(dialect, partial(dialect.decode_call, form, **common))
            decode_or_refuse(dialect, partial(decode_list, dialect, form, **common))


def decode_or_refuse(dialect: Dialect, decode: Callable[[], tuple[Schedule, object]]) -> None:
    try:
        schedule, _ = decode()
    except RequestRefused as refusal:
        status, value = dialect.encode_error(refusal)
        check(400 <= status < 500 and bool(value["error"]))
    else:
        assert schedule.window.opens_at >= at(1_800_000_000)


def check(holds: bool) -> None:
    assert holds


@given(CONTENT_TYPES, BODIES)
@example("application/json", b"[" * 5000)
@example("application/json", b'{"phone_number": [[]]}')
@example(None, b"metadata[" + b"[" * 1000 + b"]=1")
def test_any_body_is_read_or_refused(content_type: str | None, body: bytes) -> None:
    try:
        form = read_body(content_type, body)
    except RequestRefused as exc:
        check(str(exc) != "")
        return
    decode_everywhere(form)


@given(LISTS)
def test_any_list_is_read_or_refused(data: bytes) -> None:
    form = read_body("text/csv", data)
    decode_everywhere(form)
    try:
        opened = open_list(form, ListLimits(rows=5, columns=3))
        contacts = list(all_or_nothing(opened.contacts(default_country="US")))
    except RequestRefused as exc:
        check(str(exc) != "")
        return
    assert contacts
    assert all(set(contact.variables) == set(opened.columns) for contact in contacts)


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30),
        min_size=2,
        max_size=2,
    ),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_a_quoted_list_reads_back_every_cell(
    cells: list[str], delimiter: str, newline: str, encoding: str
) -> None:
    quoted = ['"' + cell.replace('"', '""') + '"' for cell in ("6175551234", *cells)]
    text = delimiter.join(["destination", "a", "b"]) + newline + delimiter.join(quoted) + newline
    # What a dial parameter looks like belongs to the number, quoted or not.
    if cells[0].strip().lower().startswith(("ani", "postd")):
        return
    form = read_body("text/csv", text.encode(encoding))
    (contact,) = open_list(form, LIMITS).contacts(default_country="US")
    assert isinstance(contact, Contact)
    assert contact.variables == {"a": cells[0], "b": cells[1]}


@given(st.binary(max_size=400), st.sampled_from([b"\r\n", b"\n"]))
def test_a_file_in_a_multipart_body_survives_whatever_it_holds(
    content: bytes, newline: bytes
) -> None:
    head = newline.join(
        [b"--bOuNdArY", b'Content-Disposition: form-data; name="csv"; filename="x"', b"", b""]
    )
    body = head + content + newline + b"--bOuNdArY--" + newline
    form = read_body("multipart/form-data", body)
    value = form.fields[0].value
    assert isinstance(value, Upload)
    assert bytes(value.data) == content


@given(st.one_of(st.text(), st.text(alphabet='{}[]":,\\ud80eEINfa-+.0123456789 \n', max_size=60)))
def test_any_json_text_is_a_value_or_refused(text: str) -> None:
    try:
        parse_json(text)
    except JsonRefused as exc:
        check(str(exc) != "")


@given(
    st.one_of(
        st.text(),
        st.text(alphabet="htps:/\\@[]?#%0d.x1é１\u2100\t\r\n ").map("http://".__add__),
    )
)
def test_any_result_url_is_plain_ascii_or_refused(text: str) -> None:
    try:
        url = parse_result_url(text)
    except FieldInvalid:
        return
    assert url.isascii()
    assert url.startswith(("http://", "https://"))
    assert not any(c.isspace() or c == "\\" or ord(c) < 32 for c in url)
    assert parse_result_url(url) == url


@given(st.text(alphabet="ab;=\"\\'* %2fé", max_size=60))
def test_any_header_has_parameters(header: str) -> None:
    assert all(isinstance(name, str) for name in parameters(header))
