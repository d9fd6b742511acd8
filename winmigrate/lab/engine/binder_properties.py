"""What a piped object offers by property name."""

from __future__ import annotations

from typing import Any, Final

from winmigrate.lab.engine import values as v
from winmigrate.lab.engine.binder_metadata import Bindable


class _NoValue:
    def __repr__(self) -> str:
        return "NO_VALUE"


NO_VALUE: Final = _NoValue()  # a parameter named without a value, a property that is not there


def property_for(value: Any, parameter: Bindable) -> Any:
    """The object's property of the parameter's name or alias, or NO_VALUE."""
    for name in (parameter.name, *parameter.aliases):
        found = _member(value, name.lower())
        if found is not NO_VALUE:
            return found
    return NO_VALUE


def _member(value: Any, folded: str) -> Any:
    if isinstance(value, v.PSObject):
        for source in (value.notes, value.properties):
            for key in source:
                if key.lower() == folded:
                    return source[key]
        return NO_VALUE
    if isinstance(value, v.Noted):
        for key, note in value.notes.items():
            if key.lower() == folded:
                return note
        value = value.value
    if isinstance(value, v.PSCredential):
        return {"username": value.username, "password": value.password}.get(folded, NO_VALUE)
    if (isinstance(value, str) and folded == "length") or (isinstance(value, (list, dict)) and folded == "count"):
        return v.Int32(len(value))
    return NO_VALUE
