"""A file server's side of SMB: shares, their rights, sessions and open files, the server's own settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets.desk import Command, Desk, each
from winmigrate.lab.cmdlets.instances import CimClass, CimInstance, show_instance
from winmigrate.lab.cmdlets.smb_shapes import (
    ACCESS,
    NAMESPACE,
    SHARE,
    Shared,
    Use,
    administrative,
    constant,
    dialect_shown,
    entries,
    listed,
    missing,
    not_found,
    number,
    picked,
    server_of,
    uses,
)
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, ShouldProcess
from winmigrate.lab.fabric import directory
from winmigrate.lab.fabric.files import join
from winmigrate.lab.fabric.host import Host
from winmigrate.lab.fabric.rights import MASKS, AccessRule
from winmigrate.lab.fabric.share import FileServer, grant, revoke
from winmigrate.lab.fabric.share_making import BUILTIN, dialect_of


def _name(one: Shared) -> str:
    return one.name


def _texts(call: Call, name: str) -> list[str]:
    return [str(value) for value in each(call.get(name))]


def _wanted(desk: Desk, call: Call) -> Iterator[Shared | Error]:
    """The shares that a call means, by object or by name and scope."""
    given = call.get("InputObject")
    if given is not None:
        for item in each(given):
            live = item.live if isinstance(item, net.PSObject) else None
            if isinstance(live, CimInstance) and isinstance(live.item, Shared):
                yield live.item
            elif isinstance(item, net.PSObject) and item.get("Name") is not None:
                name = str(item.get("Name"))
                found = [one for one in listed(desk) if one.name.lower() == name.lower()]
                yield found[0] if found else not_found("MSFT_SMBShare", "Name", name)
        return
    shares = listed(desk)
    names, scopes = _texts(call, "Name"), _texts(call, "ScopeName")
    yield from missing(shares, names, _name, "MSFT_SMBShare", "Name")
    left = picked(shares, names, _name)
    yield from missing(left, scopes, lambda one: one.scope, "MSFT_SMBShare", "ScopeName")
    yield from picked(left, scopes, lambda one: one.scope)


#: Parameter -> the property of the share that it is compared with.
_FILTERS = ("Scoped", "Special", "ContinuouslyAvailable", "ShareState", "FolderEnumerationMode", "CachingMode",
            "ConcurrentUserLimit", "AvailabilityType", "CATimeout", "EncryptData")


def get_shares(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-SmbShare, all or by name, scope and state."""
    filters = {prop: {str(value).lower() for value in each(call.get(prop if prop != "CATimeout" else "CaTimeout"))}
               for prop in _FILTERS}
    for one in _wanted(desk, call):
        if isinstance(one, Error):
            yield one
            continue
        instance = CimInstance(desk, SHARE, one)
        if all(not values or str(instance[prop]).lower() in values for prop, values in filters.items()):
            yield Output(show_instance(instance))


def _rows(desk: Desk, one: Shared) -> Iterator[Effect]:
    for account, right, kind in entries(one):
        yield Output(show_instance(CimInstance(desk, ACCESS, (one, account, right, kind))))


def get_access(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-SmbShareAccess of shares by name or object."""
    for one in _wanted(desk, call):
        if isinstance(one, Error):
            yield one
        else:
            yield from _rows(desk, one)


def _change(verb: str) -> Command:
    """Grant-, Revoke-, Block- and Unblock-SmbShareAccess; each shows the rights that are there afterwards."""

    def act(desk: Desk, call: Call) -> Iterator[Effect]:
        accounts = _texts(call, "AccountName")
        for one in _wanted(desk, call):
            if isinstance(one, Error):
                yield one
                continue
            unknown = next((name for name in accounts if not _is_account(desk, name)), None)
            if unknown is not None and verb in ("Grant", "Block"):
                yield Error("No mapping between account names and security IDs was done.", "Windows System Error 1332",
                            "NotSpecified", "Microsoft.Management.Infrastructure.CimException", one.name)
                continue
            impact = "Medium" if call.get("Force") else "High"
            if not (yield ShouldProcess(f"{one.scope},{one.name}", "Modify", impact)):
                continue
            if one.share is not None:
                with desk.world.lock:
                    for account in accounts:
                        if verb == "Grant":
                            grant(one.share, _spelled(desk, account), str(call.get("AccessRight") or "Full"))
                        elif verb == "Block":
                            grant(one.share, _spelled(desk, account), "Full", "Deny")
                        else:
                            revoke(one.share, [_spelled(desk, account)], "Allow" if verb == "Revoke" else "Deny")
            yield from _rows(desk, one)

    return administrative(act)


def _is_account(desk: Desk, name: str) -> bool:
    own = name.partition("\\")[0].lower() in (desk.host.name.lower(), ".")
    return own or name.lower() in {one.lower() for one in BUILTIN} or directory.account(desk.world, name) is not None


def _spelled(desk: Desk, name: str) -> str:
    found = directory.account(desk.world, name)
    return found.qualified if found is not None else name


def set_path_acl(desk: Desk, call: Call) -> Iterator[Effect]:
    """Set-SmbPathAcl: the folder behind a share gets the rights that the share has."""
    found = [one for one in listed(desk) if one.name.lower() == str(call.bound["ShareName"]).lower()]
    if not found:
        yield not_found("MSFT_SMBShare", "Name", str(call.bound["ShareName"]))
        return
    share = found[0].share
    if share is not None:
        with desk.world.lock:
            share.rules[""] = [AccessRule(one.account, MASKS[one.right], one.kind) for one in share.access]


# --- sessions --------------------------------------------------------------------------------------------------------


def _client(use: Use) -> str:
    return f"\\\\{use.host.addresses[0].ip}" if use.host.addresses else f"\\\\{use.host.name}"


def _session_id(use: Use) -> int:
    return 0x4400000000 + sum(use.host.key.encode()) * 8 + 1


_SESSION = CimClass("MSFT_SmbSession", NAMESPACE, ("SessionId",), {
    "ClientComputerName": lambda desk, many: _client(many[0]),
    "ClientUserName": lambda desk, many: _account_name(desk, many[0].host),
    "ClusterNodeName": lambda desk, many: "",
    "Dialect": lambda desk, many: dialect_shown(negotiated(many[0].host, many[0].server), desk.host.version),
    "NumOpens": lambda desk, many: net.UInt64(len(many)),
    "ScopeName": lambda desk, many: many[0].server.host.name if many[0].server.scale_out else "*",
    "SecondsExists": lambda desk, many: net.UInt32(int(desk.world.clock.monotonic()) + 60),
    "SecondsIdle": lambda desk, many: net.UInt32(0),
    "SessionId": lambda desk, many: net.UInt64(_session_id(many[0])),
})

_OPEN_FILE = CimClass("MSFT_SmbOpenFile", NAMESPACE, ("FileId",), {
    "ClientComputerName": lambda desk, use: _client(use),
    "ClientUserName": lambda desk, use: _account_name(desk, use.host),
    "ClusterNodeName": lambda desk, use: "",
    "ContinuouslyAvailable": lambda desk, use: use.share.continuously_available,
    "FileId": lambda desk, use: net.UInt64(0x10000000000 + sum(use.below.encode()) * 8 + 5),
    "Locks": lambda desk, use: net.UInt64(0),
    "Path": lambda desk, use: join(use.share.path, use.below),
    "ScopeName": lambda desk, use: use.server.host.name if use.server.scale_out else "*",
    "SessionId": lambda desk, use: net.UInt64(_session_id(use)),
    "ShareRelativePath": lambda desk, use: use.below,
})


def _account_name(desk: Desk, host: Host) -> str:
    found = directory.account_of(desk.world, host)
    return found.qualified if found is not None else "NT AUTHORITY\\ANONYMOUS LOGON"


def negotiated(host: Host, server: FileServer) -> str:
    """The dialect between a host and a server: the highest that both speak."""
    return min(dialect_of(host.version), server.dialect, key=lambda one: tuple(int(part) for part in one.split(".")))


def get_sessions(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-SmbSession: one of each host that has files open here."""
    hosts: dict[str, list[Use]] = {}
    for use in uses(desk):
        hosts.setdefault(use.host.key, []).append(use)
    for many in hosts.values():
        instance = CimInstance(desk, _SESSION, many)
        if _fits(call, instance, "SessionId", "ClientComputerName", "ClientUserName", "ScopeName"):
            yield Output(show_instance(instance))


def get_open_files(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-SmbOpenFile: the disks of running machines."""
    for use in uses(desk):
        instance = CimInstance(desk, _OPEN_FILE, use)
        if _fits(call, instance, "FileId", "SessionId", "ClientComputerName", "ClientUserName", "ScopeName"):
            yield Output(show_instance(instance))


def _fits(call: Call, instance: CimInstance, *names: str) -> bool:
    return all(picked([str(instance[name])], _texts(call, name), str) for name in names)


# --- the server's settings -------------------------------------------------------------------------------------------


def _server_flag(name: str, default: bool) -> Any:
    return lambda desk, server: getattr(server, name) if server is not None else default


_SERVER = {
    "AnnounceComment": constant(""), "AnnounceServer": constant(False), "AsynchronousCredits": number(512),
    "AuditSmb1Access": constant(False), "AutoDisconnectTimeout": number(15), "AutoShareServer": constant(True),
    "AutoShareWorkstation": constant(True), "CachedOpenLimit": number(10),
    "DurableHandleV2TimeoutInSeconds": number(180),
    "EnableAuthenticateUserSharing": constant(False), "EnableDownlevelTimewarp": constant(False),
    "EnableForcedLogoff": constant(True), "EnableLeasing": constant(True), "EnableMultiChannel": constant(True),
    "EnableOplocks": constant(True),
    "EnableSecuritySignature": lambda desk, server: server is not None and server.signing == "required",
    "EnableSMB1Protocol": lambda desk, server: not at_least(desk.host.version, "2019"),
    "EnableSMB2Protocol": constant(True), "EnableStrictNameChecking": constant(True),
    "EncryptData": _server_flag("encrypt", False), "IrpStackSize": number(15), "KeepAliveTime": number(2),
    "MaxChannelPerSession": number(32), "MaxMpxCount": number(50), "MaxSessionPerConnection": number(16384),
    "MaxThreadsPerQueue": number(20), "MaxWorkItems": number(1), "NullSessionPipes": constant(""),
    "NullSessionShares": constant(""), "OplockBreakWait": number(35), "PendingClientTimeoutInSeconds": number(120),
    "RejectUnencryptedAccess": constant(True),
    "RequireSecuritySignature": lambda desk, server: server is not None and server.signing == "required",
    "ServerHidden": constant(True), "Smb2CreditsMax": number(8192), "Smb2CreditsMin": number(512),
    "SmbServerNameHardeningLevel": number(0), "TreatHostAsStableStorage": constant(False),
    "ValidateAliasNotCircular": constant(True), "ValidateShareScope": constant(True),
    "ValidateShareScopeNotAliased": constant(True), "ValidateTargetName": constant(True),
}
_SERVER_CLASS = CimClass("MSFT_SmbServerConfiguration", NAMESPACE, (), _SERVER)


def get_server(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-SmbServerConfiguration."""
    yield Output(show_instance(CimInstance(desk, _SERVER_CLASS, server_of(desk))))


def set_server(desk: Desk, call: Call) -> Iterator[Effect]:
    """Set-SmbServerConfiguration: signing and encryption; the other settings stay as they are."""
    server = server_of(desk)
    impact = "Medium" if call.get("Force") else "High"
    if not (yield ShouldProcess("SMB Server Configuration", "Modify", impact)) or server is None:
        return
    with desk.world.lock:
        if call.get("RequireSecuritySignature") is not None:
            server.signing = "required" if call.bound["RequireSecuritySignature"] else "offered"
        if call.get("EncryptData") is not None:
            server.encrypt = bool(call.bound["EncryptData"])


COMMANDS: dict[str, Command] = {
    "Set-SmbServerConfiguration": administrative(set_server),
    "Get-SmbShare": administrative(get_shares),
    "Get-SmbShareAccess": administrative(get_access),
    "Grant-SmbShareAccess": _change("Grant"),
    "Revoke-SmbShareAccess": _change("Revoke"),
    "Block-SmbShareAccess": _change("Block"),
    "Unblock-SmbShareAccess": _change("Unblock"),
    "Set-SmbPathAcl": administrative(set_path_acl),
    "Get-SmbSession": administrative(get_sessions),
    "Get-SmbOpenFile": administrative(get_open_files),
    "Get-SmbServerConfiguration": administrative(get_server),
}
