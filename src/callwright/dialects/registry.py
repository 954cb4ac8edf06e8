"""The dialects by product, and what each of them must be able to do.

The two packages satisfy `Dialect` as they stand; mypy compares them with it here.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from callwright.dialects import fuse, insight
from callwright.dialects.contacts import ListLimits, ReadyList
from callwright.dialects.form import Form
from callwright.domain.account import Deployment, Product
from callwright.domain.call import CallDetails, Contact, Schedule
from callwright.domain.ids import CallId
from callwright.errors import RequestRefused


class Dialect(Protocol):
    """One wire vocabulary. Decoding raises only `RequestRefused`; encoding never fails."""

    def accepts_media_type(self, content_type: str | None, *, bulk: bool) -> bool:
        """Whether a queueing request may have this Content-Type; if not: 415."""
        ...

    def decode_call(
        self,
        form: Form,
        *,
        now: datetime,
        default_country: str,
        deployment: Deployment,
        pci_granted: bool,
    ) -> tuple[Schedule, Contact]: ...

    def open_contacts(
        self,
        form: Form,
        *,
        now: datetime,
        default_country: str,
        deployment: Deployment,
        pci_granted: bool,
        limits: ListLimits,
    ) -> tuple[Schedule, ReadyList]: ...

    def encode_queued(self, call_id: CallId) -> dict[str, object]: ...

    def encode_list_queued(self, count: int) -> dict[str, object]: ...

    def encode_details(self, details: CallDetails) -> dict[str, object]: ...

    def encode_details_reply(self, details: CallDetails) -> dict[str, object]: ...

    def encode_error(self, refusal: RequestRefused) -> tuple[int, dict[str, object]]: ...

    def encode_error_text(self, text: str) -> dict[str, object]: ...

    def render(self, value: Mapping[str, object], *, xml: bool) -> tuple[bytes, str]: ...


by_product: Mapping[Product, Dialect] = {Product.FUSE: fuse, Product.INSIGHT: insight}
