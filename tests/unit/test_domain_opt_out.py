"""What a script stores to say that the callee wants no more calls."""

import pytest

from callwright.domain.opt_out import is_opt_out


@pytest.mark.parametrize(
    ("name", "value"),
    [("opt_out", "yes"), ("Opt_Out", " YES "), (" opt_out", "true"), ("OPT_OUT", "1")],
)
def test_the_variable_and_yes_are_known_however_they_are_written(name: str, value: str) -> None:
    assert is_opt_out(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("opt_out", "no"), ("opt_out", ""), ("opt_out", "2"), ("optout", "yes"), ("opt_in", "yes")],
)
def test_nothing_else_is_an_opt_out(name: str, value: str) -> None:
    assert not is_opt_out(name, value)
