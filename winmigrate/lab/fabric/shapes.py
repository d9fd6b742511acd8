"""What may stand in a fabric file. Each shape reads a mapping of its keys; :mod:`winmigrate.lab.fabric.loading` builds
the world of them. Everything but ``hosts`` may be left out.
"""

from __future__ import annotations

from typing import Any

from winmigrate.errors import did_you_mean
from winmigrate.facts import types
from winmigrate.facts.versions import VERSIONS
from winmigrate.lab.fabric import fittings, surroundings
from winmigrate.lab.fabric.cluster_shapes import CLUSTER
from winmigrate.lab.fabric.fibre_shapes import FIBRE_CHANNEL, SAN, ZONES
from winmigrate.lab.fabric.primitives import (
    ADDRESS,
    COUNT,
    FREE,
    GUID,
    MAC,
    MOMENT,
    NUMBER,
    PATH,
    RATE,
    SIZE,
    either,
    named,
    table,
    windows_path,
)
from winmigrate.lab.fabric.shapes_directory import (
    COMPUTERS,
    DELEGATIONS,
    DOMAIN,
    GROUPS,
    TRUST,
    USER,
)
from winmigrate.lab.fabric.share_shapes import FILE_SERVER, SHARES, SMB
from winmigrate.marked import (
    Key,
    Marked,
    Misfit,
    Shape,
    choice,
    entries,
    listing,
    one_or_more,
    shown,
    truth,
    whole,
    words,
)

#: What others make their own shapes of.
__all__ = ["FREE", "RATE", "SIZE", "table"]

_ENUMS = types.enums("Hyper-V")

#: A parent in a disk's chain; the nearest one stands first.
PARENT = either("path", PATH, table(
    "a path, or a mapping such as {path: 'D:\\VMs\\a.vhdx', used: 12 GB}",
    path=Key(PATH, True), used=SIZE, kind=choice("Fixed", "Dynamic"), identifier=GUID,
))

DISK = either("path", PATH, table(
    "a path, or a mapping such as {path: 'D:\\VMs\\a.vhdx', size: 40 GB, used: 12 GB}",
    path=PATH, size=SIZE, used=SIZE, kind=choice("Fixed", "Dynamic"), physical=NUMBER, shared=truth(), parent=PATH,
    parent_used=SIZE, chain=listing(PARENT), identifier=GUID,
    controller=choice("IDE", "SCSI", "PMEM"), number=NUMBER, location=NUMBER, maximum_iops=NUMBER,
))

VLAN = either("access", whole(0, 4094), table(
    "a number, or a mapping such as {mode: Trunk, native: 1, allowed: [10, 20]}",
    mode=choice("Untagged", "Access", "Trunk", "Private"), access=whole(0, 4094), native=whole(0, 4094),
    allowed=listing(whole(0, 4094)), primary=whole(0, 4094), secondary=whole(0, 4094),
))

ACL = table(
    "a mapping such as {action: Deny, direction: Both, remote: 10.0.0.0/8}",
    action=choice("Allow", "Deny", "Meter"), direction=choice("Inbound", "Outbound", "Both"), local=words(),
    remote=words(),
)

EXTENDED_ACL = table(
    "a mapping such as {action: Allow, direction: Inbound, port: 443, protocol: TCP, weight: 10}",
    action=choice("Allow", "Deny"), direction=choice("Inbound", "Outbound"), local=words(), remote=words(),
    port=words(), protocol=words(), weight=whole(1, 65535), stateful=truth(),
)

ADAPTER = either("switch", FREE, table(
    "a switch's name, or a mapping such as {switch: External, vlan: 10}",
    switch=FREE, connected=truth(), name=FREE, mac=MAC, static_mac=truth(), vlan=VLAN, legacy=truth(),
    iov_weight=NUMBER, mac_spoofing=truth(), dhcp_guard=truth(), router_guard=truth(),
    port_mirroring=choice("None", "Source", "Destination"), id=FREE, ip_addresses=one_or_more(words(), "addresses"),
    isolation=choice("None", "NativeVirtualSubnet", "ExternalVirtualSubnet", "Vlan"), isolation_id=NUMBER,
    acls=listing(ACL), extended_acls=listing(EXTENDED_ACL),
))

CHECKPOINT = either("name", FREE, table(
    "a name, or a mapping such as {name: before update}",
    name=Key(FREE, True), created=MOMENT, automatic=truth(), used=SIZE,
    kind=choice("Standard", "Recovery", "Planned", "Replica"), id=GUID, parent=GUID, path=PATH, disks=listing(PATH),
))

MEMORY = either("startup", SIZE, table(
    "a size, or a mapping such as {startup: 4 GB, dynamic: true, maximum: 16 GB}",
    startup=SIZE, minimum=SIZE, maximum=SIZE, assigned=SIZE, dynamic=truth(), buffer=whole(0, 2000),
    priority=whole(0, 100),
))

PROCESSORS = either("count", whole(1, 2048), table(
    "a number, or a mapping such as {count: 4, compatibility: true}",
    count=whole(1, 2048), mode=choice("MinimumFeatureSet", "CommonClusterFeatureSet"),
    compatibility=truth(), nested=truth(), reserve=whole(0, 100), maximum=whole(0, 100),
    weight=whole(0, 10000), max_per_numa_node=NUMBER, max_per_numa_socket=NUMBER,
))

DEVICE = table("a mapping such as {name: GPU, location_path: 'PCIROOT(0)#PCI(0300)'}",
               name=Key(FREE, True), instance_id=FREE, location_path=Key(FREE, True))

_MEDIUM: Shape[str | None] = Shape(
    lambda marked: None if marked.value is None else windows_path(FREE.read(marked)), {"type": ["string", "null"]})

DVD = either("path", _MEDIUM, table(
    "a path, nothing, or a mapping such as {path: 'D:\\ISO\\a.iso', controller: IDE, location: 1}",
    path=_MEDIUM, controller=choice("IDE", "SCSI"), number=NUMBER, location=NUMBER,
))

_SERVICE_STATE = choice(*_ENUMS["VMIntegrationComponentOperationalStatus"])
#: An integration service is enabled or not; a state is that of one that is enabled.
SERVICE: Shape[bool | str] = Shape(
    lambda marked: (truth() if isinstance(marked.value, bool) else _SERVICE_STATE).read(marked),
    {"anyOf": [truth().schema, _SERVICE_STATE.schema]})

_STATES = ("Running", "Off", "Saved", "Paused", "Starting", "Stopping", "Saving", "RunningCritical", "OffCritical")

VM = table(
    "a mapping such as {memory: 4 GB, disks: ['D:\\VMs\\web01\\web01.vhdx']}",
    name=FREE, id=GUID, state=choice(*_STATES), version=words("such as 9.0"), generation=whole(1, 2), memory=MEMORY,
    processors=PROCESSORS, disks=listing(DISK), adapters=listing(ADAPTER), dvds=listing(DVD),
    checkpoints=listing(CHECKPOINT), devices=listing(DEVICE), fibre_channel=listing(FIBRE_CHANNEL), path=PATH,
    notes=FREE,
    config_path=PATH, snapshot_path=PATH, paging_path=PATH, parent_checkpoint=GUID, start_delay=NUMBER,
    secure_boot_template=FREE, integration=entries(SERVICE, "a mapping from services to true, false or their state"),
    secure_boot=truth(), tpm=truth(), shielded=truth(), encrypt_traffic=truth(), clustered=truth(),
    checkpoint_type=choice("Disabled", "Production", "ProductionOnly", "Standard"), dirty_rate=RATE, write_rate=RATE,
    replication=choice("None", "Primary", "Replica"), replication_state=choice(*_ENUMS["VMReplicationState"]),
    replication_health=choice(*_ENUMS["VMReplicationHealthState"]), status=FREE, secondary_status=FREE,
    created=MOMENT, uptime=NUMBER, heartbeat=FREE, start=choice("Nothing", "StartIfRunning", "Start"),
    stop=choice("TurnOff", "Save", "ShutDown"),
    count=COUNT, **fittings.OF_A_MACHINE,
)

VOLUME = either("size", SIZE, table(
    "a size, or a mapping such as {size: 4 TB, used: 300 GB}",
    size=Key(SIZE, True), used=SIZE, file_system=choice("NTFS", "ReFS", "FAT32", "CSVFS"), label=FREE,
    health=choice("Healthy", "Warning", "Unhealthy"), read=RATE, write=RATE, id=GUID,
))

HOST_ADDRESS = either("address", ADDRESS, table(
    "an address, or a mapping such as {address: 10.0.0.11/24, alias: Management}",
    address=Key(ADDRESS, True), alias=FREE,
))

SWITCH = either("name", FREE, table(
    "a name, or a mapping such as {name: Internal, kind: Internal}",
    name=Key(FREE, True), kind=choice("External", "Internal", "Private"), nic=FREE, management=truth(), iov=truth(),
    id=GUID, extensions=entries(truth(), "a mapping from extensions to true (enabled) or false"),
))

MIGRATION = table(
    "a mapping such as {authentication: Kerberos, limit: 2}",
    enabled=truth(), authentication=choice("Kerberos", "CredSSP"), performance=choice("TCPIP", "Compression", "SMB"),
    limit=whole(1, 1000), storage_limit=whole(1, 1000), any_network=truth(), listening=truth(),
    networks=listing(words("a subnet such as 10.0.0.0/24")),
)

PROCESSOR = table(
    "a mapping such as {manufacturer: AuthenticAMD}",
    manufacturer=choice("GenuineIntel", "AuthenticAMD"), name=FREE, sockets=whole(1, 64), cores=whole(1, 512),
    logical=whole(1, 1024), features=listing(words()),
)

SECONDS = whole(1, 2**31 - 1)

LIMITS = table(
    "a mapping such as {shells_per_user: 5, idle_close: 30, output_buffer: 64 KB}",
    envelope=SIZE, fragment=SIZE, shells_per_user=whole(1, 2**31 - 1), users=whole(1, 2**31 - 1),
    processes_per_shell=whole(1, 2**31 - 1), memory_per_shell=SIZE, operations_per_user=whole(1, 2**31 - 1),
    commands_per_shell=whole(1, 2**31 - 1), idle_close=SECONDS, disconnect_after=SECONDS, shell_idle_timeout=SECONDS,
    operation_timeout=SECONDS, output_buffer=SIZE, redelivery=truth(),
)

_ANY_VALUE: Shape[tuple[str, ...]] = Shape(
    lambda marked: () if marked.value is None else tuple(one_or_more(FREE, "values").read(marked)),
    {"anyOf": [{"type": "null"}, one_or_more(FREE, "values").schema]})

VISIBLE = either("name", words(), table(
    "a command, or a mapping such as {name: Move-VM, parameters: {Name: , DestinationHost: [hv02, hv03]}}",
    name=Key(words(), True),
    parameters=entries(_ANY_VALUE, "a mapping from parameters to the values they take (nothing: any)"),
))

CONFIGURATION = table(
    "a mapping such as {visible: [Get-VM], functions: [Move-WinmigrateVM], allow: [CORP\\ops]}",
    visible=listing(VISIBLE), functions=listing(words()), run_as=FREE, allow=one_or_more(FREE, "users or groups"),
)

#: A version is also a number to whoever reads YAML, and so to editors.
VERSION = Shape(
    choice(*VERSIONS).read, {"enum": [*VERSIONS, *(int(version) for version in VERSIONS if version.isdigit())]})

HOST = table(
    "a mapping such as {version: 2019, memory: 256 GB, volumes: {D: 4 TB}, vms: {...}}",
    version=VERSION, name=words(), fqdn=words(), domain=words(), memory=SIZE, memory_reserved=SIZE, processor=PROCESSOR,
    volumes=entries(VOLUME, "a mapping from drive letters to volumes",
                    lambda key: None if len(key.rstrip(":")) == 1 and key[0].isalpha() else "wanted: a drive letter"),
    files=entries(SIZE, "a mapping from paths to sizes"), switches=listing(SWITCH), sans=listing(SAN),
    migration=MIGRATION, addresses=listing(HOST_ADDRESS), credential_guard=truth(), workgroup=truth(),
    reachable=truth(), nic=RATE, administrators=listing(FREE), hyperv_administrators=listing(FREE),
    remote_management_users=listing(FREE),
    services=entries(choice("Running", "Stopped"), "a mapping from services to their state"),
    features=entries(choice("Installed", "Available", "Removed"), "a mapping from features to their state"),
    limits=LIMITS, session_configurations=entries(CONFIGURATION, "a mapping from names to session configurations"),
    credssp=truth(), client_certificates=listing(FREE), clock_skew=whole(-2**31, 2**31 - 1),
    vms=named(VM, "a mapping from names to virtual machines"), manufacturer=FREE, model=FREE, count=COUNT,
    vhd_path=PATH, vm_path=PATH, numa_spanning=truth(), enhanced_session=truth(), booted=MOMENT,
    mac_pool=listing(MAC), smb=SMB, shares=SHARES, system_drive=choice(*(f"{letter}:" for letter in "CDEFGHIJ")),
    **fittings.OF_A_HOST, **surroundings.OF_A_HOST,
)

def _faults(marked: Marked) -> list[Marked]:
    if isinstance(marked.value, list):
        return list(marked.value)
    if not isinstance(marked.value, dict):
        raise Misfit(marked.fault("wanted: a list of faults, or {random: 10}"))
    return []  # drawn by who plans them


FABRIC = table(
    "a fabric: a mapping with hosts",
    fabric=FREE, seed=whole(0, 2**31 - 1), now=MOMENT, domain=DOMAIN, report_edits=truth(),
    keytab=words(),
    domains=listing(DOMAIN), trusts=listing(TRUST),
    users=entries(USER, "a mapping from names to users"), groups=GROUPS, computers=COMPUTERS,
    delegation=Key(DELEGATIONS, default={}),
    rbcd=entries(one_or_more(words(), "hosts"), "a mapping from destinations to those who may act there"),
    faults=Shape(_faults, {"type": ["array", "object"]}),
    clusters=entries(CLUSTER, "a mapping from names to failover clusters"),
    zones=ZONES,
    file_servers=entries(FILE_SERVER, "a mapping from names to file servers"),
    hosts=Key(entries(HOST, "a mapping from names to hosts", least=1), True),
)


def unknown_host(marked: Marked, name: str, hosts: dict[str, Any]) -> Misfit:
    """The misfit of a name that is no host of this fabric."""
    return Misfit(marked.fault(f"no host {shown(name)} in this fabric{did_you_mean(name, hosts)}"))
