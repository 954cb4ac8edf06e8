"""Which representation a client gets, what notices look like, and that replies always parse."""

import json
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import pytest
from dialects_samples import answered, details_of
from hypothesis import given
from hypothesis import strategies as st

from callwright.dialects import by_product
from callwright.dialects.negotiate import wants_xml
from callwright.dialects.notices import render_notice
from callwright.dialects.registry import Dialect
from callwright.dialects.rendering import render_json
from callwright.domain.account import Product
from callwright.domain.lifecycle import CallState
from callwright.errors import FieldInvalid

DIALECTS = list(by_product.values())


@pytest.mark.parametrize(
    ("accept", "xml"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/json", False),
        ("application/x-www-form-urlencoded, application/json", False),
        ("application/json, text/plain, */*", False),
        ("application/xml", True),
        ("text/xml", True),
        ("APPLICATION/XML", True),
        ("application/xml;charset=utf-8", True),
        ("application/xml, application/json", True),
        ("application/json, application/xml", False),
        ("application/xml, */*", True),
        ("*/*, application/xml", True),
        ("*/*, application/xml;q=0.9", False),
        ("application/json;q=0.8, application/xml;q=0.9", True),
        ("application/json;q=0.9, application/xml;q=0.8", False),
        ("application/json;q=0, text/xml;q=0.001", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", False),
        ("application/xml;q=0", False),
        ("application/xml;q=2", False),
        ("application/xml;q=nan", False),
        ("application/xml;q=１", False),
        ("application/xml; Q = 0.5", True),
        ("application/*", False),
        ("garbage", False),
        (",;,;q=,", False),
        ("\x00\xff", False),
    ],
)
def test_xml_is_for_those_who_name_it_and_rank_it_highest(accept: str | None, xml: bool) -> None:
    assert wants_xml(accept) is xml


@given(st.text(alphabet=st.sampled_from("aplicton/xm*;q=0.15, \x00é")))
def test_no_accept_header_is_an_error(accept: str) -> None:
    assert wants_xml(accept) in (True, False)


HOSTILE = [
    "<script>alert(1)</script>", "]]>", "&amp;", "&#0;", "\x00", "\x08\x0b\x1f", "\ufffe\uffff",
    "\ud800", "a\ud800\udc00b", "\r\n", "\t", "'\"", "<?xml?>", "<!DOCTYPE a [<!ENTITY b 'c'>]>",
    "\u2028", "\x7f\x85", "é€😀", "{}[]\\", "</error></result>",
]  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_comes_back_as_the_same_text_or_without_what_xml_forbids(
    dialect: Dialect, text: str
) -> None:
    _check_reply(dialect, text)


@given(st.text())
def test_any_text_in_an_error_leaves_json_and_xml_whole(text: str) -> None:
    for dialect in DIALECTS:
        _check_reply(dialect, text)


def _check_reply(dialect: Dialect, text: str) -> None:
    _, value = dialect.encode_error(FieldInvalid("f", text, exact=True))
    expected = str(value["error"])
    body, content_type = dialect.render(value, xml=False)
    assert content_type == "application/json"
    assert json.loads(body)["error"] == expected.encode("utf-8", "replace").decode()
    root = ET.fromstring(dialect.render(value, xml=True)[0])
    assert root.tag == "result"
    allowed = "".join(c for c in expected if _xml_allows(c))
    assert (root.findtext("error") or "") == allowed


def _xml_allows(character: str) -> bool:
    # XML 1.0, section 2.2.
    code = ord(character)
    return code in (9, 10, 13) or 0x20 <= code < 0xD800 or 0xE000 <= code < 0xFFFE or code > 0xFFFF


@pytest.mark.parametrize("product", list(Product))
def test_a_notice_is_the_value_of_call_details_in_the_calls_own_dialect(product: Product) -> None:
    details = details_of(product, state=CallState.CANCELED, ended=1475095900)
    body, content_type = render_notice(details, form_encoded=False)
    assert content_type == "application/json"
    assert json.loads(body) == by_product[product].encode_details(details)


def test_a_notice_may_be_form_encoded_with_the_names_php_reads_as_arrays() -> None:
    details = details_of(
        Product.FUSE,
        sent="tel:+16173720293",
        state=CallState.COMPLETED,
        attempts=(answered(1, 1475095893, 1475095925, 1475095928),),
        ended=1475095928,
    )
    body, content_type = render_notice(details, form_encoded=True)
    assert content_type == "application/x-www-form-urlencoded"
    fields = dict(parse_qsl(body.decode("ascii"), keep_blank_values=True))
    assert fields["phone_number"] == "tel:+16173720293"
    assert fields["events[0][event]"] == "queued"
    assert fields["events[3][timestamp]"] == "1475095928"
    assert fields["duration"] == "3"
    assert len(fields) == 9 + 8


def test_json_replies_are_what_the_standard_library_writes() -> None:
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)]))
    value = {"text": text, "none": None, "yes": True, "numbers": [0, -5, 2**40], "": {}}
    expected = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    assert render_json(value) == expected
