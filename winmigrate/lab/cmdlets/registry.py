"""What a host's registry, policies and scanner say: Get-ItemProperty, Get-Content, Get-MpPreference, Get-Module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from winmigrate.lab.cmdlets.desk import Command, Desk, each, named
from winmigrate.lab.cmdlets.instances import CimClass, CimInstance, show_instance
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.fabric.world import Host

_AUTOMATION = "System.Management.Automation."
_PROVIDER = "Microsoft.PowerShell.Core\\Registry::"
_HKLM = "HKEY_LOCAL_MACHINE\\"
_RSOP = "root/rsop/computer"

# --- registry --------------------------------------------------------------------------------------------------------


def _keys(host: Host) -> dict[str, dict[str, Any]]:
    """The keys that the lab has, folded, with those values that it knows of."""
    around = host.surroundings
    version: dict[str, Any] = {"CurrentBuild": str(host.build), "ProductName": host.caption.removeprefix("Microsoft ")}
    if around.update is not None:
        version["UBR"] = net.Int32(around.update)
    memory: dict[str, Any] = {"ClearPageFileAtShutdown": net.Int32(0)}
    if around.speculation is not None:
        memory["FeatureSettingsOverride"] = net.Int32(around.speculation)
        memory["FeatureSettingsOverrideMask"] = net.Int32(3)
    processor = {"Update Revision": bytes.fromhex(around.microcode), "ProcessorNameString": host.processor.name}
    name = {"ComputerName": around.computer_name or host.name}
    keys = {
        "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion": version,
        "HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0": processor,
        "SYSTEM\\CurrentControlSet\\Control\\Session Manager\\Memory Management": memory,
        "SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName": name,
    }
    return {key.lower(): values for key, values in keys.items()}


def get_property(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-ItemProperty of registry keys; an error for each that is not there."""
    keys = _keys(desk.host)
    names = [str(name) for name in each(call.get("Name"))] or ["*"]
    for given in (*each(call.get("LiteralPath")), *each(call.get("Path"))):
        path = str(given)
        inner = path.removeprefix(_PROVIDER).removeprefix("Registry::")
        inner = _HKLM + inner[6:] if inner.upper().startswith("HKLM:\\") else inner
        values = keys.get(inner[len(_HKLM):].lower()) if inner.upper().startswith(_HKLM) else None
        if values is None:
            yield Error(f"Cannot find path '{inner}' because it does not exist.", "PathNotFound", "ObjectNotFound",
                        _AUTOMATION + "ItemNotFoundException", path)
            continue
        shown = {name: value for name, value in values.items()
                 if any(named([name], pattern, str) for pattern in names)}
        notes = {"PSPath": _PROVIDER + inner, "PSParentPath": _PROVIDER + inner.rpartition("\\")[0],
                 "PSChildName": inner.rpartition("\\")[2], "PSProvider": "Microsoft.PowerShell.Core\\Registry"}
        yield Output(net.PSObject((_AUTOMATION + "PSCustomObject", "System.Object"), {}, {**shown, **notes}))


# --- the file of policies --------------------------------------------------------------------------------------------

_BEGINNINGS = {True: b"PReg\x01\x00\x00\x00", False: b"\x00" * 8}


def get_content(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-Content -Encoding Byte: of Registry.pol. Of what else is in files the lab knows nothing: they are empty."""
    for given in (*each(call.get("LiteralPath")), *each(call.get("Path"))):
        path = str(given)
        if path.lower() != f"{desk.host.system_drive}\\Windows\\System32\\GroupPolicy\\Machine\\Registry.pol".lower():
            if path in desk.host.files:
                continue
            intact = None
        else:
            intact = desk.host.surroundings.registry_pol
        if intact is None:
            yield Error(f"Cannot find path '{path}' because it does not exist.", "PathNotFound", "ObjectNotFound",
                        _AUTOMATION + "ItemNotFoundException", path)
            continue
        most = call.get("TotalCount")
        content = _BEGINNINGS[intact][: None if most is None or int(most) < 0 else int(most)]
        yield from (Output(net.Byte(byte)) for byte in content)


# --- rights that policies set ----------------------------------------------------------------------------------------

# A subject is (right, accounts).
USER_RIGHT = CimClass("RSOP_UserPrivilegeRight", _RSOP, ("id", "precedence"), {
    "id": lambda desk, one: one[0],
    "UserRight": lambda desk, one: one[0],
    "AccountList": lambda desk, one: list(one[1]),
    "precedence": lambda desk, one: net.UInt32(1),
    "GPOID": lambda desk, one: "cn={31B2F340-016D-11D2-945F-00C04FB984F9},cn=policies,cn=system",
    "SOMID": lambda desk, one: "",
    "name": lambda desk, one: "",
    "Status": lambda desk, one: net.UInt32(1),
    "ErrorCode": lambda desk, one: net.UInt32(0),
}, ("RSOP_SecuritySettings", "RSOP_PolicySetting"))


def user_rights(desk: Desk) -> list[Any]:
    """The rights that policies set on a host."""
    return list(desk.host.surroundings.user_rights.items())


# --- Defender --------------------------------------------------------------------------------------------------------

_DEFENDER = CimClass("MSFT_MpPreference", "root/Microsoft/Windows/Defender", ("ComputerID",), {
    "ComputerID": lambda desk, one: "7A3BFDC3-8C0F-4E39-9B9B-4B3B9B6E9D10",
    "DisableAutoExclusions": lambda desk, one: not one.automatic,
    "DisableRealtimeMonitoring": lambda desk, one: not one.realtime,
    "ExclusionExtension": lambda desk, one: None,
    "ExclusionPath": lambda desk, one: list(one.paths) or None,
    "ExclusionProcess": lambda desk, one: list(one.processes) or None,
}, ("BaseStatus",))


def get_preference(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-MpPreference; a host without Defender has no such command at all."""
    one = desk.host.surroundings.antivirus
    if one is not None:
        yield Output(show_instance(CimInstance(desk, _DEFENDER, one)))


# --- modules ---------------------------------------------------------------------------------------------------------


def get_module(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-Module -ListAvailable: of Hyper-V's module alone does the lab know which lie on the host."""
    if not call.get("ListAvailable"):
        return
    patterns = [str(name) for name in each(call.get("Name"))] or ["*"]
    feature = desk.host.features.get("Hyper-V-PowerShell")
    if feature is not None and feature.install_state != "Installed":
        return
    for version in reversed(desk.host.surroundings.modules):
        if any(named(["Hyper-V"], pattern, str) for pattern in patterns):
            modules = f"{desk.host.system_drive}\\Windows\\system32\\WindowsPowerShell\\v1.0\\Modules"
            folder = f"{modules}\\Hyper-V\\{version}"
            own = {"Name": "Hyper-V", "Version": net.Version(version), "Path": f"{folder}\\Hyper-V.psd1",
                   "ModuleBase": folder, "Description": "", "Author": "Microsoft Corporation"}
            yield Output(net.PSObject((_AUTOMATION + "PSModuleInfo", "System.Object"), own, {}, "Hyper-V"))


COMMANDS: dict[str, Command] = {
    "Get-ItemProperty": Command(get_property),
    "Get-Content": Command(get_content),
    "Get-MpPreference": Command(get_preference, class_name="Get-MpPreference"),
    "Get-Module": Command(get_module),
}
