"""Rows: what one object of Windows becomes, declared once.

A row type is a frozen, slotted dataclass whose fields are columns. A column names the Windows property, what kind of
value it holds, and the Windows version that brought it. The projection (``Select-Object``) and the parsing both come
from it.

``Select-Object`` answers null for a property that does not exist, without an error. So whether a property is there is
never read off an answer: it comes from the version facts of the column, and from the members that ``Get-Member`` named
on that host where the facts are thin.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.remoting.clixml.values import EnumValue, PSObject
from winmigrate.request import Command, select
from winmigrate.windows import enums

NOT_ON_THIS_BUILD = Unreadable("not on this build")
NOT_ASKED = Unreadable("not asked")

R = TypeVar("R")


# --- kinds of values ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kind:
    """What a column holds. ``parse`` gives the value, or raises ValueError where the answer is of another kind."""

    what: str
    parse: Callable[[Any], Any]


def _text(value: Any) -> str:
    if isinstance(value, EnumValue):
        return value.name
    if isinstance(value, PSObject):
        if value.to_string is None:
            raise ValueError
        return value.to_string
    if isinstance(value, bool) or not isinstance(value, str | int | float | uuid.UUID):
        raise ValueError
    return str(value)


def _integer(value: Any) -> int:
    if isinstance(value, EnumValue):
        return value.value
    if isinstance(value, bool):
        raise ValueError
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return int(value.strip())
    raise ValueError


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    raise ValueError


def _guid(value: Any) -> str:
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, str):
        return str(uuid.UUID(value.strip().strip("{}")))
    raise ValueError


def _date(value: Any) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    raise ValueError


def _span(value: Any) -> dt.timedelta:
    if isinstance(value, dt.timedelta):
        return value
    raise ValueError


def _texts(value: Any) -> tuple[str, ...]:
    # A list of one may come as its one item.
    return tuple(_text(item) for item in (value if isinstance(value, list) else [value]))


#: Text. Versions, URIs and the like are text as well.
TEXT = Kind("text", _text)
#: A list of texts; a nullable one is None where there is no list.
TEXTS = Kind("a list of texts", _texts)
#: An integer of any width, also where CIM writes it as text.
INTEGER = Kind("an integer", _integer)
BOOLEAN = Kind("true or false", _boolean)
#: A GUID, as lower-case text without braces.
GUID = Kind("a GUID", _guid)
DATE = Kind("a date", _date)
SPAN = Kind("a time span", _span)


def enumeration(name: str) -> Kind:
    """The enumeration's name as text, whether the host answered its name, its number or both; flags with ", " between.

    A name or number that the enumeration is not known to hold may mean anything, and is no value of it; unless the
    enumeration is one of which not all names are known.
    """

    def parse(value: Any) -> str:
        numbers, names = enums.numbers(name), enums.names(name)
        if isinstance(value, EnumValue):
            value = value.name if value.name in numbers or not value.name.lstrip("-").isdigit() else value.value
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ValueError
        text = str(value)
        if text.isdigit() and int(text) in names:
            return names[int(text)]
        if enums.is_open(name) or text == "0" or all(part in numbers for part in text.split(", ")):
            return text
        raise ValueError

    return Kind(f"a {name}", parse)


# --- columns -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a row type; ``since`` is the Windows version that brought the property, None for 2012."""

    property: str
    kind: Kind
    since: str | None
    nullable: bool

    def present(self, version: str, members: Collection[str] | None) -> bool:
        """Is the property there? ``members`` are lower-case names Get-Member gave on the host; None if not asked."""
        if self.since is not None and not at_least(version, self.since):
            return False
        return members is None or self.property.lower() in members


_COLUMN = "winmigrate.column"


def column(property: str, kind: Kind, *, since: str | None = None, nullable: bool = False) -> Any:
    """A field of a row type. A nullable one may be None, and an empty text is None there too."""
    described = Column(property, kind, since, nullable)
    return dataclasses.field(default=NOT_ASKED, metadata={_COLUMN: described})


def columns(row_type: type[Any]) -> dict[str, Column]:
    """Field name to column, in order."""
    return {item.name: item.metadata[_COLUMN] for item in dataclasses.fields(row_type) if _COLUMN in item.metadata}


def projection(row_type: type[Any], version: str) -> Command:
    """The ``Select-Object`` that makes objects into this row on a host of this version."""
    return select(*(item.property for item in columns(row_type).values() if item.present(version, None)))


def rows(
    row_type: type[R], objects: Iterable[Any], version: str, members: Collection[str] | None = None
) -> tuple[R, ...]:
    """The rows of what a projection brought back (``clixml.loads`` of each output message).

    A value of the wrong kind, or a missing one, is Unreadable with what the host answered; nothing raises.
    """
    if members is not None:
        members = {member.lower() for member in members}
    there: dict[str, Column] = {}
    missing: dict[str, Any] = {}
    for name, described in columns(row_type).items():
        if described.present(version, members):
            there[name] = described
        else:
            missing[name] = NOT_ON_THIS_BUILD
    return tuple(row_type(**_cells(there, item), **missing) for item in objects)


def _cells(there: Mapping[str, Column], item: Any) -> dict[str, Any]:
    if not isinstance(item, PSObject):
        return dict.fromkeys(there, Unreadable(f"expected an object, the host answered {_shown(item)}"))
    properties = {name.lower(): value for name, value in item.properties.items()}
    return {name: _cell(described, properties) for name, described in there.items()}


def _cell(described: Column, properties: Mapping[str, Any]) -> Any:
    if described.property.lower() not in properties:
        return Unreadable(f"the host's answer has no {described.property}")
    value = properties[described.property.lower()]
    if value is None or (value == "" and described.nullable and described.kind not in (INTEGER, BOOLEAN)):
        return None if described.nullable else Unreadable(f"the host answered nothing for {described.property}")
    try:
        return described.kind.parse(value)
    except ValueError:
        return Unreadable(f"expected {described.kind.what}, the host answered {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, PSObject):
        if value.to_string is not None:
            return repr(value.to_string)
        return f"a {value.type_names[0]}" if value.type_names else "an object without a type"
    return repr(value) if len(repr(value)) <= 80 else repr(value)[:77] + "..."
