"""A host's side of SMB: connections, settings, interfaces, limits, and whom file servers let act for others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets.desk import Command, Desk, each
from winmigrate.lab.cmdlets.instances import CimClass, CimInstance, show_instance
from winmigrate.lab.cmdlets.smb import negotiated
from winmigrate.lab.cmdlets.smb_shapes import (
    NAMESPACE,
    Use,
    administrative,
    constant,
    dialect_shown,
    enum,
    number,
    picked,
    uses,
)
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, ShouldProcess
from winmigrate.lab.fabric import directory
from winmigrate.lab.fabric.accounts import ComputerAccount
from winmigrate.lab.fabric.share import FileServer, Share, server_named

# --- connections -----------------------------------------------------------------------------------------------------


#: Seconds after which a server ends a connection that nobody uses (AutoDisconnectTimeout, in minutes).
IDLE = 15 * 60.0


@dataclass(frozen=True, slots=True)
class Connection:
    """An account's connection to a share. ``server_name`` as the path spells it."""

    server_name: str
    server: FileServer
    share: Share
    account: str
    opens: int

    @property
    def credential(self) -> str:
        """The account's name; its domain's DNS name stands before it where the directory has it."""
        return self.account.rpartition("\\")[2]


def _credential(desk: Desk, one: Connection) -> str:
    home = desk.world.domain_named(one.account.partition("\\")[0])
    return f"{home.name}\\{one.credential}" if home is not None else one.account


_CONNECTION = CimClass("MSFT_SmbConnection", NAMESPACE, (), {
    "SmbInstance": lambda desk, one: enum("SmbInstance", "Default"),
    "ContinuouslyAvailable": lambda desk, one: one.share.continuously_available,
    "Credential": _credential,
    "Dialect": lambda desk, one: dialect_shown(negotiated(desk.host, one.server), desk.host.version),
    "Encrypted": lambda desk, one: one.server.encrypt or one.share.encrypt,
    "NumOpens": lambda desk, one: net.UInt64(one.opens),
    "Redirected": lambda desk, one: False,
    "ServerName": lambda desk, one: one.server_name,
    "ShareName": lambda desk, one: one.share.name,
    "Signed": lambda desk, one: desk.host.smb.require_signing or one.server.signing == "required",
    "UserName": lambda desk, one: one.account,
})


def connections(desk: Desk) -> list[Connection]:
    """What running machines hold open, as the host's account, and what sessions have looked at of late."""
    own = directory.account_of(desk.world, desk.host)
    found: dict[tuple[str, str, str], list[Use]] = {}
    for use in uses(desk, desk.host):
        if use.server.host is not desk.host and own is not None:
            found.setdefault((use.spelled.lower(), use.share.name.lower(), own.qualified), []).append(use)
    made = [Connection(many[0].spelled, many[0].server, many[0].share, key[2], len(many))
            for key, many in found.items()]
    now = desk.world.clock.monotonic()
    for (spelled, name, account), when in list(desk.host.smb.touched.items()):
        server = server_named(desk.world, spelled)
        share = server.share(name) if server is not None else None
        if server is not None and share is not None and now - when < IDLE and (
                spelled.lower(), name.lower(), account) not in found:
            made.append(Connection(spelled, server, share, account, 1))
    return made


def get_connections(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-SmbConnection. A server that nothing is connected to is not there, without an error (that is not known of
    Windows).
    """
    for one in connections(desk):
        instance = CimInstance(desk, _CONNECTION, one)
        if all(picked([str(instance[name])], [str(each_one) for each_one in each(call.get(name))], str)
               for name in ("ServerName", "UserName")):
            yield Output(show_instance(instance))


# --- settings --------------------------------------------------------------------------------------------------------

_CLIENT = {
    "ConnectionCountPerRssNetworkInterface": number(4), "DirectoryCacheEntriesMax": number(16),
    "DirectoryCacheEntrySizeMax": number(65536), "DirectoryCacheLifetime": number(10), "DormantFileLimit": number(1023),
    "EnableBandwidthThrottling": constant(True), "EnableByteRangeLockingOnReadOnlyFiles": constant(True),
    "EnableInsecureGuestLogons": lambda desk, host: not at_least(host.version, "2019"),
    "EnableLargeMtu": constant(True), "EnableLoadBalanceScaleOut": constant(True), "EnableMultiChannel": constant(True),
    "EnableSecuritySignature": constant(True), "ExtendedSessionTimeout": number(1000),
    "FileInfoCacheEntriesMax": number(64), "FileInfoCacheLifetime": number(10),
    "FileNotFoundCacheEntriesMax": number(128), "FileNotFoundCacheLifetime": number(5), "KeepConn": number(600),
    "MaxCmds": number(50),
    "MaximumConnectionCountPerServer": number(32), "OplocksDisabled": constant(False),
    "RequireSecuritySignature": lambda desk, host: host.smb.require_signing, "SessionTimeout": number(60),
    "UseOpportunisticLocking": constant(True), "WindowSizeThreshold": number(8),
}
#: 2025 has more; these are the ones about security.
_NEWER = {"BlockNTLM": constant(False), "RequireEncryption": lambda desk, host: host.smb.require_encryption}
_CLIENT_CLASS = CimClass("MSFT_SmbClientConfiguration", NAMESPACE, (), _CLIENT)
_CLIENT_2025 = CimClass("MSFT_SmbClientConfiguration", NAMESPACE, (), {**_CLIENT, **_NEWER})


def get_client(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-SmbClientConfiguration."""
    kind = _CLIENT_2025 if at_least(desk.host.version, "2025") else _CLIENT_CLASS
    yield Output(show_instance(CimInstance(desk, kind, desk.host)))


_SETTABLE = {"RequireSecuritySignature": "require_signing", "RequireEncryption": "require_encryption"}


def set_client(desk: Desk, call: Call) -> Iterator[Effect]:
    """Set-SmbClientConfiguration: signing and encryption; the other settings stay as they are."""
    impact = "Medium" if call.get("Force") else "High"
    if not (yield ShouldProcess("SMB Client Configuration", "Modify", impact)):
        return
    with desk.world.lock:
        for name, field in _SETTABLE.items():
            if call.get(name) is not None:
                setattr(desk.host.smb, field, bool(call.bound[name]))


# A subject is (alias, its addresses, its index).
_INTERFACE = CimClass("MSFT_SmbClientNetworkInterface", NAMESPACE, ("InterfaceIndex",), {
    "FriendlyName": lambda desk, one: one[0],
    "InterfaceIndex": lambda desk, one: net.UInt32(one[2]),
    "IpAddresses": lambda desk, one: [address.ip for address in one[1]],
    "LinkSpeed": lambda desk, one: net.UInt64(int(desk.host.nic_rate * 8 / 0.94)),
    "RdmaCapable": lambda desk, one: one[0].lower() in {alias.lower() for alias in desk.host.smb.rdma},
    "RssCapable": constant(True),
})


def get_interfaces(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-SmbClientNetworkInterface: one of each interface that has addresses, numbered as Get-NetIPAddress does."""
    aliases = list(dict.fromkeys(address.alias for address in desk.host.addresses))
    for index, alias in enumerate(aliases):
        addresses = [one for one in desk.host.addresses if one.alias == alias]
        yield Output(show_instance(CimInstance(desk, _INTERFACE, (alias, addresses, index + 2))))


# --- limits ----------------------------------------------------------------------------------------------------------

_LIMIT = CimClass("MSFT_SmbBandwidthLimit", NAMESPACE, ("Category",), {
    "BytesPerSecond": lambda desk, one: net.UInt64(one[1]),
    "Category": lambda desk, one: enum("BandwidthLimitCategory", one[0]),
})


def _limits_offered(desk: Desk) -> Error | None:
    """That the cmdlets need the feature is documented; what they say without it is not."""
    feature = desk.host.features.get("FS-SMBBW")
    if feature is not None and feature.install_state == "Installed":
        return None
    return Error("The SMB Bandwidth Limit feature is not installed.", "Windows System Error 1060", "NotSpecified",
                 "Microsoft.Management.Infrastructure.CimException", None)


def get_limits(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-SmbBandwidthLimit; nothing where none is set."""
    wanted = {str(one).lower() for one in each(call.get("Category"))}
    for name, rate in list(desk.host.smb.limits.items()):
        if not wanted or name.lower() in wanted:
            yield Output(show_instance(CimInstance(desk, _LIMIT, (name, rate))))


def set_limit(desk: Desk, call: Call) -> Iterator[Effect]:
    """Set-SmbBandwidthLimit."""
    refused = _limits_offered(desk)
    if refused is not None:
        yield refused
    elif (yield ShouldProcess(str(call.bound["Category"]), "Set-SmbBandwidthLimit")):
        with desk.world.lock:
            desk.host.smb.limits[str(call.bound["Category"])] = int(call.bound["BytesPerSecond"])
            desk.world.links.reshare(desk.world.clock.monotonic())


def remove_limit(desk: Desk, call: Call) -> Iterator[Effect]:
    """Remove-SmbBandwidthLimit by category or object; all of them where neither is given."""
    names = [str(one.get("Category")) for one in each(call.get("InputObject"))]
    names += [str(one) for one in each(call.get("Category"))]
    with desk.world.lock:
        for name in names or list(desk.host.smb.limits):
            desk.host.smb.limits.pop(name, None)
        desk.world.links.reshare(desk.world.clock.monotonic())
    yield from ()


# --- delegation ------------------------------------------------------------------------------------------------------


def _prerequisites(desk: Desk, call: Call) -> Error | None:
    """These three are functions that ask the directory with the Active Directory module."""
    feature = desk.host.features.get("RSAT-AD-PowerShell")
    if feature is not None and feature.install_state == "Installed":
        return None
    return Error("SMB Delegation cmdlets require the installation of the Active Directory module for Windows "
                 "PowerShell.", "Microsoft.PowerShell.Commands.WriteErrorException", "NotSpecified",
                 "Microsoft.PowerShell.Commands.WriteErrorException", None,
                 origin=("Write-Error", "CheckDelegationPrerequisites"))


def _computer(desk: Desk, name: str) -> ComputerAccount | Error:
    server = server_named(desk.world, name)
    found = directory.account_of(desk.world, server.host) if server is not None else directory.computer(
        desk.world, name)
    if found is not None:
        return found
    home = desk.world.domain_of(desk.host) or desk.world.domain
    where = ",".join(f"DC={part}" for part in home.name.split("."))
    return Error(f"Cannot find an object with identity: '{name}' under: '{where}'.",
                 "ActiveDirectoryCmdlet:Microsoft.ActiveDirectory.Management.ADIdentityNotFoundException",
                 "ObjectNotFound", "Microsoft.ActiveDirectory.Management.ADIdentityNotFoundException", name)


def _pair(server: ComputerAccount, client: ComputerAccount) -> net.PSObject:
    """What the functions give out is not published; the names are those of their parameters."""
    return net.PSObject(("System.Management.Automation.PSCustomObject", "System.Object"),
                        {"SmbServer": server.name, "SmbClient": client.name})


def _delegation(verb: str) -> Command:
    def act(desk: Desk, call: Call) -> Iterator[Effect]:
        refused = _prerequisites(desk, call)
        if refused is not None:
            yield refused
            return
        server = _computer(desk, str(call.bound["SmbServer"]))
        if isinstance(server, Error):
            yield server
            return
        if verb == "Get":
            yield from (Output(_pair(server, one)) for one in directory.trusted_by(desk.world, server))
            return
        given = call.get("SmbClient")
        client = _computer(desk, str(given)) if given is not None else None
        if isinstance(client, Error):
            yield client
            return
        home = desk.world.domain_named(server.domain)
        if home is not None:
            _set(desk, home, server, client, verb)

    return Command(act, class_name=f"{verb}-SmbDelegation")


def _set(desk: Desk, home: Any, server: ComputerAccount, client: ComputerAccount | None, verb: str) -> None:
    with desk.world.lock:
        keys = home.rbcd.setdefault(server.key, set())
        if verb == "Disable":
            keys.difference_update({client.key} if client is not None else set(keys))
        elif client is not None:
            keys.add(client.key)
        server.changed = desk.world.clock.now()


COMMANDS: dict[str, Command] = {
    "Get-SmbConnection": administrative(get_connections),
    "Get-SmbClientConfiguration": Command(get_client),
    "Set-SmbClientConfiguration": administrative(set_client),
    "Get-SmbClientNetworkInterface": Command(get_interfaces),
    "Get-SmbBandwidthLimit": administrative(get_limits),
    "Set-SmbBandwidthLimit": administrative(set_limit),
    "Remove-SmbBandwidthLimit": administrative(remove_limit),
    "Get-SmbDelegation": _delegation("Get"),
    "Enable-SmbDelegation": _delegation("Enable"),
    "Disable-SmbDelegation": _delegation("Disable"),
}
