"""The objects of the SmbShare module: CIM classes of root/Microsoft/Windows/Smb with the module's enumerations.

Properties and their order follow the published outputs and class pages; the full names of the enumerations in objects
are built as those of other modules that are made of CIM classes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from winmigrate.facts import types
from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets.desk import Command, Desk, Work, named, wildcard
from winmigrate.lab.cmdlets.instances import CimClass, CimReader
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error
from winmigrate.lab.fabric import directory
from winmigrate.lab.fabric.identity import acting, is_administrator
from winmigrate.lab.fabric.share import FileServer, Share
from winmigrate.lab.fabric.world import Host

NAMESPACE = "ROOT/Microsoft/Windows/SMB"
GENERATED = "Microsoft.PowerShell.Cmdletization.GeneratedTypes.SmbShare."
#: Those that a parameter of a command here takes; the module has others with names that are anybody's (Type, Flags).
ENUMS = ("SmbInstance", "BandwidthLimitCategory", "AvailabilityType", "CachingMode", "FolderEnumerationMode",
         "ShareState", "ShareAccessRight")
#: Windows' own words for a right as objects show it; a share's right that is none of the three is Custom.
_ACCESS_RIGHTS = {"Full": 0, "Change": 1, "Read": 2, "Custom": 3}
_CONTROL = {"Allow": 0, "Deny": 1}


@cache
def _enums() -> Mapping[str, Mapping[str, int]]:
    return {**types.enums("SmbShare"), "ShareAccessRight": _ACCESS_RIGHTS, "AccessControlType": _CONTROL,
            "ShareType": {"FileSystemDirectory": 0, "PrintQueue": 1, "Device": 2, "IPC": 3}}


def enum(name: str, member: str) -> net.EnumValue:
    """A member of one of the module's enumerations."""
    return net.EnumValue(GENERATED + name, member, _enums()[name][member], net.UInt32)


@dataclass(frozen=True, slots=True)
class Shared:
    """A share as its server lists it. ``share`` None: one that every Windows has (ADMIN$, C$, IPC$)."""

    server: FileServer | None
    share: Share | None
    name: str
    path: str
    description: str = ""

    @property
    def scope(self) -> str:
        return self.server.host.name if self.server is not None and self.share and self.server.scale_out else "*"


def server_of(desk: Desk) -> FileServer | None:
    """This machine as a file server; None where it shares nothing of the fabric's."""
    return desk.world.file_servers.get(desk.host.key)


def listed(desk: Desk) -> list[Shared]:
    """Everything that is shared here, in the order of the names."""
    server = server_of(desk)
    found = [Shared(server, one, one.name, one.path, one.description) for one in (server.shares if server else ())]
    found.append(Shared(server, None, "ADMIN$", "C:\\Windows", "Remote Admin"))
    found += [Shared(server, None, f"{letter}$", f"{letter}:\\", "Default share") for letter in desk.host.volumes]
    found.append(Shared(server, None, "IPC$", "", "Remote IPC"))
    return sorted(found, key=lambda one: one.name.lower())


#: Who has which right on a share that every Windows has.
SPECIAL = (("BUILTIN\\Administrators", "Full"), ("BUILTIN\\Backup Operators", "Full"),
           ("NT AUTHORITY\\INTERACTIVE", "Full"))
_KNOWN_SIDS = {
    "everyone": "WD", "builtin\\administrators": "BA", "builtin\\users": "BU", "nt authority\\system": "SY",
    "nt authority\\authenticated users": "AU", "builtin\\backup operators": "BO", "nt authority\\interactive": "IU",
}
_SDDL = {"Full": "FA", "Change": "0x1301bf", "Read": "0x1200a9"}


def entries(one: Shared) -> list[tuple[str, str, str]]:
    """Account, right and kind of each entry of its rights."""
    if one.share is None:
        return [(account, right, "Allow") for account, right in SPECIAL]
    return [(each.account, each.right, each.kind) for each in one.share.access]


def _sddl(desk: Desk, one: Shared) -> str:
    parts = []
    for account, right, kind in entries(one):
        found = directory.account(desk.world, account)
        sid = _KNOWN_SIDS.get(account.lower()) or (found.sid if found is not None else account)
        parts.append(f"({'D' if kind == 'Deny' else 'A'};;{_SDDL[right]};;;{sid})")
    return "O:SYG:SYD:" + "".join(parts)


def _volume(desk: Desk, one: Shared) -> str | None:
    if not one.path:
        return None
    number = uuid.uuid5(uuid.UUID(int=0), f"{desk.host.key}/{one.path[:1]}")
    return f"\\\\?\\Volume{{{number}}}\\"


def _users(desk: Desk, one: Shared) -> int:
    return len({use.host.key for use in uses(desk) if one.share is not None and use.share is one.share})


SHARE = CimClass("MSFT_SmbShare", NAMESPACE, (), {
    "PresetPathAcl": lambda desk, one: None,
    "ShareState": lambda desk, one: enum("ShareState", "Online" if one.share is None or one.share.online
                                         else "Offline"),
    "AvailabilityType": lambda desk, one: enum("AvailabilityType", "ScaleOut" if one.scope != "*" else "NonClustered"),
    "ShareType": lambda desk, one: enum("ShareType", "IPC" if one.name == "IPC$" else "FileSystemDirectory"),
    "FolderEnumerationMode": lambda desk, one: enum("FolderEnumerationMode", "Unrestricted"),
    "CachingMode": lambda desk, one: enum("CachingMode", one.share.caching if one.share else "Manual"),
    "CATimeout": lambda desk, one: net.UInt32(0),
    "ConcurrentUserLimit": lambda desk, one: net.UInt32(0),
    "ContinuouslyAvailable": lambda desk, one: one.share is not None and one.share.continuously_available,
    "CurrentUsers": lambda desk, one: net.UInt32(_users(desk, one)),
    "Description": lambda desk, one: one.description,
    "EncryptData": lambda desk, one: one.share is not None and one.share.encrypt,
    "Name": lambda desk, one: one.name,
    "Path": lambda desk, one: one.path,
    "Scoped": lambda desk, one: one.scope != "*",
    "ScopeName": lambda desk, one: one.scope,
    "SecurityDescriptor": _sddl,
    "ShadowCopy": lambda desk, one: False,
    "Special": lambda desk, one: one.share is None,
    "Temporary": lambda desk, one: False,
    "Volume": _volume,
})

#: A subject is (share, account, right, kind).
ACCESS = CimClass("MSFT_SmbShareAccessControlEntry", NAMESPACE, (), {
    "AccessControlType": lambda desk, row: enum("AccessControlType", row[3]),
    "AccessRight": lambda desk, row: enum("ShareAccessRight", row[2]),
    "AccountName": lambda desk, row: row[1],
    "Name": lambda desk, row: row[0].name,
    "ScopeName": lambda desk, row: row[0].scope,
})


# --- who uses what ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Use:
    """A file on a share that a running machine of a host holds open."""

    host: Host
    server: FileServer
    share: Share
    spelled: str  # the server's name in the path
    below: str


def uses(desk: Desk, host: Host | None = None) -> list[Use]:
    """The open files of this server's shares, or, with ``host``, those that it has open anywhere."""
    from winmigrate.lab.fabric.share import parts_of, place_of

    found = []
    for each in [host] if host is not None else desk.world.hosts.values():
        for vm in list(each.vms.values()):
            for disk in list(vm.disks) if vm.running else []:
                parts, place = (parts_of(disk.path), place_of(desk.world, disk.path)) if disk.path else (None, None)
                if parts is not None and place is not None and (host is not None or place.server.host is desk.host):
                    found.append(Use(each, place.server, place.share, parts[0], place.below))
    return found


# --- commands --------------------------------------------------------------------------------------------------------


def administrative(work: Work) -> Command:
    """A command that only administrators of the machine may call."""

    def act(desk: Desk, call: Call) -> Iterator[Effect]:
        user = acting(desk.world, desk.host, call.context, desk.host)
        if user is None or not is_administrator(desk.world, desk.host, user):
            yield Error("Access is denied.", "Windows System Error 5", "PermissionDenied",
                        "Microsoft.Management.Infrastructure.CimException", None)
            return
        yield from work(desk, call)

    return Command(act)


def not_found(class_name: str, prop: str, value: str) -> Error:
    """The refusal of a command made of a CIM class for a value that nothing has."""
    return Error(f"No {class_name} objects found with property '{prop}' equal to '{value}'.  Verify the value of the "
                 "property and retry.", f"CmdletizationQuery_NotFound_{prop}", "ObjectNotFound",
                 "Microsoft.PowerShell.Cmdletization.Cim.CimJobException", value)


def picked(items: Iterable[Any], patterns: list[str], name: Any) -> list[Any]:
    """The items whose name fits one of the patterns; all of them without patterns."""
    every = list(items)
    return every if not patterns else [one for one in every if any(named([one], each, name) for each in patterns)]


def missing(items: list[Any], patterns: list[str], name: Any, class_name: str, prop: str) -> Iterator[Error]:
    """An error for each pattern without wildcards that fits nothing."""
    for pattern in patterns:
        if wildcard(pattern) is None and not named(items, pattern, name):
            yield not_found(class_name, prop, pattern)


def constant(value: Any) -> CimReader:
    return lambda desk, item: value


def number(value: int) -> CimReader:
    return lambda desk, item: net.UInt32(value)


def dialect_shown(dialect: str, version: str) -> str:
    """A dialect as Windows of that version writes it; 2012's form is published, 2012 R2's from use."""
    if at_least(version, "2016"):
        return dialect
    first, second, *third = dialect.split(".")
    return f"{first}.{second}{third[0] if third else '0'}"
