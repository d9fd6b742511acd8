"""Search filters (RFC 4515), made of parts; every value is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

#: LDAP_MATCHING_RULE_IN_CHAIN: members of members, on the server ([MS-ADTS] 3.1.1.3.4.4.3).
IN_CHAIN = "1.2.840.113556.1.4.1941"
#: LDAP_MATCHING_RULE_BIT_AND.
BIT_AND = "1.2.840.113556.1.4.803"

_SPECIAL = frozenset("\\*()")


def escaped(value: str | bytes) -> str:
    """A value as it may stand in a filter.

    Bytes, what is no printable ASCII, and blanks at its ends (parsers of filters drop those) become their hex codes.
    """
    if isinstance(value, bytes):
        return "".join(f"\\{byte:02x}" for byte in value)
    inner = value.strip(" ")
    start = value.index(inner) if inner else len(value)
    return "".join(
        char if start <= place < start + len(inner) and " " <= char <= "~" and char not in _SPECIAL
        else escaped(char.encode("utf-8", "surrogatepass"))
        for place, char in enumerate(value)
    )  # fmt: skip


def equals(attribute: str, value: str | bytes) -> str:
    """``(attribute=value)``."""
    return f"({attribute}={escaped(value)})"


def any_of(attribute: str, values: Iterable[str | bytes]) -> str:
    """One of the values. An empty list finds nothing."""
    return either([equals(attribute, value) for value in values])


def either(parts: Sequence[str]) -> str:
    """One of these filters; of none, a filter that finds nothing."""
    if not parts:
        return "(!(objectClass=*))"
    return parts[0] if len(parts) == 1 else f"(|{''.join(parts)})"


def both(*parts: str) -> str:
    """All of these filters."""
    return f"(&{''.join(parts)})"


def in_chain(attribute: str, name: str) -> str:
    """``attribute`` reaches the object of this distinguished name, through any number of groups."""
    return f"({attribute}:{IN_CHAIN}:={escaped(name)})"
