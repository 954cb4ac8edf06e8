"""Hours of a thousand calls: the second half, in a file of its own for a processor of its own."""

import pytest
from simulated_hour import require_no_broken_promise


@pytest.mark.parametrize("seed", range(121, 141))
def test_an_hour_in_which_everything_fails_breaks_no_promise(seed: int) -> None:
    require_no_broken_promise(seed)
