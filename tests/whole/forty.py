"""A fabric with many faults, each in a lot of its own: a VM, and hosts of its own where the fault is a host's.

The table is FAULTS: a requirement's id, and what makes it fail. To add one, add a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

PASSWORD = "Spare key 0x2F!"
#: Healthy VMs; two of them lie on these shares.
WELL = ("well01", "well02", "well03", "shared01", "shared02")
SHARES = {"shared01": "VMs", "shared02": "Grouped"}
_DIRECTORY = [
    "Get-ADComputer", "Get-ADUser", "Get-ADGroup", "Get-ADObject", "Get-ADDomain", "Get-ADForest", "Get-ADTrust",
    "Write-Output", "Microsoft.PowerShell.Utility\\Select-Object",
]  # fmt: skip


@dataclass
class Lot:
    """One fault's part of the fabric. ``vm`` and ``wish`` are its VM and its migration, to be changed."""

    number: int
    land: Land
    vm: dict[str, Any]
    wish: dict[str, Any]
    source: str = "src"
    destination: str = "dst"

    @property
    def name(self) -> str:
        return f"f{self.number:02}"

    def own_source(self, **more: Any) -> dict[str, Any]:
        """A source of its own, with the VM on it."""
        self.source = f"s{self.number:02}"
        return self.land.host(self.source, **more)

    def own_destination(self, **more: Any) -> dict[str, Any]:
        """A destination of its own."""
        self.destination = f"d{self.number:02}"
        self.wish["to"] = [self.destination]
        return self.land.host(self.destination, **more)

    def on_share(self, server: str = "fs01", share: str = "VMs") -> None:
        """Puts the VM's files on a share; they stay there."""
        folder = f"\\\\{server}\\{share}\\{self.name}"
        self.vm |= {"path": folder, "disks": [{"path": f"{folder}\\{self.name}.vhdx", "size": "40 GB", "used": "4 GB"}]}
        self.wish.pop("storage", None)

    def own_share(self, **more: Any) -> dict[str, Any]:
        """A share of its own on fs01, with the VM's files on it."""
        share = f"V{self.number:02}"
        made: dict[str, Any] = {"path": f"D:\\Shares\\{share}", "size": "1 TB", **more}
        self.land.servers["fs01"]["shares"][share] = made
        self.on_share("fs01", share)
        return made

    def accounts(self) -> tuple[str, str]:
        return f"CORP\\{self.source.upper()}$", f"CORP\\{self.destination.upper()}$"


@dataclass
class Land:
    """The fabric under way.

    ``delegation``: host -> what it may do; ``silent``: pairs without; ``inventory``: host -> settings there;
    ``guarded``: hosts whose administrator ops is not.
    """

    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    servers: dict[str, dict[str, Any]] = field(default_factory=dict)
    delegation: dict[str, dict[str, Any]] = field(default_factory=dict)
    computers: dict[str, dict[str, Any]] = field(default_factory=dict)
    inventory: dict[str, dict[str, Any]] = field(default_factory=dict)
    silent: set[tuple[str, str]] = field(default_factory=set)
    guarded: set[str] = field(default_factory=set)

    def host(self, name: str, **more: Any) -> dict[str, Any]:
        number = len(self.hosts) + 11
        migration = {"authentication": "Kerberos", "any_network": False, "networks": ["10.0.0.0/24"]}
        self.hosts[name] = {
            "version": 2022,
            "memory": "512 GB",
            "migration": migration | more.pop("migration", {}),
            "addresses": [f"10.0.0.{number}/24"],
            "switches": ["External"],
            "vms": {},
            **more,
        }
        return self.hosts[name]

    def delegations(self) -> dict[str, dict[str, Any]]:
        """Every host to every other and to the file servers, but for what a fault says."""
        members = [name for name in self.hosts if name != "mgmt"]
        windows = [name for name, server in self.servers.items() if server.get("kind") != "nas"]
        found: dict[str, dict[str, Any]] = {}
        for name in members:
            to = [one for one in (*members, *windows) if one != name and (name, one) not in self.silent]
            found[name] = {"to": to, **self.delegation.get(name, {})}
        return found

    def fabric(self) -> dict[str, Any]:
        return {
            "fabric": "many faults",
            "seed": 7,
            "domain": {"name": "corp.example", "netbios": "CORP"},
            "domains": ["partner.example"],
            "trusts": [{"trusting": "corp.example", "trusted": "partner.example", "two_way": False}],
            "users": {"ops": {"password": PASSWORD, "administrator": [
                name for name in (*self.hosts, *self.servers) if name not in self.guarded]},
                "pat": {"password": PASSWORD, "domain": "partner.example", "administrator": False}},
            "groups": {"Rack A": ["SRC$", "DST$"], "Hyper-V Hosts": ["Rack A"]},
            "delegation": self.delegations(),
            "computers": self.computers,
            "file_servers": self.servers,
            "hosts": self.hosts,
        }


Change: TypeAlias = "Callable[[Lot], None]"


@dataclass(frozen=True)
class Fault:
    """``also``: what fails with it on the same candidate, by nature. ``loud``: it keeps much there from being read."""

    requirement: str
    change: Change
    also: tuple[str, ...] = ()
    loud: bool = False

    def __str__(self) -> str:
        return self.requirement


FAULTS: list[Fault] = []


def fault(requirement: str, *also: str, loud: bool = False) -> Callable[[Change], Change]:
    """Puts the function below into the table."""

    def put(change: Change) -> Change:
        FAULTS.append(Fault(requirement, change, also, loud))
        return change

    return put


def _put(**cells: Any) -> Change:
    return lambda lot: lot.vm.update(cells)


def _destination(**more: Any) -> Change:
    def change(lot: Lot) -> None:
        lot.own_destination(**more)

    return change


def _rows(*rows: tuple[Any, ...]) -> None:
    for requirement, change, *also in rows:
        FAULTS.append(Fault(requirement, change, tuple(also)))


def build(faults: Iterable[Fault]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Lot], Land]:
    """(the fabric, the playbook, VM -> its lot, the land) with a lot for each fault, and healthy VMs beside them."""
    land = Land()
    land.host("src")
    land.host("dst")
    land.host("mgmt", features={"RSAT-AD-PowerShell": "Installed"}, session_configurations={
        "Directory": {"visible": _DIRECTORY}})  # fmt: skip
    # Grouped: both hosts have their rights through a group in a group.
    grouped = ("CORP\\Hyper-V Hosts", "CORP\\ops")
    land.servers["fs01"] = {"version": 2022, "shares": {
        "VMs": {"path": "D:\\Shares\\VMs", "size": "20 TB"},
        "Grouped": {
            "path": "D:\\Shares\\Grouped", "size": "1 TB", "access": dict.fromkeys(grouped, "Full"),
            "ntfs": {".": {"rules": dict.fromkeys(grouped, "FullControl")}},
        },
    }}  # fmt: skip
    land.inventory["mgmt"] = {"second_hop": "jea:Directory"}
    migrations = []
    for name in WELL:
        wish: dict[str, Any] = {"vm": name, "to": ["dst"], "storage": {"path": "D:\\VMs\\{vm}"}}
        vm: dict[str, Any] = {"memory": "2 GB"}
        if name in SHARES:
            del wish["storage"]
            folder = f"\\\\fs01\\{SHARES[name]}\\{name}"
            vm |= {"path": folder, "disks": [f"{folder}\\{name}.vhdx"]}
        land.hosts["src"]["vms"][name] = vm
        migrations.append(wish)
    lots = {}
    for number, each in enumerate(faults):
        lot = Lot(number, land, {"memory": "2 GB"}, {})
        lot.wish |= {"vm": lot.name, "to": ["dst"], "storage": {"path": "D:\\VMs\\{vm}"}}
        each.change(lot)
        land.hosts[lot.source]["vms"][lot.name] = lot.vm
        migrations.append(lot.wish)
        lots[lot.name] = lot
    playbook = {"winmigrate": 1, "inventory": "inventory.yml", "migrations": migrations}
    return land.fabric(), playbook, lots, land


# --- the VM ------------------------------------------------------------------------------------------------------


def _disks(*disks: Any) -> Change:
    """More disks beside the first."""

    def change(lot: Lot) -> None:
        folder = f"D:\\VMs\\{lot.name}\\Virtual Hard Disks"
        first = {"path": f"{folder}\\{lot.name}.vhdx", "size": "40 GB", "used": "4 GB"}
        lot.vm["disks"] = [first, *(one(lot) if callable(one) else one for one in disks)]

    return change


_rows(
    ("vm-state", _put(state="Paused")),
    ("vm-not-busy", _put(secondary_status="BackingUpVirtualMachine")),
    ("dev-dda", _put(devices=[{"name": "GPU", "location_path": "PCIROOT(0)#PCI(0300)"}])),
    ("disk-passthrough", _disks({"physical": 3})),
    ("disk-shared-vhdx", _disks(lambda lot: {"path": f"D:\\VMs\\{lot.name}\\quorum.vhdx", "shared": True})),
    ("disk-leaf-name-unique", _disks(lambda lot: f"D:\\Data\\{lot.name}\\{lot.name}.vhdx")),
    ("disk-chain-parents", _disks(lambda lot: {
        "path": f"D:\\VMs\\{lot.name}\\child.vhdx", "parent": f"D:\\Gold\\gold {lot.name}.vhdx"})),
    ("disk-checkpoints", _put(checkpoints=["before the update"])),
    ("disk-rds-upd", _disks(lambda lot: "D:\\UPD\\UVHD-S-1-5-21-1-2-3-1109.vhdx")),
    ("sec-encrypted-traffic", _put(encrypt_traffic=True)),
)  # fmt: skip


@fault("dvd-host-media")
def _dvd(lot: Lot) -> None:
    iso = f"D:\\ISO\\{lot.name}.iso"
    lot.land.hosts["src"].setdefault("files", {})[iso] = "4 GB"
    lot.vm["dvds"] = [iso]


@fault("net-switch-names")
def _switch(lot: Lot) -> None:
    lot.land.hosts["src"]["switches"].append(f"Lab {lot.name}")
    lot.vm["adapters"] = [f"Lab {lot.name}"]


@fault("vfc-san-name")
def _san(lot: Lot) -> None:
    lot.own_source(sans=["Gold"])
    lot.vm["fibre_channel"] = ["Gold"]


@fault("dst-path-given")
def _no_path(lot: Lot) -> None:
    del lot.wish["storage"]


@fault("dst-path-usable")
def _no_volume(lot: Lot) -> None:
    lot.wish["storage"] = {"path": "Q:\\VMs\\{vm}"}


# --- what the destination has no room for -------------------------------------------------------------------------


@fault("vm-config-version")
def _version(lot: Lot) -> None:
    lot.own_destination(version=2019)
    lot.vm["version"] = "10.0"


@fault("vcpu-limit")
def _processors(lot: Lot) -> None:
    lot.own_destination(processor={"sockets": 1, "cores": 4, "logical": 8})
    lot.vm["processors"] = 16


@fault("mem-free")
def _memory(lot: Lot) -> None:
    lot.own_destination(memory="24 GB")
    lot.vm["memory"] = "20 GB"


@fault("disk-free")
def _disk(lot: Lot) -> None:
    lot.own_destination(volumes={"C": {"size": "200 GB", "used": "60 GB"}, "D": "120 GB"})
    lot.vm["disks"] = [{"path": f"D:\\VMs\\{lot.name}\\{lot.name}.vhdx", "size": "200 GB", "used": "100 GB"}]


@fault("dst-files-absent")
def _in_the_way(lot: Lot) -> None:
    lot.own_destination(files={f"D:\\VMs\\{lot.name}\\Virtual Hard Disks\\{lot.name}.vhdx": "1 GB"})


# --- the hosts ---------------------------------------------------------------------------------------------------

_rows(
    ("migration-listener-addresses", _destination(migration={"networks": []})),
    ("migration-network-common-subnet", _destination(
        addresses=["192.168.7.5/24"], migration={"networks": ["192.168.7.0/24"]})),
    ("migration-network-isolated", _destination(migration={"any_network": True, "networks": []})),
    ("cpu-vendor", _destination(processor={"manufacturer": "AuthenticAMD"})),
    ("auth-type-equal", _destination(migration={"authentication": "CredSSP"})),
    ("smb-signing-encryption", _destination(smb={"require_signing": True})),
)  # fmt: skip


@fault("migration-enabled", "migration-listener-addresses", "listener-6600")
def _not_enabled(lot: Lot) -> None:
    lot.own_destination(migration={"enabled": False})


@fault("vmms-running", "migration-listener-addresses", "transport-second-hop", "listener-6600", loud=True)
def _stopped(lot: Lot) -> None:
    lot.own_destination(services={"vmms": "Stopped"})


@fault("hyperv-role", "hypervisor-running", "hyperv-module-version", loud=True)
def _no_role(lot: Lot) -> None:
    lot.own_destination(features={"Hyper-V": "Available", "Hyper-V-PowerShell": "Available"})


@fault("os-version-floor", "vm-config-version", "perf-option-equal", loud=True)
def _old(lot: Lot) -> None:
    lot.own_destination(version=2012)


@fault("credssp-needs-source-logon")
def _credssp(lot: Lot) -> None:
    lot.own_source(migration={"authentication": "CredSSP"})
    lot.own_destination(migration={"authentication": "CredSSP"})


@fault("credential-guard-vs-credssp", "credssp-needs-source-logon")
def _guard(lot: Lot) -> None:
    lot.own_source(migration={"authentication": "CredSSP"}, credential_guard=True)
    lot.own_destination(migration={"authentication": "CredSSP"})


@fault("transport-second-hop")
def _no_hop(lot: Lot) -> None:
    lot.own_source()
    lot.land.inventory[lot.source] = {"second_hop": "none"}


@fault("slots-live")
def _slots(lot: Lot) -> None:
    lot.own_destination()
    lot.land.inventory[lot.destination] = {"limits": {"live": 4}}


@fault("slots-storage")
def _storage_slots(lot: Lot) -> None:
    lot.own_destination()
    lot.land.inventory[lot.destination] = {"limits": {"storage": 4}}


# --- the directory -----------------------------------------------------------------------------------------------


def _delegated(**rights: Any) -> Change:
    def change(lot: Lot) -> None:
        lot.own_source()
        lot.land.delegation[lot.source] = rights

    return change


_rows(
    ("kcd-migration-service", _delegated(services=["cifs"])),
    ("kcd-cifs", _delegated(services=["migration"])),
    ("kcd-protocol-transition", _delegated(protocol_transition=False)),
)


@fault("kcd-reverse")
def _no_way_back(lot: Lot) -> None:
    lot.own_destination()
    lot.land.silent.add((lot.destination, "src"))


@fault("spn-registered")
def _no_names(lot: Lot) -> None:
    lot.own_destination()
    lot.land.computers[lot.destination] = {"spns": [f"HOST/{lot.destination}", f"HOST/{lot.destination}.corp.example"]}


# --- shares ------------------------------------------------------------------------------------------------------


@fault("smb-all-files-unc")
def _one_local(lot: Lot) -> None:
    lot.on_share()
    lot.vm["paging_path"] = "D:\\Paging"
    lot.wish["kind"] = "shared-smb"


@fault("smb-dialect")
def _old_dialect(lot: Lot) -> None:
    server = f"fs{lot.number:02}x"
    lot.land.servers[server] = {"version": 2022, "dialect": "2.1", "shares": {"VMs": {"size": "1 TB"}}}
    lot.on_share(server)


@fault("smb-share-acl")
def _no_share_right(lot: Lot) -> None:
    lot.own_destination()
    here, there = lot.accounts()
    rules = dict.fromkeys((here, there, "CORP\\ops"), "FullControl")
    lot.own_share(access={here: "Full", there: "Change", "CORP\\ops": "Full"}, ntfs={".": {"rules": rules}})


@fault("smb-ntfs-acl")
def _no_folder_right(lot: Lot) -> None:
    lot.own_destination()
    here, there = lot.accounts()
    rules = {here: "FullControl", there: "Modify", "CORP\\ops": "FullControl"}
    lot.own_share(access=dict.fromkeys((here, there, "CORP\\ops"), "Full"), ntfs={".": {"rules": rules}})


@fault("smb-no-loopback", "smb-delegation", loud=True)
def _on_the_host(lot: Lot) -> None:
    lot.own_destination(shares={"VMs": {"path": "D:\\Shares\\VMs"}})
    lot.on_share(lot.destination)


@fault("smb-third-party-nas", "smb-delegation", loud=True)
def _filer(lot: Lot) -> None:
    server = f"nas{lot.number:02}"
    lot.land.servers[server] = {"kind": "nas", "vendor": "NetApp ONTAP 9.13", "shares": {"VMs": {"size": "1 TB"}}}
    lot.on_share(server)


@fault("smb-delegation")
def _no_delegation(lot: Lot) -> None:
    lot.own_destination()
    lot.on_share()
    lot.land.silent.add((lot.destination, "fs01"))


# --- names, rights, domains --------------------------------------------------------------------------------------


@fault("vm-exists-unique")
def _two_of_a_name(lot: Lot) -> None:
    same = f"00000000-0000-0000-0000-0000000000{lot.number:02}"
    lot.vm["id"] = same
    lot.wish["vm"] = f"id:{same}"
    lot.land.hosts["src"]["vms"][f"{lot.name} (2)"] = {"name": lot.name, "memory": "1 GB", "state": "Off"}


@fault("operator-admin-both", "transport-second-hop", loud=True)
def _no_administrator(lot: Lot) -> None:
    lot.own_destination(remote_management_users=["CORP\\ops"])
    lot.land.guarded.add(lot.destination)


@fault("same-or-trusted-domain", loud=True)
def _one_way(lot: Lot) -> None:
    lot.own_destination(domain="partner.example", administrators=["PARTNER\\pat"])
    lot.land.inventory[lot.destination] = {"credential": "file:pat.yml"}


# --- settings of the VM and its adapters -------------------------------------------------------------------------


def _adapter(**cells: Any) -> Change:
    return _put(adapters=[{"switch": "External", **cells}])


_rows(
    ("vm-health", _put(heartbeat="LostCommunication")),
    ("vm-replica-state", _put(replication="Primary", replication_state="Resynchronizing")),
    ("vm-nested-virtualization", _put(processors={"count": 2, "nested": True})),
    ("vm-clustered-for-host-move", _put(clustered=True)),
    ("net-vlan-isolation", _adapter(vlan=12)),
    ("net-extended-acls", _adapter(acls=[{"action": "Deny", "direction": "Both", "remote": "10.9.0.0/16"}])),
)


@fault("net-sriov")
def _iov(lot: Lot) -> None:
    lot.own_source(switches=[{"name": "External", "iov": True}])
    _adapter(iov_weight=100)(lot)


@fault("net-switch-type")
def _internal(lot: Lot) -> None:
    lot.own_destination(switches=[{"name": "External", "kind": "Internal"}])


@fault("net-switch-extensions")
def _extension(lot: Lot) -> None:
    lot.own_source(switches=[{"name": "External", "extensions": {"Acme Filter": True}}])


@fault("net-mac-pool")
def _pool(lot: Lot) -> None:
    number = f"{lot.number:02}"
    lot.own_source(mac_pool=[f"00155DEE{number}00", f"00155DEE{number}FF"])
    lot.own_destination(mac_pool=[f"00155DEE{number}10", f"00155DEE{number}EF"])


@fault("vm-name-free-destination")
def _namesake(lot: Lot) -> None:
    same = f"00000000-0000-0000-0000-0000000000{lot.number:02}"
    lot.vm["id"] = same
    lot.wish["vm"] = f"id:{same}"
    lot.own_destination()["vms"][lot.name] = {
        "memory": "1 GB", "state": "Off", "path": "D:\\Other", "disks": [f"D:\\Other\\other {lot.name}.vhdx"],
    }  # fmt: skip


@fault("vm-saved-state-compat", "disk-checkpoints")
def _other_processors(lot: Lot) -> None:
    lot.own_destination(processor={"name": "Intel(R) Xeon(R) CPU E5-2620"})
    lot.vm["checkpoints"] = ["before"]


@fault("cpu-compat-mode-2025")
def _cluster_mode(lot: Lot) -> None:
    lot.own_source(version=2025)
    lot.own_destination(version=2025)
    lot.vm |= {"version": "12.0", "processors": {"count": 2, "compatibility": True, "mode": "CommonClusterFeatureSet"}}


# --- what the hosts are in ---------------------------------------------------------------------------------------

_SMB = {"performance": "SMB"}
_rows(
    ("gpo-logon-as-service", _destination(user_rights={"SeServiceLogonRight": ["CORP\\backup"]})),
    ("gpo-create-symbolic-links", _destination(user_rights={"SeCreateSymbolicLinkPrivilege": ["CORP\\backup"]})),
    ("registry-pol-intact", _destination(registry_pol="corrupt")),
    ("antivirus-exclusions", _destination(antivirus={"automatic": False})),
    ("patch-level", _destination(update=3000)),
    ("cpu-speculation-equal", _destination(microcode="0000000100000000")),
    ("time-skew", _destination(clock_skew=900)),
    ("perf-option-equal", _destination(migration={"performance": "TCPIP"})),
    ("listener-6600", _destination(migration={"listening": False}), "port-6600-reachable"),
    ("port-6600-reachable", _destination(blocked_ports=[6600])),
    ("port-445-reachable", _destination(blocked_ports=[445])),
    ("port-winrm-reachable", _destination(blocked_ports=[5985]), "transport-second-hop"),
    ("hyperv-module-version", _destination(hyperv_modules=["1.1"])),
)  # fmt: skip


def _over_smb(**more: Any) -> Change:
    """Memory goes over SMB, with nothing in its way but what is given."""

    def change(lot: Lot) -> None:
        lot.own_source(migration=_SMB, smb={"rdma": ["Management"]})
        lot.own_destination(migration=_SMB, **{"smb": {"rdma": ["Management"]}, **more})

    return change


_rows(
    ("perf-rdma", _over_smb(smb={})),
    ("smb-bandwidth-cap", _over_smb(smb={"rdma": ["Management"], "limits": {"LiveMigration": "100 MB/s"}})),
)


@fault("computername-uppercase")
def _lower_case(lot: Lot) -> None:
    lot.own_source(version=2019, migration=_SMB, smb={"rdma": ["Management"]})
    lot.own_destination(version=2019, migration=_SMB, smb={"rdma": ["Management"]}, computer_name=lot.destination)


@fault("migration-link-speed")
def _slow(lot: Lot) -> None:
    lot.own_destination(link_speeds={"Management": "100 Mbit"})


@fault("dns-forward-both", "port-445-reachable", "port-winrm-reachable", "transport-second-hop")
def _no_name(lot: Lot) -> None:
    lot.own_destination()
    lot.own_source(dns={f"{lot.destination}.corp.example": None, lot.destination: None})
