"""The request fields, one test a rule of the wire contract's section 3.

Both dialects read them with the same code; what differs stands in the tests of each.
"""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from dialects_samples import at

from callwright.dialects.bodies import Form, read_body
from callwright.dialects.fields import read_dial_string, read_is_pci
from callwright.dialects.metadata import check_names, metadata_was_sent, read_metadata
from callwright.dialects.result_url import parse_result_url
from callwright.dialects.schedule import read_schedule
from callwright.domain.call import Schedule
from callwright.errors import FieldInvalid, NotPermitted

NOW_S = 1_800_000_000
NOW = at(NOW_S + 0.25)


def form_of(*pairs: tuple[str, str]) -> Form:
    return read_body("application/x-www-form-urlencoded", urlencode(pairs).encode())


def json_form(text: str) -> Form:
    return read_body("application/json", text.encode())


def schedule_of(**fields: str | int) -> Schedule:
    form = form_of(*((name, str(value)) for name, value in fields.items()))
    return read_schedule(form, now=NOW, attempts_text="ATTEMPTS", is_pci=False)


def refusal_of(**fields: str | int) -> str:
    with pytest.raises(FieldInvalid) as refused:
        schedule_of(**fields)
    return str(refused.value)


def test_phone_number_is_required() -> None:
    for form in (form_of(), form_of(("phone_number", "")), form_of(("phone_number", " "))):
        with pytest.raises(FieldInvalid, match="phone_number: is required"):
            read_dial_string(form, default_country="US")


def test_a_repeated_phone_number_is_refused() -> None:
    form = form_of(("phone_number", "6175551234"), ("phone_number", "6175551234"))
    with pytest.raises(FieldInvalid, match="more than once"):
        read_dial_string(form, default_country="US")


def test_a_file_as_phone_number_is_refused() -> None:
    body = b'--X\r\nContent-Disposition: form-data; name="phone_number"; filename="a"\r\n\r\n1\r\n'
    form = read_body("multipart/form-data", body + b"--X--")
    with pytest.raises(FieldInvalid, match="single text value"):
        read_dial_string(form, default_country="US")


@pytest.mark.parametrize(
    ("raw", "sent"),
    [
        (b"tel:+16175551234", "tel:+16175551234"),
        (b"+16175551234", "+16175551234"),
        (b"+1 617", None),
        (b"tel:%2016175551234", "tel: 16175551234"),
        (b"tel:%2B16175551234", "tel:+16175551234"),
        (b"tel:+16175551234;ani=8009957586", "tel:+16175551234;ani=8009957586"),
    ],
)
def test_an_unescaped_plus_at_the_start_of_the_number_is_put_back(
    raw: bytes, sent: str | None
) -> None:
    form = read_body("application/x-www-form-urlencoded", b"phone_number=" + raw)
    if sent is None:
        with pytest.raises(FieldInvalid):
            read_dial_string(form, default_country="US")
        return
    dial = read_dial_string(form, default_country="US")
    assert dial.sent == sent
    assert dial.number.e164 == "+16175551234"


def test_a_space_in_a_multipart_number_is_no_plus() -> None:
    body = b'--X\r\nContent-Disposition: form-data; name="phone_number"\r\n\r\n 6175551234\r\n--X--'
    dial = read_dial_string(read_body("multipart/form-data", body), default_country="US")
    assert dial.number.e164 == "+16175551234"


def test_an_absent_or_empty_start_is_now() -> None:
    for schedule in (schedule_of(), schedule_of(start_timestamp="", end_timestamp="")):
        assert schedule.window.opens_at == NOW
        assert schedule.window.closes_at is None
        assert not schedule.start_given


def test_a_start_in_the_past_is_now() -> None:
    schedule = schedule_of(start_timestamp=NOW_S - 100)
    assert schedule.window.opens_at == NOW
    assert schedule.start_given


def test_a_start_and_an_end_to_come_are_kept() -> None:
    schedule = schedule_of(start_timestamp=NOW_S + 60, end_timestamp=NOW_S + 120)
    assert schedule.window.opens_at == at(NOW_S + 60)
    assert schedule.window.closes_at == at(NOW_S + 120)


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (NOW_S + 60, NOW_S + 60, "after start_timestamp"),
        (NOW_S + 60, NOW_S + 59, "after start_timestamp"),
        (NOW_S - 60, NOW_S - 30, "already past"),
        (NOW_S - 60, NOW_S, "already past"),
        ("", NOW_S, "already past"),
        ("", 0, "already past"),
    ],
)
def test_an_end_that_leaves_no_time_is_refused(start: str | int, end: int, words: str) -> None:
    assert words in refusal_of(start_timestamp=start, end_timestamp=end)


@pytest.mark.parametrize("name", ["start_timestamp", "end_timestamp"])
def test_a_timestamp_of_thirteen_digits_looks_like_milliseconds(name: str) -> None:
    assert "looks like milliseconds" in refusal_of(**{name: NOW_S * 1000})


NO_INTEGERS = [
    "+1", "-1", " 1", "1 ", "1\n", "1_0", "1.0", "1e1", "0x1", "١", "１", "²", "1,5", "x", "true",
    "NaN", "inf", "9" * 21, "9" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", [*NO_INTEGERS, "253402300800", "99999999999999"])
@pytest.mark.parametrize("name", ["start_timestamp", "end_timestamp"])
def test_a_timestamp_is_ascii_digits_up_to_the_year_9999(name: str, text: str) -> None:
    assert refusal_of(**{name: text}).startswith(f"{name}: ")


def test_the_last_second_of_the_year_9999_is_a_timestamp() -> None:
    assert schedule_of(start_timestamp=253402300799).window.opens_at.year == 9999


def test_max_attempts_is_one_unless_given() -> None:
    assert schedule_of().retry.max_attempts == 1
    assert schedule_of(max_attempts="").retry.max_attempts == 1


@pytest.mark.parametrize("text", [*NO_INTEGERS, "0", "11", "100"])
@pytest.mark.parametrize("name", ["max_attempts", "attempts"])
def test_max_attempts_is_an_integer_between_1_and_10(name: str, text: str) -> None:
    assert refusal_of(**{name: text, "reattempt_wait": "60"}) == "ATTEMPTS"


def test_attempts_is_an_alias_and_max_attempts_wins() -> None:
    assert schedule_of(attempts=3, reattempt_wait=60).retry.max_attempts == 3
    assert schedule_of(attempts=3, max_attempts="", reattempt_wait=60).retry.max_attempts == 3
    assert schedule_of(attempts=3, max_attempts=2, reattempt_wait=60).retry.max_attempts == 2


def test_reattempt_wait_must_be_supplied_when_max_attempts_is_greater_than_1() -> None:
    text = "The reattempt_wait parameter must be supplied when max_attempts is greater than 1."
    assert refusal_of(max_attempts=2) == text
    assert refusal_of(attempts=2, reattempt_wait="") == text
    assert not schedule_of(max_attempts=1).wait_given


@pytest.mark.parametrize("seconds", [60, 86400])
def test_reattempt_wait_is_60_to_86400_seconds(seconds: int) -> None:
    schedule = schedule_of(max_attempts=10, reattempt_wait=seconds)
    assert schedule.retry.wait == timedelta(seconds=seconds)
    assert schedule.wait_given


@pytest.mark.parametrize("text", [*NO_INTEGERS, "0", "59", "86401"])
def test_any_other_reattempt_wait_is_refused_even_when_it_is_not_needed(text: str) -> None:
    assert refusal_of(reattempt_wait=text).startswith("reattempt_wait: ")


def test_of_other_repeated_fields_the_last_one_wins() -> None:
    form = form_of(("max_attempts", "x"), ("max_attempts", "1"))
    assert read_schedule(form, now=NOW, attempts_text="", is_pci=False).retry.max_attempts == 1


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("http://127.0.0.1:9000/result?job=1&x=2", None),
        ("https://example.com", None),
        ("https://user:p%40ss@example.com:8443/a;b/c,d?e=f#g", None),
        ("http://[::1]:80/", None),
        ("http://my_service/", None),
        ("http://example.com./", None),
        ("HTTPS://Example.COM/Path", "https://example.com/Path"),
        ("https://münchen.example/ä?ö=ü", "https://xn--mnchen-3ya.example/%C3%A4?%C3%B6=%C3%BC"),
        ("http://１２７.0.0.1/", "http://127.0.0.1/"),
    ],
)
def test_a_result_url_is_kept_in_ascii(text: str, wanted: str | None) -> None:
    assert parse_result_url(text) == (wanted or text)


@pytest.mark.parametrize(
    "text",
    [
        "example.com/x", "/x", "//example.com/x", "http:", "http://", "http:///x", "http:example",
        "ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)", "gopher://x:70/_",
        "http://exa mple.com/", " http://example.com/", "http://example.com/ ", "http://x/\t",
        "http://x/\r\nX-Y: z", "http://x\\@y/", "http://x/\\", "http://u%0d%0aX:p@h/", "http://x\0/",
        "http://x:0/", "http://x:65536/", "http://x:-1/", "http://x:a/", "http://[::1", "http://[x]/",
        "http://[fe80::1%25eth0]/", "http://a..b/", "http://.a/", "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 127 + "a/", "http://x/" + "y" * 2048, "http://a%62c/", "http://a<b/",
        "http://\u2100/", "http://\u2028/", "http://x:８０/",
    ],
)  # fmt: skip
def test_a_result_url_is_an_absolute_http_url(text: str) -> None:
    with pytest.raises(FieldInvalid, match=r"^result_url: "):
        parse_result_url(text)


def test_a_schedule_carries_the_result_url_or_none() -> None:
    assert schedule_of(result_url="http://x/y").result_url == "http://x/y"
    assert schedule_of(result_url="").result_url == ""
    assert refusal_of(result_url="x").startswith("result_url: ")


@pytest.mark.parametrize("text", ["", "0"])
def test_is_pci_may_be_0_for_anybody(text: str) -> None:
    assert read_is_pci(form_of(("is_pci", text)), granted=False) is False


def test_is_pci_1_needs_the_accounts_grant() -> None:
    assert read_is_pci(form_of(("is_pci", "1")), granted=True) is True
    assert read_is_pci(json_form('{"is_pci": true}'), granted=True) is True
    with pytest.raises(NotPermitted):
        read_is_pci(form_of(("is_pci", "1")), granted=False)


@pytest.mark.parametrize("text", ["2", "yes", "true", "01", " 1", "１"])
def test_is_pci_is_0_or_1(text: str) -> None:
    with pytest.raises(FieldInvalid, match="0 or 1"):
        read_is_pci(form_of(("is_pci", text)), granted=True)


STEVE = {"first_name": "Steve", "n": 1}


@pytest.mark.parametrize(
    "form",
    [
        form_of(("metadata", '{"first_name":"Steve","n":1}')),
        form_of(("metadata", '{"n":2}'), ("metadata", '{"first_name":"Steve","n":1}')),
        json_form('{"metadata":{"first_name":"Steve","n":1}}'),
        json_form('{"metadata":"{\\"first_name\\":\\"Steve\\",\\"n\\":1}"}'),
    ],
)
def test_metadata_is_json_text_or_an_object_in_a_json_body(form: Form) -> None:
    assert metadata_was_sent(form)
    assert read_metadata(form) == STEVE


def test_metadata_may_be_sent_as_keyed_fields() -> None:
    form = form_of(("metadata[first_name]", "Steve"), ("metadata[last_name]", ""))
    assert metadata_was_sent(form)
    assert read_metadata(form) == {"first_name": "Steve", "last_name": ""}


@pytest.mark.parametrize(
    "form",
    [
        form_of(),
        form_of(("metadata", "")),
        form_of(("metadata", "{}")),
        form_of(("metadata", "[]")),
        form_of(("metadata", " null ")),
        json_form('{"metadata":null}'),
        json_form('{"metadata":[]}'),
        json_form('{"metadata":{}}'),
    ],
)
def test_empty_metadata_is_none(form: Form) -> None:
    assert not metadata_was_sent(form)
    assert read_metadata(form) == {}


def test_metadata_values_are_scalars_as_json_knows_them() -> None:
    form = form_of(("metadata", '{"a":"x","b":1,"c":1.5,"d":true,"e":null}'))
    assert read_metadata(form) == {"a": "x", "b": 1, "c": 1.5, "d": True, "e": None}


@pytest.mark.parametrize(
    ("form", "words"),
    [
        (form_of(("metadata", "Steve"), ("metadata", "Smith")), r"metadata\[key\]"),
        (form_of(("metadata", "Array")), r"JSON text.*metadata\[key\]"),
        (form_of(("metadata", '"Steve"')), r"metadata\[key\]"),
        (form_of(("metadata", '["Steve"]')), r"metadata\[key\]"),
        (form_of(("metadata[]", "Steve")), r"metadata\[key\]"),
        (form_of(("metadata[0]", "Steve")), r"metadata\[key\]"),
        (form_of(("metadata[a][b]", "Steve")), "nested"),
        (form_of(("metadata", '{"a":{"b":1}}')), "single value"),
        (form_of(("metadata", '{"a":[1]}')), "single value"),
        (json_form('{"metadata":["a"]}'), r"metadata\[key\]"),
        (json_form('{"metadata":{"a":[1]}}'), "single value"),
        (form_of(("metadata", '{"a":1,"a":2}')), "twice"),
        (form_of(("metadata", '{"a":NaN}')), "NaN"),
        (form_of(("metadata", '{"a":1e999}')), "too large"),
        (form_of(("metadata", '{"a":9223372036854775808}')), "too large"),
        (form_of(("metadata", '{"a":"\\u0000"}')), "NUL"),
        (form_of(("metadata", '{"a":"\\ud800"}')), "surrogate"),
        (form_of(("metadata", "[" * 30000)), "nested"),
        (form_of(("metadata", '{"a":"' + "x" * 32768 + '"}')), "32 KiB"),
        (json_form('{"metadata":{"a":"' + "x" * 32768 + '"}}'), "32 KiB"),
        (form_of(("metadata[a]", "x" * 20000), ("metadata[b]", "x" * 20000)), "32 KiB"),
        (
            form_of(("metadata", "{" + ",".join(f'"k{i}":1' for i in range(201)) + "}")),
            "200 keys",
        ),
    ],
)
def test_metadata_that_lost_its_keys_or_is_no_flat_object_is_refused(
    form: Form, words: str
) -> None:
    assert metadata_was_sent(form)
    with pytest.raises(FieldInvalid, match=f"^metadata: .*{words}"):
        read_metadata(form)


@pytest.mark.parametrize("name", ["a", "_a1", "First_Name"])
def test_a_variable_name_is_letters_digits_and_underscores(name: str) -> None:
    check_names([name])


@pytest.mark.parametrize("name", ["", "1a", "a b", "a-b", "naïve", "a\n", "a.b", "{x}"])
def test_any_other_variable_name_is_refused(name: str) -> None:
    with pytest.raises(FieldInvalid):
        check_names([name])
