"""Requests that may come twice, and the files that lists came from."""

from datetime import datetime, timedelta

from callwright.domain.ids import BatchId, DeploymentId, UserId
from callwright.ports.repeats import Answer, KeptRequest, RepeatableRequest
from callwright.store.sqlite.session import Session
from callwright.store.sqlite.values import json_texts, span_to_micros, to_json, to_micros, to_time


class RepeatQuestions(Session):
    """Has this come before?"""

    def kept_request(self, user_id: UserId, key: str) -> KeptRequest | None:
        row = self._find("kept_request", user=user_id, key=key)
        if row is None:
            return None
        fingerprint, at, batch, status, headers, body = row
        answer = None
        if status is not None:
            texts = json_texts(headers)
            pairs = tuple(zip(texts[::2], texts[1::2], strict=True))
            answer = Answer(status=status, headers=pairs, body=body)
        return KeptRequest(
            fingerprint=fingerprint,
            at=to_time(at),
            answer=answer,
            batch_id=None if batch is None else BatchId(batch),
        )

    def list_of_same_file(self, batch_id: BatchId, within: timedelta) -> BatchId | None:
        batch = self._number_or_none(
            "list_of_same_file", batch=batch_id, within=span_to_micros(within)
        )
        return None if batch is None else BatchId(batch)


class RepeatChanges(RepeatQuestions):
    """Remembering requests, and forgetting them."""

    def reserve_request(self, request: RepeatableRequest, batch_id: BatchId, now: datetime) -> None:
        self._keep(request, now, batch=batch_id, answer=None)

    def keep_answer(self, request: RepeatableRequest, answer: Answer, now: datetime) -> None:
        self._keep(request, now, batch=None, answer=answer)

    def forget_requests(self, before: datetime, limit: int) -> int:
        return self._change("forget_requests", before=to_micros(before), limit=limit)

    def note_list_file(
        self, batch_id: BatchId, deployment_id: DeploymentId, file_hash: bytes, now: datetime
    ) -> None:
        self._change(
            "note_list_file",
            batch=batch_id,
            deployment=deployment_id,
            hash=file_hash,
            now=to_micros(now),
        )

    def _keep(
        self,
        request: RepeatableRequest,
        now: datetime,
        *,
        batch: BatchId | None,
        answer: Answer | None,
    ) -> None:
        texts = None if answer is None else [text for pair in answer.headers for text in pair]
        self._change(
            "keep_request",
            user=request.user_id,
            key=request.key,
            fingerprint=request.fingerprint,
            now=to_micros(now),
            batch=batch,
            status=None if answer is None else answer.status,
            headers=None if texts is None else to_json(texts),
            body=None if answer is None else answer.body,
        )
