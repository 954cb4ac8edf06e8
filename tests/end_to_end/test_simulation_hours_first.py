"""Hours of a thousand calls: the first quarter, so that every processor has some to live."""

import pytest
from simulated_hour import require_no_broken_promise


@pytest.mark.parametrize("seed", range(101, 126))
def test_an_hour_in_which_everything_fails_breaks_no_promise(seed: int) -> None:
    require_no_broken_promise(seed)
