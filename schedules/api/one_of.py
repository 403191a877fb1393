"""Documents a response that is one of several shapes, such as a job or the preview of its resumption."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import GetJsonSchemaHandler, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import core_schema

from access.api.schema import Shape


class OneOf(Shape):
    """Base class that documents a response with several possible shapes. A view returns one of these shapes."""

    shapes: ClassVar[Any]  # the union of the possible shapes

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return handler(TypeAdapter(cls.shapes).core_schema)
