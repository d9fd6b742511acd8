"""Rows of what policies and other programs make of a host: user rights, Registry.pol, scanners, modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.request import SWITCH, Statement, command
from winmigrate.windows.row import BOOLEAN, INTEGER, TEXT, Kind, column
from winmigrate.windows.table import Table, cim

LOGON_AS_SERVICE = "SeServiceLogonRight"
CREATE_SYMBOLIC_LINKS = "SeCreateSymbolicLinkPrivilege"
#: Where Windows keeps what policies set for the machine; where Windows is not on C:, it is elsewhere.
REGISTRY_POL = "C:\\Windows\\System32\\GroupPolicy\\Machine\\Registry.pol"
#: How every such file begins: "PReg".
SIGNATURE = (0x50, 0x52, 0x65, 0x67)


def _texts(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in items):
        raise ValueError
    return tuple(items)


TEXTS = Kind("a list of texts", _texts)


@dataclass(frozen=True, slots=True)
class UserRight:
    """RSOP_UserPrivilegeRight: a right that a policy sets. Of several of one right that of ``precedence`` 1 holds.

    ``accounts`` are names or SIDs ("*S-1-5-32-544"), as the policy has them.
    """

    user_right: str | Unreadable = column("UserRight", TEXT)
    accounts: tuple[str, ...] | Unreadable | None = column("AccountList", TEXTS, nullable=True)
    precedence: int | Unreadable = column("precedence", INTEGER)


@dataclass(frozen=True, slots=True)
class Scanner:
    """Get-MpPreference (2016 and later): what Defender does not scan.

    ``disable_auto_exclusions`` False: Windows itself leaves out what its roles have, Hyper-V's files among them.
    """

    exclusion_path: tuple[str, ...] | Unreadable | None = column("ExclusionPath", TEXTS, nullable=True)
    exclusion_process: tuple[str, ...] | Unreadable | None = column("ExclusionProcess", TEXTS, nullable=True)
    disable_auto_exclusions: bool | Unreadable | None = column("DisableAutoExclusions", BOOLEAN, nullable=True)
    disable_realtime_monitoring: bool | Unreadable | None = column(
        "DisableRealtimeMonitoring", BOOLEAN, nullable=True
    )


@dataclass(frozen=True, slots=True)
class Module:
    """Get-Module -ListAvailable: a module that lies on the host."""

    name: str | Unreadable = column("Name", TEXT)
    version: str | Unreadable = column("Version", TEXT)


USER_RIGHTS = Table(
    "user_rights",
    UserRight,
    (
        cim(
            "RSOP_UserPrivilegeRight",
            namespace="root/rsop/computer",
            filter=f"UserRight='{LOGON_AS_SERVICE}' OR UserRight='{CREATE_SYMBOLIC_LINKS}'",
        ),
    ),
)
SCANNER = Table("scanner", Scanner, (command("Get-MpPreference"),), since="2016", single=True)
HYPERV_MODULES = Table(
    "hyperv_modules", Module, (command("Get-Module", Name="Hyper-V", ListAvailable=SWITCH),)
)

TABLES: tuple[Table[Any], ...] = (USER_RIGHTS, SCANNER, HYPERV_MODULES)


def registry_pol() -> Statement:
    """The first bytes of Registry.pol, as bare numbers; the error PathNotFound where no policy sets anything."""
    return Statement((command("Get-Content", LiteralPath=REGISTRY_POL, Encoding="Byte", TotalCount=4),))
