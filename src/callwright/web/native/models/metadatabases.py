"""Metadatabases and their records."""

from typing import Annotated

from pydantic import BaseModel, Field

from callwright.domain import account
from callwright.ports.metadatabases import MetadatabaseRecord
from callwright.service.metadatabases import MAX_COLUMNS
from callwright.web.native.models.lists import Identified
from callwright.web.native.models.orders import Order, Scalar
from callwright.web.native.wire import Text, Told


class MetadatabaseOrder(Order):
    """A metadatabase to add."""

    name: Text = Field(description="Free in the account, whatever the case")
    columns: Annotated[list[Text], Field(min_length=1, max_length=MAX_COLUMNS)] = Field(
        description="Letters, digits and _, as scripts name variables"
    )


class Metadatabase(Identified):
    """A named table of what is known of people; surveys take its columns as variables."""

    name: str
    columns: list[str]


class RecordOrder(Order):
    """A record to add."""

    values: dict[Text, Scalar] = Field(
        min_length=1, description="By column, whatever the case; some may be left out"
    )


class Record(BaseModel):
    """A record of a metadatabase."""

    id: int
    user_id: int = Field(description="Who added it")
    added_at: Told
    values: dict[str, Scalar]


def metadatabase_of(metadatabase: account.Metadatabase) -> Metadatabase:
    return Metadatabase(
        id=metadatabase.id, name=metadatabase.name, columns=list(metadatabase.columns)
    )


def record_of(record: MetadatabaseRecord) -> Record:
    return Record.model_validate(
        {
            "id": record.id,
            "user_id": record.user_id,
            "added_at": record.at,
            "values": record.values,
        }
    )
