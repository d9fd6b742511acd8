"""Members of enumerations by name, beginning of a name, number, or several joined by commas."""

from __future__ import annotations

import re

from winmigrate.lab.engine.conversion_types import NetType
from winmigrate.lab.engine.values import EnumValue


class UndefinedMember(ValueError):
    """The number is none of the enumeration's; the text is PowerShell's whole message."""


def enum_from_number(number: int, target: NetType, shown: str) -> EnumValue:
    """The member with this number, or several of a flags enumeration. Raises UndefinedMember."""
    for name, value in target.numbers.items():
        if value == number:
            return EnumValue(target.name, name, number)
    if any(value < 0 for value in target.numbers.values()):
        return EnumValue(target.name, str(number), number)
    combined = _combined(number, target)
    if combined is None:
        raise UndefinedMember(
            f'Cannot convert value "{shown}" to type "{target.name}" due to enumeration values that are not valid. '
            "Specify one of the following enumeration values and try again. The possible enumeration values are "
            f'"{",".join(names_by_number(target))}".'
        )
    return EnumValue(target.name, combined, number)


def names_by_number(target: NetType) -> list[str]:
    """Names as Enum.GetNames orders them: by number, negative ones last."""
    return sorted(target.numbers, key=lambda name: target.numbers[name] % (1 << 64))


def _combined(number: int, target: NetType) -> str | None:
    """Names that make up the number, where the members are distinct bits; None if it is no such enumeration."""
    bits = sorted(value for value in target.numbers.values() if value > 0)
    if len(bits) < 3 or any(value & (value - 1) for value in bits) or number <= 0:
        return None
    names = {value: name for name, value in target.numbers.items()}
    if bits[:3] != [1, 2, 4] or number & ~sum(set(bits)):
        return None
    return ", ".join(names[value] for value in sorted(set(bits)) if number & value)


def enum_from_text(text: str, target: NetType) -> EnumValue:
    """The member that a text means; any case, unambiguous beginnings. Raises ValueError with PowerShell's reason."""
    parts = [part.strip() for part in text.split(",")]
    if all(re.fullmatch(r"[+-]?\d+", part) for part in parts) and len(parts) == 1:
        return enum_from_number(int(parts[0]), target, text)
    number = 0
    names = [_exact(part, target) for part in parts]
    if all(name is not None for name in names):
        for name in names:
            number |= target.numbers[name or ""]
        return enum_from_number(number, target, text)
    return enum_from_number(target.numbers[_beginning(text, target)], target, text)


def _exact(text: str, target: NetType) -> str | None:
    if text in target.numbers:
        return text
    folded = text.lower()
    return next((name for name in target.numbers if name.lower() == folded), None)


def _beginning(text: str, target: NetType) -> str:
    folded = text.lower()
    matches = [name for name in target.numbers if name.lower().startswith(folded)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise ValueError(
            f"Unable to match the identifier name {text} to a valid enumerator name. Specify one of the following "
            f"enumerator names and try again:\n{', '.join(names_by_number(target))}"
        )
    raise ValueError(
        f"The identifier name {text} cannot be processed because it is either too similar or identical to the "
        f"following enumerator names: {', '.join(matches)}. Use a more specific identifier name."
    )
