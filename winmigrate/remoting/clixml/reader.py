"""CLIXML, text to values: one pass of expat, no tree.

Safe on anything a host may send: a DTD or an entity is refused, nesting is bounded, every piece of work is linear in
the text. A ``Ref`` is the very object it names; to an object that is still open (a cycle) it is an empty
:class:`PSObject` with the type names known so far, since a cycle could be neither compared nor written.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Any
from xml.parsers import expat

from winmigrate.errors import ClixmlError
from winmigrate.remoting.clixml.rows import document
from winmigrate.remoting.clixml.scalars import SCALARS, text_of
from winmigrate.remoting.clixml.values import EnumValue, PSObject

#: Objects within objects. PowerShell itself writes at most about 50 levels of depth, three of ours each.
MAX_NESTING = 256

_LISTS = frozenset({"LST", "IE", "QUE", "STK"})
_PREFIX = "Deserialized."
_STDERR_MARK = "#< CLIXML"


class _Names(dict[str, str]):
    """Property names as written -> as meant. Kept over documents (a message is one), and bounded."""

    def __missing__(self, raw: str) -> str:
        name = text_of(raw)
        if len(self) < _MOST_NAMES and len(raw) < 256:
            self[raw] = name
        return name


_MOST_NAMES = 10_000
_NAMES = _Names()


class _Open:
    """An ``Obj`` whose end tag is still to come."""

    __slots__ = ("entries", "is_dict", "is_list", "items", "key", "properties", "ref", "text", "types")

    def __init__(self, key: str | None, ref: str | None) -> None:
        self.key = key
        self.ref = ref
        self.types: tuple[str, ...] = ()
        self.text: str | None = None
        self.properties: dict[str, Any] = {}
        self.items: list[Any] = []
        self.entries: list[dict[str, Any]] = []
        self.is_list = False
        self.is_dict = False

    def close(self) -> Any:
        if self.is_list:
            return self.items
        if self.is_dict:
            return dict(_entry(entry) for entry in self.entries)
        if len(self.items) > 1:
            raise ValueError("an object with two values")
        if self.items:
            value = self.items[0]
            if "System.Enum" in self.types:
                if isinstance(value, bool) or not isinstance(value, int):
                    raise ValueError("an enumeration value that is no number")
                return EnumValue(self.text if self.text is not None else str(value), value)
            return value
        return PSObject(self.types, self.text, self.properties)


def _entry(entry: dict[str, Any]) -> tuple[Any, Any]:
    if len(entry) != 2 or "Key" not in entry or "Value" not in entry:
        raise ValueError("a dictionary entry without Key and Value")
    key = entry["Key"]
    if isinstance(key, PSObject):
        key = key.to_string
    if isinstance(key, list | dict) or not isinstance(key, Hashable):
        raise ValueError("a dictionary key that cannot be one")
    return key, entry["Value"]


class _Reader:
    """The state between expat's calls. Scalars, the hot path, touch four names and no frame."""

    def __init__(self) -> None:
        self.roots: list[Any] = []
        parser = self.parser = expat.ParserCreate("utf-8")
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.buffer_size = 65536
        parser.StartDoctypeDeclHandler = self._refuse_dtd
        parser.EntityDeclHandler = self._refuse_dtd
        self._wire()

    def _refuse_dtd(self, *_: Any) -> None:
        raise ValueError("a document type or entity is not CLIXML")

    def _wire(self) -> None:  # one closure over all state: local names are what makes this fast
        convert_of = SCALARS.get
        names = _NAMES
        text: list[str] = []
        clear = text.clear
        roots = self.roots
        properties: dict[str, Any] | None = None
        items: list[Any] = roots
        name: str | None = None
        convert: Callable[[str], Any] | None = None
        stack: list[tuple[dict[str, Any] | None, list[Any], str]] = []
        opened: list[_Open] = []
        objects: dict[str, Any] = {}
        types: dict[str, tuple[str, ...]] = {}
        type_names: list[str] = []
        type_ref: str | None = None
        where = ""
        holds = True
        rooted = False

        def place(key: str | None, value: Any) -> None:
            if properties is None:
                items.append(value)
            elif key is None:
                raise ValueError("a property without a name")
            else:
                properties[names[key]] = value

        def named(raw: str) -> None:
            type_names.append(names[raw.removeprefix(_PREFIX)])

        def described(raw: str) -> None:
            opened[-1].text = text_of(raw)

        def start(tag: str, attributes: list[str]) -> None:
            nonlocal name, convert
            if convert is not None:
                raise ValueError(f"<{tag}> inside a scalar")
            convert = convert_of(tag)
            if convert is not None:
                if not holds:
                    raise ValueError(f"<{tag}> inside <{where}>")
                clear()
                if not attributes:
                    name = None
                elif attributes[0] == "N":
                    name = attributes[1]
                else:
                    name = _attribute(attributes, "N")
            elif tag == "T" or tag == "ToString":
                if where != ("TN" if tag == "T" else "Obj"):
                    raise ValueError(f"<{tag}> inside <{where}>")
                convert = named if tag == "T" else described
                clear()
            else:
                begin(tag, attributes)

        def begin(tag: str, attributes: list[str]) -> None:
            nonlocal properties, items, where, holds, rooted, type_ref
            if len(stack) >= MAX_NESTING:
                raise ValueError(f"nested more than {MAX_NESTING} deep")
            stack.append((properties, items, where))
            if tag == "Obj" and holds:
                current = _Open(_attribute(attributes, "N"), _attribute(attributes, "RefId"))
                opened.append(current)
                properties, items = None, current.items
            elif tag == "Ref" and holds:
                place(_attribute(attributes, "N"), _referred(_attribute(attributes, "RefId"), objects, opened))
            elif tag == "Objs" and not rooted:
                pass
            elif where != "Obj" and not (tag == "En" and where == "DCT"):
                raise ValueError(f"<{tag}> inside <{where or 'nothing'}>")
            elif tag == "MS" or tag == "Props":
                properties = opened[-1].properties
            elif tag in _LISTS:
                opened[-1].is_list = True
            elif tag == "DCT":
                opened[-1].is_dict = True
            elif tag == "En":
                properties = {}
                opened[-1].entries.append(properties)
            elif tag == "TN":
                type_names.clear()
                type_ref = _attribute(attributes, "RefId")
            elif tag == "TNRef":
                ref = _attribute(attributes, "RefId")
                if ref is None or ref not in types:
                    raise ValueError("a TNRef to nothing")
                opened[-1].types = types[ref]
            else:
                raise ValueError(f"<{tag}> is not CLIXML")
            rooted = True
            where = tag
            holds = tag in _HOLDERS

        def end(tag: str) -> None:
            nonlocal properties, items, convert, where, holds
            if convert is None:
                properties, items, where = stack.pop()
                holds = where in _HOLDERS
                if tag == "Obj":
                    current = opened.pop()
                    value = current.close()
                    if current.ref is not None:
                        objects[current.ref] = value
                    place(current.key, value)
                elif tag == "TN":
                    opened[-1].types = tuple(type_names)
                    if type_ref is not None:
                        types[type_ref] = opened[-1].types
                return
            value = convert(text[0] if len(text) == 1 else "".join(text))
            if convert is named or convert is described:
                pass
            elif properties is None:
                items.append(value)
            elif name is None:
                raise ValueError("a property without a name")
            else:
                properties[names[name]] = value
            convert = None

        self.parser.StartElementHandler = start
        self.parser.EndElementHandler = end
        self.parser.CharacterDataHandler = text.append

    def read(self, text: str) -> list[Any]:
        try:
            self.parser.Parse(text.encode("utf-8"), True)
        except expat.ExpatError as error:
            raise ClixmlError(expat.ErrorString(error.code), (error.lineno, error.offset + 1)) from None
        except UnicodeEncodeError as error:
            raise ClixmlError("half of a surrogate pair, unescaped", _position(text, error.start)) from None
        except (ValueError, OverflowError, ArithmeticError) as error:
            position = (self.parser.CurrentLineNumber, self.parser.CurrentColumnNumber + 1)
            raise ClixmlError(str(error), position) from None
        return self.roots


#: Where a value may stand: at the top, in an object as its value, in its members, in a list, in a dictionary's entry.
_HOLDERS = frozenset({"", "Objs", "Obj", "MS", "Props", "En", *_LISTS})


def _attribute(attributes: list[str], wanted: str) -> str | None:
    for index in range(0, len(attributes), 2):
        if attributes[index] == wanted:
            return attributes[index + 1]
    return None


def _referred(ref: str | None, objects: dict[str, Any], opened: list[_Open]) -> Any:
    if ref is not None and ref in objects:
        return objects[ref]
    for outer in opened:
        if ref is not None and outer.ref == ref:
            return PSObject(outer.types, outer.text)
    raise ValueError("a Ref to nothing")


def _position(text: str, index: int) -> tuple[int, int]:
    before = text[:index]
    return before.count("\n") + 1, index - before.rfind("\n")


def load_all(text: str) -> list[Any]:
    """All values of a document, in order: several in ``<Objs>``, or the one element that is the document.

    A byte-order mark and the line ``#< CLIXML`` (PowerShell's standard error) before the document are passed over.
    Raises ClixmlError with the position.
    """
    text = text.removeprefix("\ufeff")
    # a row with a bad value is left to the reader proper, which knows the position
    with suppress(ValueError, ArithmeticError):
        simple = document(text)
        if simple is not None:
            return simple
    if text.startswith(_STDERR_MARK):
        text = text[len(_STDERR_MARK) :].lstrip()
    return read_all(text)


def read_all(text: str) -> list[Any]:
    """As :func:`load_all`, by the reader proper alone."""
    return _Reader().read(text)


def loads(text: str) -> Any:
    """The one value of a document: I8 to U64 int, Sg and Db float, D Decimal, S and C str, B bool, Nil None, BA bytes,
    DT datetime (aware if the text has an offset), TS timedelta (the seventh digit is dropped), G UUID, Version and URI
    str, SS :class:`SealedText`, enumerations :class:`EnumValue`, lists list, dictionaries dict, a scalar with note
    properties the bare scalar, the rest :class:`PSObject`.

    Raises ClixmlError with the position for bad CLIXML, or if there is not exactly one value.
    """
    values = load_all(text)
    if len(values) != 1:
        raise ClixmlError(f"{len(values)} values where one was expected")
    return values[0]
