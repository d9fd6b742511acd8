"""Cases of what a VM is set to, and of its adapters and switches."""

from __future__ import annotations

import uuid

from tests.checks.case import Case, put, refused, rows, unchanged
from tests.checks.world import (
    ADAPTERS,
    CHECKPOINTS,
    DB,
    PROCESSORS,
    VM,
    WEB,
    Change,
    World,
    adapter,
    enum,
    processor,
)
from winmigrate.checks import Outcome, Severity

P, F, U, S = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP
PENDING = Outcome.PENDING

VLANS = "Get-VM | Get-VMNetworkAdapter | expand VlanSetting"
ISOLATION = "Get-VM | Get-VMNetworkAdapter | expand IsolationSetting"
ACLS = "Get-VM | Get-VMNetworkAdapter | expand AclList"
EXTENDED_ACLS = "Get-VM | Get-VMNetworkAdapter | expand ExtendedAclList"
SERVICES = "Get-VM | Get-VMIntegrationService"
EXTENSIONS = "Get-VMSwitch | Get-VMSwitchExtension"


def _both(*changes: Change) -> Change:
    def change(world: World) -> None:
        for one in changes:
            one(world)

    return change


def _status(name: str) -> Change:
    return put("hv01", VM, SecondaryOperationalStatus=enum("VMOperationalStatus", name))


def _replica(mode: str, state: str, health: str) -> Change:
    return put(
        "hv01", VM,
        ReplicationMode=enum("VMReplicationMode", mode), ReplicationState=enum("VMReplicationState", state),
        ReplicationHealth=enum("VMReplicationHealthState", health),
    )  # fmt: skip


def _saved(world: World) -> None:
    world.put("hv01", VM, State=enum("VMState", "Saved"))


def _other_processors(world: World) -> None:
    world.put("hv02", "Win32_Processor", Name="Xeon Gold 6430")


def _service(status: str, enabled: bool = True) -> Change:
    row = {
        "Id": "1", "VMId": WEB, "VMName": "web01", "Name": "Heartbeat", "Enabled": enabled,
        "PrimaryOperationalStatus": enum("VMIntegrationComponentOperationalStatus", status),
    }  # fmt: skip
    return rows("hv01", SERVICES, row)


def _checkpoint(world: World) -> None:
    world.set("hv01", CHECKPOINTS, {"Id": uuid.UUID(int=5), "VMId": WEB, "VMName": "web01", "Name": "before"})


def _same_mac(world: World) -> None:
    world.add_vm("hv02")
    world.put("hv02", ADAPTERS, MacAddress="00155D111111")


def _processor(**cells: object) -> Change:
    return rows("hv01", PROCESSORS, processor(WEB, **cells))


def _2025(world: World) -> None:
    world.version("hv01", "2025")
    world.put("hv01", VM, Version="12.0")


def _compatible(mode: str) -> Change:
    return _both(_2025, _processor(CompatibilityForMigrationEnabled=True, CompatibilityForMigrationMode=mode))


def _switch(host: str, **cells: object) -> Change:
    return put(host, "Get-VMSwitch", **cells)


def _iov(weight: int) -> Change:
    return rows("hv01", ADAPTERS, adapter(WEB, "External", IovWeight=weight))


def _vlan(mode: str, **cells: object) -> Change:
    row = {
        "AdapterId": "A", "OwnerId": WEB, "OperationMode": enum("VMNetworkAdapterVlanMode", mode), "AccessVlanId": 0,
        "NativeVlanId": 0, "AllowedVlanIdListString": "", "PrimaryVlanId": 0, "SecondaryVlanId": 0, **cells,
    }  # fmt: skip
    return rows("hv01", VLANS, row)


def _isolated(mode: str, number: int) -> Change:
    row = {
        "AdapterId": "A", "OwnerId": WEB, "IsolationMode": enum("VMNetworkAdapterIsolationMode", mode),
        "DefaultIsolationID": number, "AllowUntaggedTraffic": False,
    }  # fmt: skip
    return rows("hv01", ISOLATION, row)


def _acl(world: World) -> None:
    world.set(
        "hv01", ACLS,
        {"AdapterId": "A", "OwnerId": WEB, "Direction": enum("VMNetworkAdapterAclDirection", "Both"),
         "Action": enum("VMNetworkAdapterAclAction", "Deny"), "LocalAddress": "ANY", "RemoteAddress": "10.9.0.0/16"},
    )  # fmt: skip


def _extension(host: str, name: str, enabled: bool) -> Change:
    def change(world: World) -> None:
        world.answers[host][EXTENSIONS] = [
            *world.answers[host].get(EXTENSIONS, ()),
            {"Id": name, "Name": name, "SwitchName": "External", "Enabled": enabled, "Running": enabled,
             "ExtensionType": enum("VMSwitchExtensionType", "Filter")},
        ]  # fmt: skip

    return change


def _pool(host: str, low: str, high: str) -> Change:
    return put(host, "Get-VMHost", MacAddressMinimum=low, MacAddressMaximum=high)


def _namesake(world: World) -> None:
    world.add_vm("hv02", uuid.UUID(int=77), "WEB01")


CASES = [
    Case("vm-health", P, unchanged, "Ok, heartbeat OkApplicationsHealthy"),
    Case("vm-health", F, _status("CriticalIoError"), "cannot read or write its storage", "look at its storage"),
    Case("vm-health", F, put("hv01", VM, Heartbeat=enum("VMHeartbeatStatus", "LostCommunication")), "its heartbeat is"),
    Case(
        "vm-health",
        P,
        _both(
            put("hv01", VM, State=enum("VMState", "Off")),
            put("hv01", VM, Heartbeat=enum("VMHeartbeatStatus", "NoContact")),
        ),
        "heartbeat NoContact",
    ),
    Case("vm-health", U, put("hv01", VM, Heartbeat="?"), "the health of web01"),
    Case("vm-saved-state-compat", P, unchanged, "no saved state"),
    Case("vm-saved-state-compat", P, _saved, "both hosts run 2019"),
    Case("vm-saved-state-compat", F, _both(_saved, _other_processors), "web01 is saved", "Remove-VMSavedState"),
    Case(
        "vm-saved-state-compat", F, _both(_checkpoint, _other_processors), 'checkpoints ("before")', "Remove-VMSnapshot"
    ),
    Case("vm-saved-state-compat", PENDING, refused("hv01", CHECKPOINTS), "the checkpoints of web01"),
    Case("vm-integration-services", P, _service("Ok"), "all that are switched on"),
    Case("vm-integration-services", P, _service("NoContact", False), "all that are switched on"),
    Case(
        "vm-integration-services", F, _service("LostCommunication"), "Heartbeat (LostCommunication)", "update the guest"
    ),
    Case("vm-integration-services", F, _service("ProtocolMismatch"), "older than the host"),
    Case("vm-integration-services", S, put("hv01", VM, State=enum("VMState", "Off")), "does not run"),
    Case("vm-integration-services", U, refused("hv01", SERVICES), "the integration services of web01"),
    Case("vm-replica-state", P, unchanged, "not replicated"),
    Case("vm-replica-state", P, _replica("Primary", "Replicating", "Normal"), "Replicating, health Normal"),
    Case(
        "vm-replica-state",
        F,
        _replica("Primary", "Resynchronizing", "Warning"),
        "Resynchronizing",
        "Resume-VMReplication",
    ),
    Case("vm-replica-state", F, _replica("Primary", "Replicating", "Critical"), "health Critical"),
    Case("vm-replica-state", F, _replica("Primary", "Replicating", "Warning"), "Warning", severity=Severity.INFORMS),
    Case(
        "vm-replica-state", F, _replica("Replica", "Replicating", "Normal"), "its primary sends", "Remove-VMReplication"
    ),
    Case("vm-replica-state", U, put("hv01", VM, ReplicationMode="?"), "the replication of web01"),
    Case("vm-nested-virtualization", P, unchanged, "not exposed"),
    Case(
        "vm-nested-virtualization",
        F,
        _processor(ExposeVirtualizationExtensions=True),
        "which runs",
        "-ExposeVirtualizationExtensions $false",
    ),
    Case(
        "vm-nested-virtualization",
        P,
        _both(_processor(ExposeVirtualizationExtensions=True), put("hv01", VM, State=enum("VMState", "Off"))),
        "does not run",
    ),
    Case("vm-nested-virtualization", U, refused("hv01", PROCESSORS), "the processor settings of web01"),
    Case("cpu-features", P, _processor(CompatibilityForMigrationEnabled=True), "shown only what every processor"),
    Case("cpu-features", PENDING, unchanged, "the same processors (Xeon)"),
    Case("cpu-features", PENDING, _other_processors, "started without processor compatibility"),
    Case("cpu-features", S, put("hv02", "Win32_Processor", Manufacturer="AuthenticAMD"), "see cpu-vendor"),
    Case("cpu-features", PENDING, refused("hv01", PROCESSORS), "the processor settings of web01"),
    Case("cpu-compat-mode-2025", S, unchanged, "older than Windows Server 2025"),
    Case("cpu-compat-mode-2025", P, _compatible("MinimumFeatureSet"), "the minimum feature set"),
    Case(
        "cpu-compat-mode-2025",
        F,
        _compatible("CommonClusterFeatureSet"),
        "uses CommonClusterFeatureSet",
        "-CompatibilityForMigrationMode MinimumFeatureSet",
    ),
    Case(
        "cpu-compat-mode-2025",
        P,
        _both(_compatible("CommonClusterFeatureSet"), put("hv01", VM, Version="9.0")),
        "older",
    ),
    Case("cpu-compat-mode-2025", S, _both(_2025, _processor()), "see cpu-features"),
    Case("cpu-compat-mode-2025", U, _both(_2025, refused("hv01", PROCESSORS)), "the processor settings of web01"),
    Case("vm-name-free-destination", P, unchanged, "no other on hv02"),
    Case("vm-name-free-destination", F, _namesake, "hv02 has a VM called web01 already", "Rename-VM"),
    Case("vm-name-free-destination", U, refused("hv02", VM), "the VMs of hv02"),
    Case("net-switch-type", P, unchanged, "of the same kind"),
    Case(
        "net-switch-type",
        F,
        _switch("hv02", SwitchType=enum("VMSwitchType", "Internal")),
        "External on hv01, External is Internal on hv02",
        "New-VMSwitch",
    ),
    Case("net-switch-type", F, _switch("hv02", NetAdapterInterfaceDescription=""), "has no uplink"),
    Case("net-switch-type", U, refused("hv02", "Get-VMSwitch"), "the switches of hv02"),
    Case("net-sriov", S, _iov(0), "no adapter of web01 asks for SR-IOV"),
    Case("net-sriov", P, _both(_iov(100), _switch("hv02", IovEnabled=True)), "have SR-IOV"),
    Case("net-sriov", F, _both(_iov(100), _switch("hv02", IovEnabled=False)), "has none", "-EnableIov $true"),
    Case("net-sriov", U, _both(_iov(100), refused("hv02", "Get-VMSwitch")), "the switches of hv02"),
    Case("net-mac-pool", P, unchanged, "00-15-5D-0A-0B-00"),
    Case(
        "net-mac-pool",
        F,
        _pool("hv02", "00155D0A0B10", "00155D0A0BFF"),
        "may give it once more",
        "Set-VMHost -MacAddressMinimum 00155D0A0C00 -MacAddressMaximum 00155D0A0CFF",
    ),
    Case(
        "net-mac-pool", F, _same_mac, "00-15-5D-11-11-11 is of web01 on hv01 and of db01 on hv02",
        f"on hv02: Get-VM -Id {DB} | Get-VMNetworkAdapter | Set-VMNetworkAdapter -DynamicMacAddress",
    ),
    Case("net-mac-pool", U, refused("hv02", ADAPTERS), "the network adapters of hv02 cannot be read"),
    Case("net-mac-pool", U, _pool("hv02", "nonsense", "00155D01FFFF"), "no MAC address"),
    Case("net-mac-pool", U, refused("hv01", "Get-VMHost"), "the MAC addresses that hv01 gives"),
    Case("net-vlan-isolation", P, _vlan("Untagged"), "no tagged adapter"),
    Case("net-vlan-isolation", F, _vlan("Access", AccessVlanId=12), "VLAN 12", "carry VLAN 12"),
    Case(
        "net-vlan-isolation",
        F,
        _vlan("Trunk", AllowedVlanIdListString="10-12", NativeVlanId=1),
        "VLANs 10-12, native 1",
    ),
    Case("net-vlan-isolation", F, _vlan("Private", PrimaryVlanId=5, SecondaryVlanId=6), "private VLAN 5, 6"),
    Case("net-vlan-isolation", F, _isolated("ExternalVirtualSubnet", 5001), "isolation ExternalVirtualSubnet, 5001"),
    Case("net-vlan-isolation", P, _both(_isolated("Vlan", 0), _vlan("Untagged")), "no tagged adapter"),
    Case("net-vlan-isolation", PENDING, refused("hv01", VLANS), "the VLANs of web01"),
    Case("net-vlan-isolation", PENDING, refused("hv01", ISOLATION), "the isolation of the adapters"),
    Case("net-extended-acls", P, unchanged, "has none"),
    Case("net-extended-acls", F, _acl, "1 ACL and 0 extended ACLs", "Get-VMNetworkAdapterExtendedAcl"),
    Case("net-extended-acls", U, refused("hv01", ACLS), "the ACLs of the adapters of web01"),
    Case("net-extended-acls", U, refused("hv01", EXTENDED_ACLS), "the ACLs of the adapters of web01"),
    Case("net-switch-extensions", P, unchanged, "enabled on hv02 as on hv01"),
    Case(
        "net-switch-extensions", P, _both(_extension("hv01", "Acme", True), _extension("hv02", "Acme", True)), "enabled"
    ),
    Case(
        "net-switch-extensions",
        F,
        _both(_extension("hv01", "Acme", True), _extension("hv02", "Acme", False)),
        "Acme (External)",
        "Enable-VMSwitchExtension -VMSwitchName 'External' -Name 'Acme'",
    ),
    Case("net-switch-extensions", F, _extension("hv01", "Acme", True), "Acme (External)", "install Acme on hv02"),
    Case("net-switch-extensions", S, rows("hv01", ADAPTERS, adapter(WEB, None)), "on no switch"),
    Case("net-switch-extensions", U, refused("hv02", EXTENSIONS), "the extensions of the switches of hv02"),
]
