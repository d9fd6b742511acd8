"""The scalar types of CLIXML, text to value: one table, by tag. MS-PSRP 2.2.5.1 names the forms.

Strict where Python is generous: ``int("1_0")`` is 10, ``float("1_0")`` is 10.0, neither is CLIXML.
"""

from __future__ import annotations

import binascii
import datetime as dt
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from winmigrate.remoting.clixml.values import SealedText

_ESCAPE = re.compile(r"_[xX]([0-9A-Fa-f]{4})_")
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_SPAN = re.compile(r"(-)?P(?:(\d{1,8})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,9}))?S)?)?", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_DECIMAL = re.compile(r"[+-]?\d{1,40}(?:\.\d{1,40})?", re.ASCII)
_FLOAT_WORDS = {"INF": float("inf"), "-INF": float("-inf"), "NaN": float("nan")}
_LONGEST_INTEGER = 20
_DIGITS = frozenset("0123456789")


def text_of(raw: str) -> str:
    """``_xHHHH_`` escapes resolved; two escapes that make one character beyond U+FFFF become that character."""
    if "_x" not in raw and "_X" not in raw:
        return raw
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), raw)
    return _SURROGATES.sub(lambda match: match[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)


def _int(raw: str) -> int:
    if raw.isdigit() and raw.isascii() and len(raw) <= _LONGEST_INTEGER:
        return int(raw)
    digits = raw[1:]
    if raw[:1] in ("-", "+") and digits.isdigit() and digits.isascii() and len(digits) <= _LONGEST_INTEGER:
        return int(raw)
    raise ValueError("no integer")


def _float(raw: str) -> float:
    if raw in _FLOAT_WORDS:
        return _FLOAT_WORDS[raw]
    if "_" in raw or len(raw) > 400:
        raise ValueError("no floating-point number")
    return float(raw)


def _decimal(raw: str) -> Decimal:
    if _DECIMAL.fullmatch(raw) is None:
        raise ValueError("no decimal number")
    return Decimal(raw)


def _bool(raw: str) -> bool:
    if raw == "true":
        return True
    if raw == "false":
        return False
    raise ValueError("neither true nor false")


def _char(raw: str) -> str:
    code = _int(raw)
    if code > 0xFFFF or code < 0:
        raise ValueError("no UTF-16 code unit")
    return chr(code)


def _bytes(raw: str) -> bytes:
    packed = "".join(raw.split())
    if len(packed) % 4 or not packed.isascii():
        raise ValueError("no base64 text")
    return binascii.a2b_base64(packed.encode("ascii"))


def _date(raw: str) -> dt.datetime:
    if len(raw) == 28 and raw[27] == "Z" and raw[19] == "." and raw[10] == "T" and raw[5] != "W" and raw[26] in _DIGITS:
        return dt.datetime.fromisoformat(raw[:26] + "+00:00")  # as PowerShell mostly writes it
    match = _DATE.fullmatch(raw)
    if match is None:
        raise ValueError("no date")
    when = dt.datetime.fromisoformat(match[1])
    if match[2]:
        when = when.replace(microsecond=int((match[2] + "00000")[:6]))
    zone = match[3]
    if zone is None:
        return when
    if zone == "Z":
        return when.replace(tzinfo=dt.timezone.utc)
    offset = dt.timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    return when.replace(tzinfo=dt.timezone(-offset if zone[0] == "-" else offset))


def _span(raw: str) -> dt.timedelta:
    match = _SPAN.fullmatch(raw)
    if match is None or raw[-1] in "PT":
        raise ValueError("no time span")
    sign, days, hours, minutes, seconds, fraction = match.groups()
    span = dt.timedelta(
        days=int(days or 0),
        hours=int(hours or 0),
        minutes=int(minutes or 0),
        seconds=int(seconds or 0),
        microseconds=int(((fraction or "") + "000000")[:6]),
    )
    return -span if sign else span


def _uuid(raw: str) -> uuid.UUID:
    plain = raw.replace("-", "")
    if len(raw) == 36 and len(plain) == 32 and plain.isalnum():
        return uuid.UUID(int=int(plain, 16))  # half the time of reading it as text
    return uuid.UUID(raw)


def _nil(raw: str) -> None:
    if raw.strip():
        raise ValueError("Nil holds nothing")


#: Tag -> reader of its text. Each raises ValueError (or a child of it) for text that is no such value.
SCALARS: dict[str, Callable[[str], Any]] = {
    "S": text_of,
    "C": _char,
    "B": _bool,
    "DT": _date,
    "TS": _span,
    "By": _int,
    "SB": _int,
    "U16": _int,
    "I16": _int,
    "U32": _int,
    "I32": _int,
    "U64": _int,
    "I64": _int,
    "Sg": _float,
    "Db": _float,
    "D": _decimal,
    "BA": _bytes,
    "G": _uuid,
    "URI": text_of,
    "Version": text_of,
    "XD": text_of,
    "SBK": text_of,
    "SS": SealedText,
    "Nil": _nil,
}
