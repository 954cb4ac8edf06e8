"""Whether a certificate is that of a trunk's domain: RFC 5922 section 7."""

import pytest

from callwright.telephony.sip.tls import identity_problem

Names = tuple[tuple[str, str], ...]


@pytest.mark.parametrize(
    ("names", "domain", "is_theirs"),
    [
        ((("DNS", "sip.example.com"),), "sip.example.com", True),
        ((("DNS", "SIP.Example.com"),), "sip.example.COM", True),
        ((("DNS", "example.com"),), "sip.example.com", False),
        ((("URI", "sip:example.com"), ("DNS", "host.example.com")), "example.com", True),
        ((("URI", "sip:example.com"), ("DNS", "host.example.com")), "host.example.com", False),
        ((("URI", "sip:bob@example.com"), ("DNS", "example.com")), "example.com", True),
        ((("URI", "https://example.com"), ("DNS", "example.com")), "example.com", True),
        ((("URI", "sip:bob@example.com"),), "example.com", False),
        ((("IP Address", "192.0.2.7"),), "192.0.2.7", True),
        ((("DNS", "192.0.2.7"),), "192.0.2.7", False),
        ((), "example.com", False),
        ((("DNS", "*.example.com"),), "sip.example.com", False),
    ],
)
def test_its_names_say_whose_it_is(names: Names, domain: str, is_theirs: bool) -> None:
    problem = identity_problem({"subjectAltName": names}, domain, wildcards=False)
    assert (problem == "") is is_theirs
    assert is_theirs or domain in problem


@pytest.mark.parametrize(
    ("name", "is_theirs"),
    [("*.example.com", True), ("*.com", False), ("*.sip.example.com", False), ("*", False)],
)
def test_a_wildcard_counts_where_it_was_allowed_and_for_one_label(
    name: str, is_theirs: bool
) -> None:
    certificate = {"subjectAltName": (("DNS", name),)}
    assert (identity_problem(certificate, "sip.example.com", wildcards=True) == "") is is_theirs


def test_its_common_name_says_nothing() -> None:
    certificate = {"subject": ((("commonName", "sip.example.com"),),)}
    assert identity_problem(certificate, "sip.example.com", wildcards=True)
