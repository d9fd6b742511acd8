"""Numbers of PowerShell: from text as its tokenizer reads them, and from one .NET number type to another."""

from __future__ import annotations

import math
import re
import struct
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from winmigrate.lab.engine.values import Integer, Single

_MULTIPLIERS = {"kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40, "pb": 2**50}
_TOKEN = re.compile(
    r"(?P<sign>[+-]?)(?:0x(?P<hex>[0-9a-f]+)|0b(?P<bin>[01]+)"
    r"|(?P<real>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?))"
    r"(?P<suffix>(?:u?[ysnl]|u|d)?)(?P<multiplier>(?:[kmgtp]b)?)",
    re.IGNORECASE,
)


class NotANumber(ValueError):
    """The text is no number."""


def scan_number(text: str) -> int | float | Decimal:
    """The number that a text stands for in PowerShell: blanks around it, hexadecimal, 1.5, 1e3, 1kb, suffixes.

    Raises NotANumber.
    """
    found = _TOKEN.fullmatch(text.strip())
    if found is None:
        raise NotANumber(f"The input string '{text}' was not in a correct format.")
    sign = -1 if found["sign"] == "-" else 1
    factor = sign * _MULTIPLIERS.get(found["multiplier"].lower(), 1)
    if found["hex"]:
        return _signed_hexadecimal(found["hex"]) * factor
    if found["bin"]:
        return int(found["bin"], 2) * factor
    digits = found["real"]
    if found["suffix"].lower() == "d":
        return Decimal(digits) * factor
    if any(each in digits for each in ".eE"):
        return float(digits) * factor
    return int(digits) * factor


def _signed_hexadecimal(digits: str) -> int:
    """Eight digits are the bits of an Int32, sixteen those of an Int64."""
    number = int(digits, 16)
    for width in (8, 16):
        if len(digits) == width and number >> (4 * width - 1):
            return number - (1 << (4 * width))
    return number


def to_integer(number: float | Decimal | int, kind: type[Integer]) -> Integer:
    """Convert.ChangeType to an integer type: rounds half to even. Raises OverflowError with .NET's message."""
    whole = _rounded(number, kind)
    if not kind.low <= whole <= kind.high:
        raise _too_large(kind)
    return kind(whole)


def _rounded(number: float | Decimal | int, kind: type[Integer]) -> int:
    if isinstance(number, float):
        if math.isnan(number) or math.isinf(number):
            raise _too_large(kind)
        return round(number)
    if isinstance(number, Decimal):
        return int(number.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    return int(number)


def _too_large(kind: type[Integer]) -> OverflowError:
    name = kind.type_name.rpartition(".")[2]
    if name == "Byte":
        return OverflowError("Value was either too large or too small for an unsigned byte.")
    if name == "SByte":
        return OverflowError("Value was either too large or too small for a signed byte.")
    article = "an" if name.startswith("I") else "a"
    return OverflowError(f"Value was either too large or too small for {article} {name}.")


def integer_from_text(text: str, kind: type[Integer]) -> Integer:
    """A text as an integer type; nothing at all is 0. Raises NotANumber or OverflowError."""
    return kind(0) if not text else to_integer(scan_number(text), kind)


def real_from_text(text: str, kind: type[float]) -> float:
    """A text as Double or Single. Raises NotANumber."""
    if not text:
        return kind(0.0)
    named = {"nan": math.nan, "infinity": math.inf, "∞": math.inf, "-infinity": -math.inf, "-∞": -math.inf}
    special = named.get(text.strip().lower())
    if special is not None:
        return kind(special)
    try:
        return to_real(scan_number(text), kind)
    except NotANumber:
        plain = text.strip().replace(",", "")
        try:
            return to_real(float(plain), kind)
        except ValueError:
            raise NotANumber(f"The input string '{text}' was not in a correct format.") from None


def decimal_from_text(text: str) -> Decimal:
    """A text as Decimal. Raises NotANumber."""
    if not text:
        return Decimal(0)
    try:
        return Decimal(text.strip().replace(",", ""))
    except InvalidOperation:
        number = scan_number(text)
        return Decimal(repr(number)) if isinstance(number, float) else Decimal(number)


def to_real(number: Any, kind: type[float]) -> float:
    """A number as Double, or as Single rounded to its 32 bits."""
    real = float(number)
    if kind is Single and not (math.isnan(real) or math.isinf(real)):
        try:
            real = struct.unpack("<f", struct.pack("<f", real))[0]
        except OverflowError:
            real = math.copysign(math.inf, real)
    return kind(real)
