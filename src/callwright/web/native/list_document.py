"""How a list is sent, for the API document: FastAPI cannot tell, as it does not read it."""

from typing import Any

from callwright.web.native.models.batches import BatchOrder
from callwright.web.native.models.orders import ScheduleOrder

_SCHEDULE = ScheduleOrder.model_json_schema()["properties"]

LIST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["deployment_id", "csv"],
                "additionalProperties": False,
                "properties": {
                    "deployment_id": {"type": "integer", "minimum": 1},
                    "csv": {
                        "type": "string",
                        "format": "binary",
                        "description": "CSV, or a workbook (.xlsx, .xlsb, .xls, .ods) if the "
                        "server has the extra `xlsx`; `phone_number` or `destination` in its "
                        "header row",
                    },
                    "sheet": {
                        "type": "string",
                        "description": "Of a workbook; default: the first that is not hidden",
                    },
                    **{
                        name: {key: part for key, part in schema.items() if key != "default"}
                        for name, schema in _SCHEDULE.items()
                    },
                },
            },
            "encoding": {"csv": {"contentType": "text/csv"}},
        },
        "application/json": {"schema": {"$ref": "#/components/schemas/BatchOrder"}},
    },
}
"""Both forms; `BatchOrder` is added to the document by `openapi`."""

LIST_SCHEMA = BatchOrder.model_json_schema(ref_template="#/components/schemas/{model}")
