"""Windows around Hyper-V: features, services, addresses, the clock, and who the session is."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from winmigrate.lab.cmdlets.desk import Command, Desk, each, named, wildcard
from winmigrate.lab.cmdlets.instances import CimClass, CimInstance, show_instance
from winmigrate.lab.cmdlets.shapes import Lazy, Reader
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.fabric.identity import acting, groups_of
from winmigrate.lab.fabric.winrm import VIRTUAL
from winmigrate.lab.fabric.world import Address, Feature, Service, User

# --- features --------------------------------------------------------------------------------------------------------

#: The numbers of Available and Installed are as JSON exports of that cmdlet show them; Removed's is from the same.
_INSTALL_STATES = {"Available": 0, "Installed": 1, "UninstallPending": 2, "InstallPending": 3, "Removed": 5}

#: Features that every Windows Server offers, so that asking for one which the fabric does not name finds it.
_OFFERED = {
    "Hyper-V": ("Hyper-V", "Role"),
    "Hyper-V-PowerShell": ("Hyper-V Module for Windows PowerShell", "Feature"),
    "Failover-Clustering": ("Failover Clustering", "Feature"),
    "Multipath-IO": ("Multipath I/O", "Feature"),
    "RSAT-AD-PowerShell": ("Active Directory module for Windows PowerShell", "Feature"),
    "RSAT-Clustering-PowerShell": ("Failover Cluster Module for Windows PowerShell", "Feature"),
}


def _install_state(feature: Feature) -> net.EnumValue:
    number = _INSTALL_STATES.get(feature.install_state, 0)
    return net.EnumValue("Microsoft.Windows.ServerManager.Commands.InstallState", feature.install_state, number)


def _offered(name: str) -> tuple[str, str]:
    return _OFFERED.get(name, (name, "Feature"))


_FEATURE: dict[str, Reader] = {
    "Name": lambda f: f.name,
    "DisplayName": lambda f: f.display_name or _offered(f.name)[0],
    "Description": lambda f: "",
    "Installed": lambda f: f.install_state == "Installed",
    "InstallState": _install_state,
    "FeatureType": lambda f: _offered(f.name)[1],
    "Path": lambda f: f.display_name or _offered(f.name)[0],
    "Depth": lambda f: net.Int32(1),
    "DependsOn": lambda f: [],
    "Parent": lambda f: None,
    "SubFeatures": lambda f: [],
    "SystemService": lambda f: [],
    "PostConfigurationNeeded": lambda f: False,
}


def get_features(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-WindowsFeature; a name that no feature has finds nothing, without an error."""
    features = dict(desk.host.features)
    for name in _OFFERED:
        if name not in features:
            features[name] = Feature(name, "Available")
    patterns = [str(name) for name in each(call.get("Name"))] or ["*"]
    shown: set[str] = set()
    for pattern in patterns:
        for feature in named(features.values(), pattern, lambda one: one.name):
            if feature.name not in shown:
                shown.add(feature.name)
                yield Output(net.PSObject(("Microsoft.Windows.ServerManager.Commands.Feature", "System.Object"),
                                          Lazy(_FEATURE, feature), {}, feature.name, feature))


# --- services --------------------------------------------------------------------------------------------------------

_STATUSES = {"Stopped": 1, "Start Pending": 2, "Stop Pending": 3, "Running": 4, "Continue Pending": 5,
             "Pause Pending": 6, "Paused": 7}
_START_TYPES = {"Auto": ("Automatic", 2), "Manual": ("Manual", 3), "Disabled": ("Disabled", 4)}


def _service_status(service: Service) -> net.EnumValue:
    name = service.state if service.state in _STATUSES else "Stopped"
    return net.EnumValue("System.ServiceProcess.ServiceControllerStatus", name.replace(" ", ""), _STATUSES[name])


def _start_type(service: Service) -> net.EnumValue:
    name, number = _START_TYPES.get(service.start_mode, ("Manual", 3))
    return net.EnumValue("System.ServiceProcess.ServiceStartMode", name, number)


_SERVICE: dict[str, Reader] = {
    "CanPauseAndContinue": lambda s: False,
    "CanShutdown": lambda s: False,
    "CanStop": lambda s: s.state == "Running",
    "DisplayName": lambda s: s.display_name or s.name,
    "DependentServices": lambda s: [],
    "MachineName": lambda s: ".",
    "ServiceName": lambda s: s.name,
    "ServicesDependedOn": lambda s: [],
    "ServiceHandle": lambda s: None,
    "Status": _service_status,
    "ServiceType": lambda s: net.EnumValue("System.ServiceProcess.ServiceType", "Win32OwnProcess", 16),
    "StartType": _start_type,
    "Site": lambda s: None,
    "Container": lambda s: None,
}


def _show_service(service: Service) -> net.PSObject:
    types = ("System.ServiceProcess.ServiceController", "System.ComponentModel.Component",
             "System.MarshalByRefObject", "System.Object")
    return net.PSObject(types, Lazy(_SERVICE, service), {"Name": service.name, "RequiredServices": []},
                        "System.ServiceProcess.ServiceController", service)


def get_services(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-Service by name or display name."""
    services = list(desk.host.services.values())
    by_display = "DisplayName" in call.bound
    patterns = [str(name) for name in each(call.get("DisplayName" if by_display else "Name"))]
    for pattern in patterns or ["*"]:
        found = named(services, pattern, lambda one: (one.display_name or one.name) if by_display else one.name)
        yield from (Output(_show_service(service)) for service in found)
        if not found and wildcard(pattern) is None:
            kind, error_id = (("display", "NoServiceFoundForGivenDisplayName") if by_display
                              else ("service", "NoServiceFoundForGivenName"))
            yield Error(f"Cannot find any service with {kind} name '{pattern}'.", error_id, "ObjectNotFound",
                        "Microsoft.PowerShell.Commands.ServiceCommandException", pattern)


# --- addresses -------------------------------------------------------------------------------------------------------

_GENERATED = "Microsoft.PowerShell.Cmdletization.GeneratedTypes.NetIPAddress."
_FOREVER = net.TimeSpan(2**63 - 1)
LOOPBACK = (Address("127.0.0.1", 8, "Loopback Pseudo-Interface 1"),
            Address("::1", 128, "Loopback Pseudo-Interface 1", "IPv6"))


def _generated(name: str, member: str, number: int) -> net.EnumValue:
    return net.EnumValue(_GENERATED + name, member, number, net.UInt16)


def _interface_index(desk: Desk, address: Address) -> net.UInt32:
    aliases = ["Loopback Pseudo-Interface 1"]
    aliases += [one.alias for one in desk.host.addresses]
    return net.UInt32(1 + list(dict.fromkeys(aliases)).index(address.alias))


_ADDRESS = CimClass("MSFT_NetIPAddress", "ROOT/StandardCimv2", ("Name",), {
    "Store": lambda desk, address: _generated("Store", "ActiveStore", 1),
    "PolicyStore": lambda desk, address: "ActiveStore",
    "AddressState": lambda desk, address: _generated("AddressState", "Preferred", 4),
    "AddressFamily": lambda desk, address: _generated("AddressFamily", address.family,
                                                      23 if address.family == "IPv6" else 2),
    "Type": lambda desk, address: _generated("Type", "Unicast", 1),
    "PrefixOrigin": lambda desk, address: _generated("PrefixOrigin", "Manual", 1),
    "SuffixOrigin": lambda desk, address: _generated("SuffixOrigin", "Manual", 1),
    "Name": lambda desk, address: str(uuid.uuid5(uuid.UUID(int=0), address.ip)),
    "InterfaceIndex": _interface_index,
    "InterfaceAlias": lambda desk, address: address.alias,
    "IPAddress": lambda desk, address: address.ip,
    "IPv4Address": lambda desk, address: address.ip if address.family == "IPv4" else None,
    "IPv6Address": lambda desk, address: address.ip if address.family == "IPv6" else None,
    "PrefixLength": lambda desk, address: net.Byte(address.prefix),
    "PreferredLifetime": lambda desk, address: _FOREVER,
    "ValidLifetime": lambda desk, address: _FOREVER,
    "SkipAsSource": lambda desk, address: False,
}, ("CIM_IPProtocolEndpoint", "CIM_ProtocolEndpoint", "CIM_ServiceAccessPoint", "CIM_EnabledLogicalElement",
    "CIM_LogicalElement", "CIM_ManagedSystemElement", "CIM_ManagedElement"))


def get_addresses(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-NetIPAddress, all or by address, interface, family, prefix length."""
    wanted = {name: [str(value).lower() for value in each(call.get(name))]
              for name in ("IPAddress", "InterfaceAlias", "InterfaceIndex", "AddressFamily", "PrefixLength")}
    everything = [CimInstance(desk, _ADDRESS, address) for address in (*desk.host.addresses, *LOOPBACK)]
    left = everything
    for name, values in wanted.items():
        if not values:
            continue
        for value in values:
            if wildcard(value) is None and not any(_fits(one[name], value) for one in left):
                yield Error(f"No MSFT_NetIPAddress objects found with property '{name}' equal to '{value}'.  Verify "
                            "the value of the property and retry.", f"CmdletizationQuery_NotFound_{name}",
                            "ObjectNotFound", "Microsoft.PowerShell.Cmdletization.Cim.CimJobException", value)
        left = [one for one in left if any(_fits(one[name], value) for value in values)]
    yield from (Output(show_instance(one)) for one in left)


def _fits(value: Any, pattern: str) -> bool:
    return bool(named([str(value)], pattern, str))


# --- time ------------------------------------------------------------------------------------------------------------

_DATE_PARTS: Mapping[str, str] = {
    "yyyy": "%Y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "dddd": "%A", "ddd": "%a", "dd": "%d", "HH": "%H",
    "hh": "%I", "mm": "%M", "ss": "%S", "fffffff": "%f0", "ffffff": "%f", "tt": "%p",
}
_STANDARD_DATES: Mapping[str, Callable[[dt.datetime], str]] = {
    "o": lambda when: when.strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z",
    "s": lambda when: when.strftime("%Y-%m-%dT%H:%M:%S"),
    "u": lambda when: when.strftime("%Y-%m-%d %H:%M:%SZ"),
    "d": lambda when: f"{when.month}/{when.day}/{when.year}",
}


def format_date(when: dt.datetime, text: str) -> str:
    """A date in the .NET formats o, s, u, d, or a custom one of the usual parts (invariant culture)."""
    standard = _STANDARD_DATES.get(text)
    if standard is not None:
        return standard(when)
    parts = "|".join(sorted(_DATE_PARTS, key=len, reverse=True))
    return re.sub(parts, lambda match: when.strftime(_DATE_PARTS[match.group()]), text)


def get_date(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-Date: the fabric's time in UTC, which is the time zone of every lab host."""
    when = call.get("Date")
    when = when if isinstance(when, dt.datetime) else desk.world.clock.now()
    text = call.get("Format")
    yield Output(when if text is None else format_date(when, str(text)))


# --- who we are ------------------------------------------------------------------------------------------------------


def _sid(desk: Desk, user: User) -> str:
    return user.sid or f"{desk.world.domain.sid}-{1100 + desk.world.users.index(user)}"


def _csv(rows: list[tuple[str, ...]]) -> list[str]:
    return [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]


_ENABLED = "Mandatory group, Enabled by default, Enabled group"
_KINDS = {"S-1-1-": "Well-known group", "S-1-5-32-": "Alias", "S-1-5-21-": "Group"}


def _kind(sid: str) -> str:
    return next((kind for start, kind in _KINDS.items() if sid.startswith(start)), "Well-known group")


def whoami(desk: Desk, call: Call) -> Iterator[Effect]:
    """whoami.exe: the user alone, or /user and /groups, as CSV or as lists (the table format is not drawn)."""
    arguments = [str(argument).lower() for argument in each(call.get("Arguments"))]
    unknown = [one for one in arguments if one not in ("/user", "/groups", "/fo", "csv", "list", "table", "/nh")]
    if unknown:
        yield Error(f"ERROR: Invalid argument/option - '{unknown[0]}'.", "NativeCommandError", "NotSpecified",
                    "System.Management.Automation.RemoteException", unknown[0], origin=("whoami.exe", None))
        return
    user = acting(desk.world, desk.host, call.context, desk.host)
    name = user.qualified.lower() if user is not None else call.context.user.lower()
    if user is not None and call.context.run_as == VIRTUAL:
        name = f"winrm virtual users\\{user.name}".lower()
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    if "/user" in arguments:
        header, rows = ("User Name", "SID"), [(name, _sid(desk, user) if user else "")]
    elif "/groups" in arguments:
        header = ("Group Name", "Type", "SID", "Attributes")
        groups = groups_of(desk.world, desk.host, user) if user else []
        rows = [(group, _kind(sid), sid, _ENABLED) for group, sid in groups]
    else:
        yield Output(name)
        return
    if "csv" in arguments:
        lines = _csv(rows if "/nh" in arguments else [header, *rows])
    else:
        lines = [f"{title}: {cell}" for row in rows for title, cell in zip(header, row, strict=True)]
    yield from (Output(line) for line in lines)


def hostname(desk: Desk, call: Call) -> Iterator[Effect]:
    """hostname.exe."""
    yield Output(desk.host.name)


COMMANDS: dict[str, Command] = {
    "Get-WindowsFeature": Command(get_features),
    "Get-Service": Command(get_services),
    "Get-NetIPAddress": Command(get_addresses, class_name="Get-NetIPAddress"),
    "Get-Date": Command(get_date),
}
NATIVE: dict[str, Command] = {"whoami.exe": Command(whoami), "hostname.exe": Command(hostname)}
