"""Hours of a thousand calls: the first quarter, in a file of its own so that all processors work."""

import pytest
from simulated_hour import require_no_broken_promise


@pytest.mark.parametrize("seed", range(101, 126))
def test_an_hour_in_which_everything_fails_breaks_no_promise(seed: int) -> None:
    require_no_broken_promise(seed)
