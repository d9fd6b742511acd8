"""Get-Acl: the owner and the access rules of folders and files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from winmigrate.lab.cmdlets.desk import Command, Desk, each, wildcard
from winmigrate.lab.cmdlets.items import Found, find, matching
from winmigrate.lab.cmdlets.shapes import Lazy, Reader
from winmigrate.lab.cmdlets.unc import is_denied
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.fabric import directory
from winmigrate.lab.fabric.files import folder_of, leaf
from winmigrate.lab.fabric.rights import AccessRule, text_of
from winmigrate.lab.fabric.share import Place, place_of, place_on

_ACCESS = "System.Security.AccessControl."
_PROVIDER = "Microsoft.PowerShell.Core\\FileSystem::"
#: What a folder has that is on no share of the fabric: Windows' usual rights below a drive.
_USUAL = tuple((rule, True) for rule in (
    AccessRule("BUILTIN\\Administrators"), AccessRule("NT AUTHORITY\\SYSTEM"), AccessRule("BUILTIN\\Users", 0x1200A9),
    AccessRule("CREATOR OWNER", 0x10000000, inherit_only=True)))


def place(desk: Desk, path: str) -> Place | None:
    """The shared place of a path: a UNC path, or one on this server itself."""
    server = desk.world.file_servers.get(desk.host.key)
    return place_of(desk.world, path) or (place_on(server, path) if server is not None else None)


def _name(account: str) -> net.PSObject:
    kind = "SecurityIdentifier" if account.upper().startswith("S-1-") else "NTAccount"
    names = (f"System.Security.Principal.{kind}", "System.Security.Principal.IdentityReference", "System.Object")
    return net.PSObject(names, {"Value": account}, to_string=account)


def _rights(mask: int) -> net.EnumValue:
    number = mask if mask < 2**31 else mask - 2**32
    return net.EnumValue(_ACCESS + "FileSystemRights", text_of(mask), number)


def _flags(name: str, text: str, number: int) -> net.EnumValue:
    return net.EnumValue(_ACCESS + name, text, number)


def _rule(rule: AccessRule, inherited: bool) -> net.PSObject:
    passes = rule.inherits or rule.inherit_only
    return net.PSObject(
        (*(_ACCESS + name for name in ("FileSystemAccessRule", "AccessRule", "AuthorizationRule")), "System.Object"),
        {
            "FileSystemRights": _rights(rule.mask),
            "AccessControlType": _flags("AccessControlType", rule.kind, 1 if rule.kind == "Deny" else 0),
            "IdentityReference": _name(rule.account),
            "IsInherited": inherited,
            "InheritanceFlags": _flags("InheritanceFlags", "ContainerInherit, ObjectInherit" if passes else "None",
                                       3 if passes else 0),
            "PropagationFlags": _flags("PropagationFlags", "InheritOnly" if rule.inherit_only else "None",
                                       2 if rule.inherit_only else 0),
        }, to_string=_ACCESS + "FileSystemAccessRule")


def _rules(found: Found) -> list[tuple[AccessRule, bool]]:
    where = place(found.desk, found.path)
    return list(_USUAL) if where is None else where.share.rules_of(where.below)


def _owner(found: Found) -> str:
    where = place(found.desk, found.path)
    return "BUILTIN\\Administrators" if where is None else where.share.owner


_ALIASES = {"everyone": "WD", "builtin\\administrators": "BA", "builtin\\users": "BU", "nt authority\\system": "SY",
            "creator owner": "CO", "nt authority\\authenticated users": "AU"}


def _sddl_name(found: Found, account: str) -> str:
    known = directory.account(found.desk.world, account)
    return _ALIASES.get(account.lower()) or (known.sid if known is not None else account)


def _sddl(found: Found) -> str:
    parts = []
    for rule, inherited in _rules(found):
        flags = ("OICI" if rule.inherits or rule.inherit_only else "") + ("IO" if rule.inherit_only else "") + (
            "ID" if inherited else "")
        mask = {0x1F01FF: "FA", 0x10000000: "GA"}.get(rule.mask, f"0x{rule.mask:x}")
        parts.append(f"({'D' if rule.kind == 'Deny' else 'A'};{flags};{mask};;;{_sddl_name(found, rule.account)})")
    closed = place(found.desk, found.path)
    protected = closed is not None and closed.below.lower() in closed.share.closed
    return f"O:{_sddl_name(found, _owner(found))}G:DUD:{'P' if protected else ''}AI" + "".join(parts)


_ACL: dict[str, Reader] = {
    "Path": lambda f: _PROVIDER + f.path,
    "Owner": _owner,
    "Group": lambda f: f"{f.desk.host.name}\\None",
    "Access": lambda f: [_rule(rule, inherited) for rule, inherited in _rules(f)],
    "Sddl": _sddl,
    "AccessToString": lambda f: "\n".join(f"{rule.account} {rule.kind}  {text_of(rule.mask)}" for rule, _ in _rules(f)),
    "AuditToString": lambda f: "",
    "AreAccessRulesProtected": lambda f: ",".join(_sddl(f).split("D:")[1:]).startswith("P"),
    "AreAuditRulesProtected": lambda f: False,
    "AreAccessRulesCanonical": lambda f: True,
    "AreAuditRulesCanonical": lambda f: True,
}


def show(found: Found) -> net.PSObject:
    """The DirectorySecurity or FileSecurity of what was found."""
    kind = "DirectorySecurity" if found.entry is None else "FileSecurity"
    names = tuple(_ACCESS + name for name in (kind, "FileSystemSecurity", "NativeObjectSecurity",
                                              "CommonObjectSecurity", "ObjectSecurity"))
    parent = folder_of(found.path)
    notes: dict[str, Any] = {
        "PSPath": _PROVIDER + found.path, "PSParentPath": _PROVIDER + parent if parent else "",
        "PSChildName": leaf(found.path) or found.path,
    }
    return net.PSObject((*names, "System.Object"), Lazy(_ACL, found), notes, _ACCESS + kind, found)


def _missing(path: str) -> Error:
    """Get-Acl names no target in this error (its source is public)."""
    return Error(f"Cannot find path '{path}' because it does not exist.", "GetAcl_PathNotFound_Exception",
                 "ObjectNotFound", "System.Management.Automation.ItemNotFoundException", None)


def get_acl(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-Acl of paths or of the objects that Get-Item gives."""
    given = call.get("InputObject")
    if given is not None:
        live = given.live if isinstance(given, net.PSObject) else None
        if isinstance(live, Found):
            yield Output(show(live))
        return
    literal = "LiteralPath" in call.bound
    for text in each(call.get("LiteralPath" if literal else "Path")):
        path = str(text).removeprefix(_PROVIDER)
        if is_denied(desk, call.context, path):
            yield Error("Attempted to perform an unauthorized operation.", "System.UnauthorizedAccessException",
                        "PermissionDenied", "System.UnauthorizedAccessException", None)
            continue
        found = matching(desk, path) if not literal and wildcard(path) is not None else [find(desk, path)]
        for one in found:
            yield _missing(path) if one is None else Output(show(one))


COMMANDS: dict[str, Command] = {"Get-Acl": Command(get_acl)}
