"""Numbers of the enumerations in our columns, by enumeration and name.

Hyper-V's own come from the captured types. The others are from Microsoft's reference of the CIM classes behind the
cmdlets (MSFT_NetIPAddress, MSFT_Volume); where the cmdlet gives names alone, no number is needed.
Names decide, numbers fill in: one number in Hyper-V is a typing error of its own (ApplyingSnapshot, 23769 for 32769).
"""

from __future__ import annotations

from functools import cache

from winmigrate.facts import types

_OTHERS: dict[str, dict[str, int]] = {
    "AddressFamily": {"IPv4": 2, "IPv6": 23},
    "DriveType": {
        "Unknown": 0,
        "Invalid Root Path": 1,
        "Removable": 2,
        "Fixed": 3,
        "Remote": 4,
        "CD-ROM": 5,
        "RAM Disk": 6,
    },
    "HealthStatus": {"Healthy": 0, "Scan Needed": 1, "Spot Fix Needed": 2, "Full Repair Needed": 3},
    "InstallState": {},
}


@cache
def numbers(enumeration: str) -> dict[str, int]:
    """Name to number. Raises KeyError for an enumeration that no column holds."""
    return _OTHERS[enumeration] if enumeration in _OTHERS else types.enums("Hyper-V")[enumeration]


@cache
def names(enumeration: str) -> dict[int, str]:
    """Number to name."""
    return {number: name for name, number in numbers(enumeration).items()}
