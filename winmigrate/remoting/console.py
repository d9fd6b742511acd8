"""What powershell.exe writes on a console with ``-OutputFormat XML``: documents of values, each marked with its stream.

RefIds count through a document. Here each value is given back as CLIXML of its own, with what it refers to inside.
"""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from winmigrate.errors import ClixmlError

_MARK = "#< CLIXML"
#: A value refers to values that refer to values: deeper than this it is no answer of PowerShell.
_MOST_DEPTH = 50


def documents(text: str) -> Iterator[str]:
    """The CLIXML documents of one stream, which may hold several. Raises ClixmlError for text that is none."""
    text = text.removeprefix("\ufeff").strip()
    before, *found = text.split(_MARK)
    if before.strip():
        raise ClixmlError(f"text where CLIXML was expected: {' '.join(before.split())[:200]}")
    yield from (each.strip() for each in found if each.strip())


def values(text: str) -> Iterator[tuple[str, str]]:
    """(stream, CLIXML) of each value: "output", "error", "progress", "warning", "verbose", "debug", "information".

    Raises ClixmlError.
    """
    for document in documents(text):
        if "<!" in document.split(">", 1)[0] or "<!DOCTYPE" in document or "<!ENTITY" in document:
            raise ClixmlError("a document type or entity is not CLIXML")
        try:
            root = ET.fromstring(document)
        except ET.ParseError as error:
            raise ClixmlError(str(error)) from None
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        types = {str(each.get("RefId")): each for each in root.iter("TN")}
        objects = {str(each.get("RefId")): each for each in root.iter("Obj") if each.get("RefId") is not None}
        for element in list(root):
            if element.tag == "Ref":
                raise ClixmlError("a Ref at the top of a document")
            stream = (element.attrib.pop("S", None) or "Output").lower()
            yield stream, ET.tostring(_whole(element, types, objects, 0), "unicode").strip()


def _whole(
    element: ET.Element, types: dict[str, ET.Element], objects: dict[str, ET.Element], depth: int
) -> ET.Element:
    """The element with no reference to what stands outside it; its own RefIds stay as they are."""
    if depth > _MOST_DEPTH:
        raise ClixmlError("values that refer to one another without an end")
    made = ET.Element(element.tag, dict(element.attrib))
    made.text, made.tail = element.text, None
    for child in element:
        if child.tag == "TNRef":
            known = types.get(str(child.get("RefId")))
            if known is None:
                raise ClixmlError("a TNRef to nothing")
            made.append(copy.deepcopy(known))
        elif child.tag == "Ref":
            target = objects.get(str(child.get("RefId")))
            if target is None:
                raise ClixmlError("a Ref to nothing")
            put = _whole(target, types, objects, depth + 1)
            for key in ("S", "N", "RefId"):
                put.attrib.pop(key, None)
            if child.get("N") is not None:
                put.set("N", str(child.get("N")))
            made.append(put)
        else:
            made.append(_whole(child, types, objects, depth + 1))
    return made
