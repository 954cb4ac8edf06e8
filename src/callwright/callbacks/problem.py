"""How the parts of a try tell each other that it came to nothing, and why."""

from callwright.domain.notice import Problem


class NotDelivered(Exception):
    """A try came to nothing. Caught by the sender; never leaves this package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem
