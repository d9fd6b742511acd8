"""Sizes and rates as a fabric file writes them. KB, MB, GB and TB are binary, as Windows shows them."""

from __future__ import annotations

import re

_FACTORS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:([kmgt]?)i?b?)", re.IGNORECASE)
_BITS = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)bit(?:/s)?", re.IGNORECASE)
_DECIMAL = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def size(text: str) -> int:
    """Bytes of "8 GB", "512MiB", "1.5TB" or "4096". ValueError with what is wanted."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'"{text}" is no size; wanted: such as 40 GB, 512 MB or 4 TB')
    return int(float(match[1]) * _FACTORS[match[2].lower()])


def rate(text: str) -> float:
    """Bytes a second of "10 Gbit", "1Gbit/s", "200 MB" or "200 MB/s"."""
    bits = _BITS.fullmatch(text.strip())
    if bits is not None:
        return float(bits[1]) * _DECIMAL[bits[2].lower()] / 8
    try:
        return float(size(text.strip().removesuffix("/s")))
    except ValueError:
        raise ValueError(f'"{text}" is no rate; wanted: such as 10 Gbit or 200 MB/s') from None
