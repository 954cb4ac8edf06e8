"""A request that comes twice is done once, and told twice what came of it.

A client that got no answer cannot know whether its calls were queued. If its request bore an
idempotency key, it may send it again: the answer is kept in the very transaction that
queues the call, or makes the list live, so neither a death nor a commit that fails leaves
one without the other. What is refused keeps nothing, and leaves the key free.

Two requests are the same if they have one `fingerprint`; what goes into it is what was asked
for, not the bytes that said so, and nothing of when it came. How an answer looks is the
asker's business.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from callwright.dialects.content import Content, pieces_of
from callwright.dialects.form import LIST_FIELD, Form, Upload
from callwright.domain.ids import BatchId, DeploymentId, UserId
from callwright.errors import FieldInvalid, KeyReused, StillRunning
from callwright.ports.repeats import Answer, KeptRequest, RepeatableRequest
from callwright.ports.store import ReadTx, WriteTx
from callwright.service.load_list import QueuedList

KEY_FIELD = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
FORGET_AT_ONCE = 1000
SAME_FILE_WITHIN = timedelta(hours=1)
RETRY_AFTER_S = 1

_KEY = re.compile(r"[ -~]{1,255}\Z")

IsLoading = Callable[[BatchId], bool]
"""Whether this process is loading a list. One that stands in the store as being loaded and
is not, was left by a commit that failed; it will never go live."""


def read_key(text: str) -> str:
    """`text` as a key.

    Raises:
        FieldInvalid: it can be none.
    """
    if not _KEY.match(text):
        raise FieldInvalid(KEY_FIELD, "must be 1 to 255 printable ASCII characters")
    return text


def fingerprint(*asked: object) -> bytes:
    """What stands for `asked`, values that JSON can write; objects have no order."""
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def asked_fields(form: Form) -> list[tuple[str, object]]:
    """What a form asks for besides the list it may bring, however it was written: files by
    what is in them, empty fields not at all, in the order of their names."""
    said: list[tuple[str, object]] = []
    for field in form.fields:
        if field.name == LIST_FIELD:
            continue
        if isinstance(field.value, Upload):
            said.append((field.name, [hash_of(field.value.data).hex()]))
        elif field.value != "":
            said.append((field.name, [field.value, field.unescaped_plus]))
    return sorted(said, key=lambda one: one[0])


def hash_of_file(form: Form) -> bytes | None:
    """The SHA-256 of the list that a form brings, if it brings one."""
    field = form.last(LIST_FIELD)
    if field is None or not isinstance(field.value, Upload):
        return None
    return hash_of(field.value.data)


def hash_of(content: Content) -> bytes:
    """The SHA-256 of bytes; of a large file outside the event loop: 60 MB take 40 ms."""
    digest = hashlib.sha256()
    for _, piece in pieces_of(content):
        digest.update(piece)
    return digest.digest()


def find_kept(
    tx: ReadTx, user_id: UserId, key: str, now: datetime, is_loading: IsLoading
) -> KeptRequest | None:
    """What the user's key stands for now, or None: it is free."""
    kept = tx.kept_request(user_id, key)
    if kept is None:
        return None
    if kept.batch_id is not None:
        return kept if is_loading(kept.batch_id) else None
    return kept if now - kept.at < KEPT_FOR else None


def answer_again(kept: KeptRequest, asked: RepeatableRequest) -> Answer:
    """What the request was answered when it came first.

    Raises:
        KeyReused: it is another one.
        StillRunning: its list is still being loaded.
    """
    if kept.fingerprint != asked.fingerprint:
        raise KeyReused
    if kept.answer is None:
        raise StillRunning(RETRY_AFTER_S)
    return kept.answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """An answer, and whether it was given before."""

    answer: Answer
    is_replay: bool = False


def answer_once(
    tx: WriteTx,
    asked: RepeatableRequest,
    now: datetime,
    is_loading: IsLoading,
    act: Callable[[], Answer],
) -> Given:
    """What `act` answers, which acts within `tx`; or what it answered before.

    Raises:
        KeyReused, StillRunning: see `answer_again`.
    """
    kept = find_kept(tx, asked.user_id, asked.key, now, is_loading)
    if kept is not None:
        return Given(answer=answer_again(kept, asked), is_replay=True)
    answer = act()
    tx.keep_answer(asked, answer, now)
    return Given(answer=answer)


@dataclass(slots=True, kw_only=True)
class ListOnce:
    """Takes part in loading one list, so that it is queued and answered once, and its file is
    noticed when it comes again. `at_open` and `at_end` are `ListLoader.load`'s."""

    asked: RepeatableRequest | None
    """None: it came without a key."""
    deployment_id: DeploymentId
    file_hash: bytes | None
    """None: it came as something else than a file."""
    now: datetime
    is_loading: IsLoading
    tell: Callable[[WriteTx, QueuedList, BatchId | None], Answer]
    """The answer, given what was queued and the list that the same file made just before."""
    _answer: Answer | None = None

    @property
    def given(self) -> Given:
        """What is answered, once the list is live."""
        assert self._answer is not None
        return Given(answer=self._answer)

    def at_open(self, tx: WriteTx, batch_id: BatchId) -> None:
        """Let nobody else load a list for this request meanwhile.

        Raises:
            KeyReused, StillRunning: somebody does, or did so a moment ago.
        """
        asked = self.asked
        if asked is None:
            return
        kept = find_kept(tx, asked.user_id, asked.key, self.now, self.is_loading)
        if kept is not None:
            answer_again(kept, asked)
            raise StillRunning(RETRY_AFTER_S)
        left_behind = tx.kept_request(asked.user_id, asked.key)
        if left_behind is not None and left_behind.batch_id is not None:
            tx.drop_batch(left_behind.batch_id)
        tx.reserve_request(asked, batch_id, self.now)

    def at_end(self, tx: WriteTx, queued: QueuedList) -> None:
        """Keep what is answered."""
        same = None
        if self.file_hash is not None:
            tx.note_list_file(queued.id, self.deployment_id, self.file_hash, self.now)
            same = tx.list_of_same_file(queued.id, SAME_FILE_WITHIN)
        self._answer = self.tell(tx, queued, same)
        if self.asked is not None:
            tx.keep_answer(self.asked, self._answer, self.now)
