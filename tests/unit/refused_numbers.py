"""What is wrong with a number that is refused."""

import pytest

from callwright.domain.phone import (
    parse_dial_string,
)
from callwright.errors import FieldInvalid


def problem_of(text: str, country: str = "US") -> str:
    with pytest.raises(FieldInvalid) as refused:
        parse_dial_string(text, default_country=country)
    assert refused.value.field == "phone_number"
    return refused.value.problem
