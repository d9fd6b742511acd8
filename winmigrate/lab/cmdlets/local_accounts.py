"""The local groups that decide who may do what on a machine: their members, whom they take and let go.

Only the three that the fabric keeps (Administrators, Hyper-V Administrators, Remote Management Users) have members that
can change; a machine's own Administrator is in the first.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from winmigrate.lab.cmdlets.desk import Command, Desk, each, named, wildcard
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, ShouldProcess
from winmigrate.lab.fabric import directory
from winmigrate.lab.fabric.accounts import Group
from winmigrate.lab.fabric.identity import acting, is_administrator
from winmigrate.lab.fabric.world import Host

_COMMANDS = "Microsoft.PowerShell.Commands."
#: Name -> (SID, the host's attribute that holds its members, what Windows says it is for).
GROUPS: dict[str, tuple[str, str, str]] = {
    "Administrators": ("S-1-5-32-544", "administrators",
                       "Administrators have complete and unrestricted access to the computer/domain"),
    "Hyper-V Administrators": ("S-1-5-32-578", "hyperv_administrators",
                               "Members of this group have complete and unrestricted access to all features of "
                               "Hyper-V."),
    "Remote Management Users": ("S-1-5-32-580", "remote_management_users",
                                "Members of this group can access WMI resources over management protocols (such as "
                                "WS-Management via the Windows Remote Management service)."),
}


def machine_sid(host: Host) -> str:
    """The SID of a machine's own accounts, without their last part."""
    number = uuid.uuid5(uuid.UUID(int=0), f"machine/{host.key}").int
    return "S-1-5-21-" + "-".join(str(number >> shift & 0xFFFFFFFF) for shift in (96, 64, 32))


def _sid(text: str) -> net.PSObject:
    domain = text.rpartition("-")[0] if text.startswith("S-1-5-21-") else None
    return net.PSObject(("System.Security.Principal.SecurityIdentifier", "System.Security.Principal.IdentityReference",
                         "System.Object"),
                        {"BinaryLength": net.Int32(8 + 4 * (text.count("-") - 2)), "AccountDomainSid": domain,
                         "Value": text}, to_string=text)


def _source(name: str) -> net.EnumValue:
    return net.EnumValue(_COMMANDS + "PrincipalSource", name, {"Local": 1, "ActiveDirectory": 2}[name])


def _member(name: str, sid: str, kind: str, source: str) -> net.PSObject:
    class_name = "LocalUser" if kind == "User" and source == "Local" else "LocalPrincipal"
    return net.PSObject((_COMMANDS + class_name, _COMMANDS + "LocalPrincipal", "System.Object"), {
        "Name": name, "SID": _sid(sid), "PrincipalSource": _source(source), "ObjectClass": kind}, to_string=name)


def _group(name: str) -> net.PSObject:
    sid, _, description = GROUPS[name]
    return net.PSObject((_COMMANDS + "LocalGroup", _COMMANDS + "LocalPrincipal", "System.Object"), {
        "Description": description, "Name": name, "SID": _sid(sid), "PrincipalSource": _source("Local"),
        "ObjectClass": "Group"}, to_string=name)


def members(desk: Desk, name: str) -> Iterator[net.PSObject]:
    """The members of a local group, in the order of their names. A name that nobody knows is not shown."""
    host = desk.host
    if name == "Administrators":
        yield _member(f"{host.name}\\Administrator", f"{machine_sid(host)}-500", "User", "Local")
    for each_name in sorted(getattr(host, GROUPS[name][1]), key=str.lower):
        found = directory.account(desk.world, each_name)
        if found is not None:
            kind = "Group" if isinstance(found, Group) else "User"  # a computer shows as a user
            local = found.domain.lower() == host.name.lower()
            yield _member(found.qualified, found.sid, kind, "Local" if local else "ActiveDirectory")


def _named(call: Call) -> tuple[str | None, str]:
    """The group that a call means, None where there is none, and how it was named."""
    if "SID" in call.bound:
        wanted = str(getattr(call.bound["SID"], "to_string", None) or call.bound["SID"])
        return next((name for name, (sid, _, _) in GROUPS.items() if sid == wanted), None), wanted
    given = call.get("Group")
    wanted = str(given.get("Name") if isinstance(given, net.PSObject) else given or call.get("Name"))
    return next((name for name in GROUPS if name.lower() == wanted.lower()), None), wanted


def _missing(wanted: str) -> Error:
    return Error(f"Group {wanted} was not found.", "GroupNotFound", "ObjectNotFound",
                 _COMMANDS + "GroupNotFoundException", wanted)


def get_groups(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-LocalGroup by name or SID; of a real machine's many groups the three above."""
    if "SID" in call.bound:
        for sid in each(call.bound["SID"]):
            text = str(getattr(sid, "to_string", None) or sid)
            found = [name for name, facts in GROUPS.items() if facts[0] == text]
            yield Output(_group(found[0])) if found else _missing(text)
        return
    for pattern in [str(name) for name in each(call.get("Name"))] or ["*"]:
        found = named(GROUPS, pattern, str)
        yield from (Output(_group(name)) for name in found)
        if not found and wildcard(pattern) is None:
            yield _missing(pattern)


def get_members(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-LocalGroupMember."""
    name, wanted = _named(call)
    if name is None:
        yield _missing(wanted)
        return
    pattern = str(call.get("Member") or "*")
    for one in members(desk, name):
        if named([one], pattern, lambda each_one: str(each_one.get("Name"))):
            yield Output(one)


def _text(item: Any) -> str:
    """An account as it was given: as text, which the binder has made a LocalPrincipal of, or as a member's object."""
    if isinstance(item, net.PSObject):
        return str(item.properties.get("Name", item.to_string))
    return str(item)


def _change(add: bool) -> Command:
    def act(desk: Desk, call: Call) -> Iterator[Effect]:
        user = acting(desk.world, desk.host, call.context, desk.host)
        name, wanted = _named(call)
        if name is None:
            yield _missing(wanted)
            return
        if user is None or not is_administrator(desk.world, desk.host, user):
            yield Error("Access is denied.", "AccessDenied", "PermissionDenied",
                        _COMMANDS + "AccessDeniedException", name)
            return
        held: set[str] = getattr(desk.host, GROUPS[name][1])
        for item in each(call.get("Member")):
            text = _text(item)
            found = directory.account_by_sid(desk.world, text) or directory.account(desk.world, text)
            refused = _objection(held, found, text, name, add=add)
            if refused is not None:
                yield refused
            elif found is not None and (yield ShouldProcess(f"{name}, {found.qualified}", call.command)):
                with desk.world.lock:
                    if add:
                        held.add(found.qualified)
                    else:
                        held.difference_update([one for one in held if one.lower() == found.qualified.lower()])

    return Command(act)


def _objection(held: set[str], found: Any, text: str, group: str, *, add: bool) -> Error | None:
    if found is None:
        return Error(f"Principal {text} was not found.", "PrincipalNotFound", "ObjectNotFound",
                     _COMMANDS + "PrincipalNotFoundException", text)
    is_member = found.qualified.lower() in {one.lower() for one in held}
    if add and is_member:
        return Error(f"{found.qualified} is already a member of group {group}.", "MemberExists", "ResourceExists",
                     _COMMANDS + "MemberExistsException", group)
    if not add and not is_member:
        return Error(f"Member {found.qualified} was not found in group {group}.", "MemberNotFound", "ObjectNotFound",
                     _COMMANDS + "MemberNotFoundException", group)
    return None


COMMANDS: dict[str, Command] = {
    "Get-LocalGroup": Command(get_groups),
    "Get-LocalGroupMember": Command(get_members),
    "Add-LocalGroupMember": _change(True),
    "Remove-LocalGroupMember": _change(False),
}
