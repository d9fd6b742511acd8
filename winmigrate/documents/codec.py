"""Between nouns (frozen dataclasses) and the data of JSON, by their annotations.

datetime and timedelta stand in ISO 8601, UUID in hyphens, tuples as lists, an Unreadable as ``{"unreadable": reason,
"needs": ...}``. Reading is strict: a number is not taken for text, and what reading would drop is refused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")

#: From the body of one version to the body of the next.
Upgrade = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Kind(Generic[T]):
    """A kind of document: its name in the file, the noun's type, the schema's version.

    ``upgrades[n]`` makes a body of version n into one of version n + 1; versions without one are refused.
    """

    name: str
    type: type[T]
    version: int = 1
    upgrades: Mapping[int, Upgrade] = field(default_factory=dict)


@functools.cache
def _adapter(kind: Kind[Any]) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(kind.type)


def to_data(kind: Kind[T], noun: T) -> Any:
    """The noun as lists, dicts, text, numbers, bools and None. Raises ValueError where a value has no place in JSON."""
    from pydantic_core import PydanticSerializationError

    try:
        return _adapter(kind).dump_python(noun, mode="json", warnings="error")
    except PydanticSerializationError as error:
        raise ValueError(str(error)) from error


def from_json(kind: Kind[T], text: str) -> T:
    """The noun of a body's JSON text. Raises ValueError naming the place of each thing that does not fit."""
    from pydantic import ValidationError

    try:
        noun: T = _adapter(kind).validate_json(text, strict=True)
    except ValidationError as error:
        shown = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()[:5]]
        more = f" (and {error.error_count() - 5} more)" if error.error_count() > 5 else ""
        raise ValueError("; ".join(shown) + more) from error
    return noun


def json_schema(kind: Kind[Any]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a document of this kind, envelope and body."""
    body = _adapter(kind).json_schema(mode="serialization")
    definitions = body.pop("$defs", {})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"winmigrate {kind.name}, version {kind.version}",
        "type": "object",
        "properties": {
            "winmigrate": {"const": kind.name},
            "version": {"const": kind.version},
            "digest": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
            "body": body,
        },
        "required": ["winmigrate", "version", "digest", "body"],
        "additionalProperties": False,
        **({"$defs": definitions} if definitions else {}),
    }
