"""Records that are pushed into a metadatabase.

Source: Insight "Adding Metadatabase Records"; wire contract, section 1 (I6).
"""

from callwright.dialects.charset import quote_for_people
from callwright.dialects.fields import text_of
from callwright.dialects.form import Form
from callwright.dialects.json_text import JsonRefused, parse_json
from callwright.errors import FieldInvalid


def read_metadatabase_name(form: Form) -> str:
    """Which metadatabase a push is for.

    Raises:
        FieldInvalid: it is not said.
    """
    name = text_of(form, "metadatabase").strip()
    if not name:
        raise FieldInvalid("metadatabase", "is required")
    return name


def read_record(form: Form) -> dict[str, object]:
    """The values of the new record by column, as they were spelt.

    Raises:
        FieldInvalid: there is none, or it is no JSON object of single values.
    """
    text = text_of(form, "record")
    if not text.strip():
        raise FieldInvalid("record", "is required: a JSON object of columns and values")
    try:
        record = parse_json(text)
    except JsonRefused as exc:
        raise FieldInvalid("record", str(exc)) from None
    if not isinstance(record, dict):
        raise FieldInvalid("record", "must be a JSON object of columns and values")
    for column, value in record.items():
        if isinstance(value, (dict, list)):
            raise FieldInvalid(
                "record", f"the value of {quote_for_people(column)} is not a single value"
            )
    return record
