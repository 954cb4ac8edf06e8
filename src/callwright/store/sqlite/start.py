"""How new the store is, and whether a start on it is held."""

from datetime import datetime

from callwright.ports.start import Held, ServerMark
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import to_micros, to_time, to_time_or_none


class StartAnswers(Session):
    """Questions about the servers before this one."""

    def server_mark(self) -> ServerMark:
        ((generation, beat_at, held_at, because),) = self._rows("server_mark")
        return ServerMark(
            generation=generation,
            beat_at=to_time_or_none(beat_at),
            held=None if held_at is None else Held(at=to_time(held_at), because=because),
        )

    def count_due_calls(self, now: datetime, most: int) -> int:
        return self._number("count_due_calls", now=to_micros(now), most=most)


class StartMarks(Session):
    """What a start or heartbeat writes down."""

    _data_version: object = None
    """What SQLite counts of others' commits, when somebody asked last."""

    def next_generation(self, now: datetime, above: int = 0) -> int:
        return self._number("next_generation", now=to_micros(now), above=above)

    def written_elsewhere(self) -> bool:
        before, self._data_version = self._data_version, self._connection.pragma("data_version")
        return before != self._data_version

    def hold(self, held: Held) -> None:
        self._change_one("hold", at=to_micros(held.at), because=held.because)

    def end_hold(self) -> None:
        self._change_one("end_hold")
