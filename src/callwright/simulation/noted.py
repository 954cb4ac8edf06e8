"""What a simulated server notes outside its store; it outlives every death."""


class MemoryNote:
    """A `ports.start.OutsideNote`."""

    name = "the note"

    def __init__(self) -> None:
        self.generation: int | None = None

    async def read(self) -> int | None:
        return self.generation

    async def write(self, generation: int) -> None:
        self.generation = generation
