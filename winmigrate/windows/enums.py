"""Numbers of the enumerations in our columns, by enumeration and name.

Those of Hyper-V and of failover clusters come from the captured types. The others are from Microsoft's reference of
the CIM classes behind the cmdlets (MSFT_NetIPAddress, MSFT_Volume); where a cmdlet gives names, no number is needed.
Names decide, numbers fill in: one number in Hyper-V is a typing error of its own (ApplyingSnapshot, 23769 for 32769).
"""

from __future__ import annotations

from functools import cache

from winmigrate.facts import types

_OTHERS: dict[str, dict[str, int]] = {
    "AccessControlType": {"Allow": 0, "Deny": 1},
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
    "ShareAccessRight": {"Full": 0, "Change": 1, "Read": 2, "Custom": 3},
    "ShareState": {"Pending": 0, "Online": 1, "Offline": 2},
}


@cache
def numbers(enumeration: str) -> dict[str, int]:
    """Name to number; of another module's than Hyper-V as ``Module.Name``. Raises KeyError where it is not known."""
    if enumeration in _OTHERS:
        return _OTHERS[enumeration]
    module, _, name = enumeration.rpartition(".")
    return types.enums(module or "Hyper-V")[name]


@cache
def names(enumeration: str) -> dict[int, str]:
    """Number to name."""
    return {number: name for name, number in numbers(enumeration).items()}


#: Enumerations of modules other than Hyper-V whose names are told by pages that do not claim to hold all of them.
_OPEN = frozenset({"DriveType", "HealthStatus", "InstallState"})


def is_open(enumeration: str) -> bool:
    """May it hold names that nothing here knows of?"""
    return enumeration in _OPEN
