"""The form-body reader on what it must take, mend or refuse."""

import pytest

from callwright.dialects.bodies import BodyKind, Form, Upload, read_body
from callwright.errors import BodyMalformed, RequestRefused, TooLarge

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


def part(name: str, content: bytes, extra: str = "", newline: bytes = b"\r\n") -> bytes:
    head = f'Content-Disposition: form-data; name="{name}"{extra}'.encode()
    return b"--XX" + newline + head + newline * 2 + content + newline


def texts(form: Form) -> list[tuple[str, object]]:
    return [
        (f.name, bytes(f.value.data) if isinstance(f.value, Upload) else f.value)
        for f in form.fields
    ]


ONE = part("phone_number", b"6175551234") + b"--XX--\r\n"
ONE_READ = [("phone_number", "6175551234")]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (f"{MULTIPART}; boundary=XX", ONE),
        (f'{MULTIPART}; charset=utf-8; BOUNDARY="XX"', ONE),
        ("Multipart/Form-Data ;boundary = XX", ONE),
        (MULTIPART, ONE),
        (f"{MULTIPART}; boundary=", ONE),
        (f"{MULTIPART}; boundary=something-else", ONE),
        (f"{MULTIPART}; boundary=X", ONE),
        (f"{URLENCODED}; boundary=XX", ONE),
        (URLENCODED, ONE),
        (None, ONE),
        ("text/plain", ONE),
        (MULTIPART, ONE.removesuffix(b"\r\n")),
        (MULTIPART, ONE + b"an epilogue\r\n"),
        (MULTIPART, b"\r\n" + ONE),
        (f"{MULTIPART}; boundary=XX", b"a preamble\r\n" + ONE),
        (MULTIPART, ONE.replace(b"\r\n", b"\n")),
        (MULTIPART, ONE.replace(b"form-data", b"attachment")),
        (MULTIPART, ONE.replace(b"Content-Disposition", b"content-disposition")),
        (MULTIPART, ONE.replace(b"--XX\r\n", b"--XX \t\r\n")),
        (MULTIPART, ONE.replace(b"\r\n\r\n", b"\r\nContent-Type: text/plain\r\n\r\n", 1)),
        (MULTIPART, ONE.replace(b"form-data; name", b"form-data;\r\n name")),
        (MULTIPART, b"phone_number=6175551234"),
        (f"{MULTIPART}; boundary=XX", b"phone_number=6175551234"),
        (URLENCODED, b"phone_number=6175551234\r\n"),
        (URLENCODED, b"&phone_number=%36175551234&&"),
        ("", b"phone_number=6175551234"),
        ("application/json", b'\xef\xbb\xbf{"phone_number": 6175551234}'),
    ],
)
def test_one_field_is_read_however_it_is_wrapped(content_type: str | None, body: bytes) -> None:
    assert texts(read_body(content_type, body)) == ONE_READ


@pytest.mark.parametrize(
    ("content_type", "body", "words"),
    [
        (MULTIPART, ONE.replace(b"--XX--", b"--XX"), "headers"),
        (MULTIPART, ONE.replace(b"\r\n--XX--\r\n", b""), "closing boundary"),
        (MULTIPART, ONE.replace(b"--XX--", b"--XX-"), "closing boundary"),
        (MULTIPART, ONE.replace(b'; name="phone_number"', b""), "no name"),
        (MULTIPART, ONE.replace(b"\r\n\r\n", b"\r\nnonsense\r\n\r\n", 1), "no header"),
        (
            MULTIPART,
            ONE.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1),
            "transfer encoding",
        ),
        (
            MULTIPART,
            ONE.replace(b"\r\n\r\n", b"\r\nX: " + b"y" * 9000 + b"\r\n\r\n", 1),
            "headers",
        ),
        (f"{MULTIPART}; boundary=XX", b"p" * 2000 + b"\r\n" + ONE, "before"),
        (MULTIPART, ONE + b"e" * 2000, "after"),
        (MULTIPART, part("a", b"1") * 21 + b"--XX--", "20 parts"),
        (MULTIPART, part("a", b"1" * 65537) + b"--XX--", "64 KiB"),
        (MULTIPART, part("a", b"1\x002") + b"--XX--", "NUL"),
        (MULTIPART, part("a", b"\xed\xa0\x80") + b"--XX--", "surrogate"),
        (
            MULTIPART,
            part("a", b"1", '; filename="1"') + part("b", b"1", '; filename="2"') + b"--XX--",
            "more than one file",
        ),
        (MULTIPART, b"--XX", "boundary"),
        (MULTIPART, part("csv", b"\r\n--XXY" * 1001) + b"--XX--", "almost"),
        (URLENCODED, b"&".join(b"a=1" for _ in range(51)), "50 fields"),
        (URLENCODED, b"a=" + b"1" * 65537, "64 KiB"),
        (URLENCODED, b"a" * 65537, "64 KiB"),
        (URLENCODED, b"a=%00", "NUL"),
        (URLENCODED, b"a=%ED%A0%80", "surrogate"),
        (URLENCODED, b"a=%81", "Windows-1252"),
        ("application/json", b"[]", "object"),
        ("application/json", b'"phone_number"', "object"),
        ("application/json", b'{"a":1,"a":2}', "twice"),
        ("application/json", b'{"a":{"b":1,"b":2}}', "twice"),
        ("application/json", b'{"a":NaN}', "NaN"),
        ("application/json", b'{"a":-Infinity}', "Infinity"),
        ("application/json", b'{"a":1e999}', "too large"),
        ("application/json", b'{"a":' + b"9" * 5000 + b"}", "too large"),
        ("application/json", b'{"a":' + b"[" * 20000, "nested"),
        ("application/json", b'{"a":"\\ud800"}', "surrogate"),
        ("application/json", b'{"\\u0000":1}', "NUL"),
        ("application/json", b'{"a":"\xff"}', "UTF-8"),
        ("application/json", b'{"a":', "not valid JSON"),
        ("application/json", b'{"a":"' + b"x" * 300_000 + b'"}', "KiB"),
    ],
)
def test_a_body_that_is_not_what_it_seems_is_malformed(
    content_type: str, body: bytes, words: str
) -> None:
    with pytest.raises(BodyMalformed, match=words):
        read_body(content_type, body)


def test_a_huge_urlencoded_form_is_too_large() -> None:
    with pytest.raises(TooLarge):
        read_body(URLENCODED, b"csv=" + b"1" * (4 << 20))


@pytest.mark.parametrize("content_type", [None, URLENCODED, MULTIPART, "application/json"])
def test_an_empty_body_has_no_fields(content_type: str | None) -> None:
    assert read_body(content_type, b"") == Form(kind=BodyKind.EMPTY, fields=[])


@pytest.mark.parametrize("content_type", [MULTIPART, f"{MULTIPART}; boundary=XX"])
@pytest.mark.parametrize("body", [b"--XX--", b"--XX--\r\n"])
def test_a_multipart_body_may_hold_no_part(content_type: str, body: bytes) -> None:
    assert read_body(content_type, body) == Form(kind=BodyKind.MULTIPART, fields=[])


def test_repeated_fields_are_kept_in_order() -> None:
    form = read_body(URLENCODED, b"a=1&b=2&a=3")
    assert texts(form) == [("a", "1"), ("b", "2"), ("a", "3")]
    assert [f.value for f in form.every("a")] == ["1", "3"]
    last = form.last("a")
    assert last is not None
    assert last.value == "3"
    assert form.last("c") is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\r\n",
        b"a\r\n--X\r\nb",
        b"a\r\n--XXX\r\nb",
        b"a\r\n--XX--X\r\nb",
        b"a\r\n-- XX--\r\nb",
        b"\r\n\r\n\x00\xff",
        b"a\n--XX--\n",
    ],
)
def test_a_file_comes_out_byte_for_byte(content: bytes) -> None:
    body = part("csv", content, '; filename="list.csv"') + part("a", b"1") + b"--XX--\r\n"
    assert texts(read_body(MULTIPART, body)) == [("csv", content), ("a", "1")]


def test_a_file_is_a_view_into_the_body_and_no_copy() -> None:
    body = part("csv", b"destination\n", '; filename="l.csv"') + b"--XX--"
    value = read_body(MULTIPART, body).fields[0].value
    assert isinstance(value, Upload)
    assert value.data.obj is body


@pytest.mark.parametrize(
    ("extra", "filename"),
    [
        ('; filename="/etc/passwd"', "/etc/passwd"),
        ('; filename="..\\..\\x.csv"', "..\\..\\x.csv"),
        ('; filename="a\\"b;c.csv"', 'a"b;c.csv'),
        ("; filename=list.csv", "list.csv"),
        ("; filename*=UTF-8''N%C3%BA.csv", "Nú.csv"),
        ("; filename=\"x\"; filename*=iso-8859-1''N%FA.csv", "Nú.csv"),
        ("; filename=\"x.csv\"; filename*=utf-8''%FF", "x.csv"),
        ('; filename=""', ""),
        ('; filename="Nuñez.csv"', "Nuñez.csv"),
    ],
)
def test_a_file_name_is_only_ever_shown(extra: str, filename: str) -> None:
    value = read_body(MULTIPART, part("csv", b"x", extra) + b"--XX--").fields[0].value
    assert isinstance(value, Upload)
    assert value.filename == filename


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"Nu%C3%B1ez", "Nuñez"),
        (b"Nu%F1ez", "Nuñez"),
        (b"Nu\xc3\xb1ez", "Nuñez"),
        (b"%80", "€"),
        (b"100%", "100%"),
        (b"%zz%4", "%zz%4"),
        (b"a+b%2Bc", "a b+c"),
        (b"a;b=c", "a;b=c"),
    ],
)
def test_a_value_is_utf8_or_else_windows_1252(raw: bytes, text: str) -> None:
    assert texts(read_body(URLENCODED, b"a=" + raw)) == [("a", text)]


@pytest.mark.parametrize(
    ("raw", "bare"),
    [
        (b"+16175551234", True),
        (b"tel:+16175551234", True),
        (b"TEL%3a+16175551234", True),
        (b"%2B16175551234", False),
        (b"%2016175551234", False),
        (b"tel:%2016175551234", False),
        (b"++16175551234", False),
        (b"617+5551234", False),
    ],
)
def test_a_bare_plus_is_told_from_an_escaped_one_and_from_a_space(raw: bytes, bare: bool) -> None:
    assert read_body(URLENCODED, b"phone_number=" + raw).fields[0].unescaped_plus is bare


def test_json_scalars_read_as_a_form_would_carry_them() -> None:
    form = read_body(
        "application/json; charset=utf-8",
        b'{"a":1,"b":true,"c":false,"d":null,"e":"x","f":1.5,"metadata":{"n":1}}',
    )
    assert form.kind is BodyKind.JSON
    assert {f.name: f.value for f in form.fields} == {
        "a": "1",
        "b": "1",
        "c": "0",
        "d": "",
        "e": "x",
        "f": "1.5",
        "metadata": {"n": 1},
    }


def test_a_refusal_shows_no_control_characters() -> None:
    with pytest.raises(RequestRefused) as refused:
        read_body(URLENCODED, b"a%0d%0aX=" + b"1" * 65537)
    assert "\n" not in str(refused.value)
    assert "\r" not in str(refused.value)
