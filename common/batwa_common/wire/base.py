"""What every shape that crosses a socket has in common."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, GetJsonSchemaHandler, PlainSerializer
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from batwa_common import docstrings

API_VERSION = 1


class Wire(BaseModel):
    """Read by either side. Unknown keys are ignored, so that an old reader survives a new writer."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        defer_build=True,  # a program uses few of the shapes, and starts sooner for it
        json_schema_serialization_defaults_required=True,  # what we send, we always send
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """A field's docstring becomes its description."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for name, text in docstrings.of_fields(cls).items():
            properties[name]["description"] = text
        return schema

    def told(self) -> dict[str, Any]:
        """Return what was given as plain JSON, without what its `repr` hides: that may be kept in a log."""
        plain = self.model_dump(mode="json", exclude_unset=True)
        for name, field in type(self).model_fields.items():
            if name in plain and not field.repr:
                del plain[name]
            elif name in plain and isinstance(value := getattr(self, name), Wire):
                plain[name] = value.told()
        return plain


class Command(Wire):
    """Sent by a caller: unknown keys are refused, because a typo must not be obeyed silently."""

    model_config = ConfigDict(extra="forbid")


def _aware(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Timestamp = Annotated[datetime, AfterValidator(_aware)]
"""An instant in UTC. A value without a zone is read as UTC; ours are written with `Z`."""

NaiveTimestamp = Annotated[
    datetime,
    AfterValidator(_aware),
    PlainSerializer(lambda at: at.strftime("%Y-%m-%dT%H:%M:%S"), return_type=str, when_used="json"),
]
"""An instant in UTC, written as the Batwa API documents it: whole seconds, no zone."""


def utc_now() -> datetime:
    """Return the wall clock as an aware UTC time."""
    return datetime.now(UTC)
