"""The small shapes that a fabric file is made of: sizes, rates, paths, tables, things by name."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any, TypeVar

from winmigrate.lab.fabric import units
from winmigrate.marked import Key, Marked, Misfit, Shape, entries, fields, listing, shown, whole, words

T = TypeVar("T")


def parsed(wanted: str, parse: Callable[[str], T]) -> Shape[T]:
    """Text that ``parse`` makes a value of."""
    text = words(wanted)

    def read(marked: Marked) -> T:
        try:
            return parse(text.read(marked))
        except ValueError as error:
            raise Misfit(marked.fault(str(error))) from error

    return Shape(read, text.schema)


def _free(marked: Marked) -> str:
    if isinstance(marked.value, dict | list) or marked.value is None:
        raise Misfit(marked.fault("wanted: text"))
    return marked.text


#: Any text at all, also empty or of several lines.
FREE: Shape[str] = Shape(_free, {"type": ["string", "integer", "boolean"]})
SIZE = parsed("a size such as 40 GB", units.size)
RATE = parsed("a rate such as 10 Gbit or 200 MB/s", units.rate)


def _guid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is no GUID") from None


def _moment(text: str) -> dt.datetime:
    try:
        found = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError(f"{shown(text)} is no time; wanted: such as 2026-03-02T08:00:00Z") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.timezone.utc)


def _mac(text: str) -> str:
    digits = text.replace("-", "").replace(":", "").upper()
    if len(digits) != 12 or set(digits) - set("0123456789ABCDEF"):
        raise ValueError(f"{shown(text)} is no MAC address; wanted: 12 hex digits")
    return digits


def _address(text: str) -> tuple[str, int]:
    import ipaddress

    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is no address; wanted: such as 10.0.0.11/24") from None
    return str(found.ip), found.network.prefixlen


def windows_path(text: str) -> str:
    """The text, if it is a path with a drive letter or a UNC path. Raises ValueError."""
    if not (text.startswith("\\\\") or text[1:3] == ":\\"):
        raise ValueError(f"{shown(text)} is no path of Windows; wanted: such as D:\\VMs\\web01\\web01.vhdx")
    return text


GUID = parsed("a GUID", _guid)
MOMENT = parsed("a time", _moment)
MAC = parsed("a MAC address", _mac)
ADDRESS = parsed("an address with its prefix", _address)
PATH = parsed("a path of Windows", windows_path)
#: Whole numbers that have no natural bound.
NUMBER = whole(0, 2**31 - 1)
#: How many a host or VM stands for; written out by winmigrate.lab.fabric.patterns before anything is read.
COUNT = whole(0, 10_000)


def _keep(marked: Marked, found: dict[str, Any]) -> dict[str, Any]:
    return {**found, "_at": marked}


def table(wanted: str, **shapes: Shape[Any] | Key) -> Shape[dict[str, Any]]:
    """A mapping of known keys, all optional unless given as Key; absent ones are None. ``_at`` is its place."""
    keys = {name: shape if isinstance(shape, Key) else Key(shape) for name, shape in shapes.items()}
    return fields(keys, wanted, _keep)


def either(name: str, scalar: Shape[Any], full: Shape[dict[str, Any]]) -> Shape[dict[str, Any]]:
    """A mapping, or just the one value that stands for its key ``name``."""

    def read(marked: Marked) -> dict[str, Any]:
        if isinstance(marked.value, dict):
            return full.read(marked)
        return {"_at": marked, name: scalar.read(marked)}

    return Shape(read, {"anyOf": [scalar.schema, full.schema]})


def named(item: Shape[dict[str, Any]], wanted: str) -> Shape[list[dict[str, Any]]]:
    """A mapping from names to ``item``, or a list of items that carry a ``name`` (for names that no key can be, and for
    two of one name). A name with nothing behind it is an item of defaults.
    """

    def filled(marked: Marked) -> dict[str, Any]:
        return item.read(Marked({}, marked.place, marked.path) if marked.value is None else marked)

    mapping = entries(Shape(filled, {"anyOf": [item.schema, {"type": "null"}]}), wanted)
    many = listing(item, wanted)

    def read(marked: Marked) -> list[dict[str, Any]]:
        if isinstance(marked.value, list):
            found = list(many.read(marked))
            missing = [one["_at"].fault('the key "name" is missing') for one in found if one.get("name") is None]
            if missing:
                raise Misfit(*missing)
            return found
        return [{**one, "name": one.get("name") or name} for name, one in mapping.read(marked).items()]

    return Shape(read, {"anyOf": [mapping.schema, many.schema]})
