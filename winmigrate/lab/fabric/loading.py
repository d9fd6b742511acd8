"""A fabric file, read and made into a world, with defaults that keep files short.

A virtual machine with nothing said of it runs, has 2 processors, 2 GB of memory, one adapter on the host's first switch
and one disk of 40 GB, 10 GB of it used, under ``D:\\VMs`` (or the host's first other volume). Its Id depends on the
seed, the host and its name; so a fabric file always makes the same world.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from winmigrate.errors import InputFaults
from winmigrate.facts.versions import BUILDS
from winmigrate.lab.fabric import (
    cluster_life,
    cluster_making,
    enrolling,
    fibre,
    fittings,
    patterns,
    shapes,
    share_making,
    surroundings,
    winrm,
)
from winmigrate.lab.fabric.clock import FabricClock
from winmigrate.lab.fabric.files import FileEntry
from winmigrate.lab.fabric.fluid import Links, Resource
from winmigrate.lab.fabric.log import FabricLog
from winmigrate.lab.fabric.world import (
    GIB,
    Address,
    Feature,
    Host,
    HostProcessor,
    MigrationNetwork,
    MigrationSettings,
    Service,
    Volume,
    VSwitch,
    World,
)
from winmigrate.marked import Marked, Misfit, load_marked, read_marked

#: Configuration versions by Windows version, the default one last (Get-VMHostSupportedVersion).
CONFIGURATION = {
    "2012": ("4.0",), "2012R2": ("4.0", "5.0"), "2016": ("5.0", "6.2", "7.0", "7.1", "8.0"),
    "2019": ("5.0", "6.2", "7.0", "7.1", "8.0", "8.1", "8.2", "8.3", "9.0"),
    "2022": ("8.0", "8.1", "8.2", "8.3", "9.0", "9.1", "9.2", "9.3", "10.0"),
    "2025": ("8.0", "8.1", "8.2", "8.3", "9.0", "9.1", "9.2", "9.3", "10.0", "10.5", "11.0", "12.0"),
}
_NAMES = {"4.0": "Microsoft Windows Server 2012", "5.0": "Microsoft Windows 8.1/Server 2012 R2",
          "8.0": "Microsoft Windows 10 Anniversary Update/Server 2016",
          "9.0": "Microsoft Windows 10 October 2018 Update/Server 2019",
          "10.0": "Microsoft Windows Server 2022", "12.0": "Microsoft Windows Server 2025"}


def read_fabric(text: str, file: str) -> Marked:
    """The file's tree. Raises InputFaults."""
    return load_marked(text, file)


def load_fabric(path: str | Path, *, mode: str = "leap", rate: float = 1.0, log: Path | None = None) -> World:
    """The world of a fabric file, with its clock. Raises InputFaults with every fault of the file, OSError."""
    file = Path(path)
    return make_world(read_marked(file), mode=mode, rate=rate, log=log)


def make_world(marked: Marked, *, mode: str = "leap", rate: float = 1.0, log: Path | None = None) -> World:
    """The world of a file that was read. Raises InputFaults."""
    try:
        found = shapes.FABRIC.read(patterns.expand(marked))
        start = found["now"]
        if start is None and mode == "real":
            start = dt.datetime.now(dt.timezone.utc)
        clock = FabricClock(mode=mode, rate=rate, start=start)
        try:
            return _build(found, clock, log)
        except BaseException:
            clock.close()
            raise
    except Misfit as misfit:
        raise InputFaults(misfit.faults) from misfit


def _build(found: Mapping[str, Any], clock: FabricClock, log: Path | None) -> World:
    domain = enrolling.first_domain(found["domain"])
    world = World({}, domain, [], clock, FabricLog(clock.monotonic, log), seed=found["seed"] or 1)
    if found["report_edits"] is not None:
        world.report_edits = found["report_edits"]
    faults = enrolling.more_domains(world, found)
    for number, (key, given) in enumerate(found["hosts"].items()):
        try:
            host = _host(world, key, given)
        except Misfit as misfit:
            faults.extend(misfit.faults)
            continue
        world.hosts[key] = host
        enrolling.enrol(world, host, number)
        try:
            host.limits = winrm.limits_of(given["limits"])
        except Misfit as misfit:
            faults.extend(misfit.faults)
    world.zones = fibre.zones_of(found["zones"] or {})
    faults.extend(share_making.populate(world, found))
    faults.extend(cluster_making.populate(world, found))
    enrolling.users(world, found["users"] or {})
    faults.extend(enrolling.computers(world, found["computers"] or {}))
    faults.extend(enrolling.groups(world, found["groups"] or []))
    faults.extend(share_making.settle(world, found))
    servers = {key: one.host for key, one in world.file_servers.items() if key not in world.hosts}
    for host in world.hosts.values():
        faults.extend(winrm.name_faults(world, host))
    if found["delegation"] is None:
        enrolling.delegate_all(world, servers)
    for source, rights in (found["delegation"] or {}).items():
        try:
            enrolling.delegate(world, source, rights, servers)
        except Misfit as misfit:
            faults.extend(misfit.faults)
    faults.extend(enrolling.trust_for_delegation(world, found["_at"].child("rbcd"), found["rbcd"] or {}, servers))
    if faults:
        raise Misfit(*faults)
    world.links = Links(clock, lambda resource: _capacity(world, resource), world.lock)
    if world.clusters:
        cluster_life.watch(world)
    return world


def _capacity(world: World, resource: Resource) -> float:
    if resource[0].startswith("shared-"):
        shared = next(space.volume for host in world.hosts.values() for space in host.spaces
                      if space.key == resource[1])
        return shared.read_rate if resource[0] == "shared-read" else shared.write_rate
    host = world.hosts[resource[1]]
    if resource[0] in ("in", "out"):
        return host.nic_rate
    if resource[0] == "smb-limit":
        limits = host.smb.limits
        return float(limits.get("LiveMigration", limits.get("Default", host.nic_rate)))
    volume = host.volumes.get(resource[2])
    if volume is None:
        return host.nic_rate
    return volume.read_rate if resource[0] == "read" else volume.write_rate


def _id(world: World, *parts: str) -> uuid.UUID:
    return uuid.uuid5(uuid.UUID(int=world.seed), "/".join(parts))


def _host(world: World, key: str, given: Mapping[str, Any]) -> Host:
    version = given["version"] or "2019"
    name = (given["name"] or key).upper()
    in_domain = not given["workgroup"]
    domain = enrolling.domain_for(world, given, world.domain)
    fqdn = given["fqdn"] or (f"{name.lower()}.{domain.name}" if in_domain else name.lower())
    number = len(world.hosts) + 1
    versions = CONFIGURATION[version]
    host = Host(
        key=key, name=name, fqdn=fqdn, version=version, build=BUILDS[version],
        domain=domain.name if in_domain else "WORKGROUP", in_domain=in_domain,
        caption=f"Microsoft Windows Server {version.replace('R2', ' R2')} Datacenter",
        supported_versions=[(one, _NAMES.get(one, f"Microsoft Windows, version {one}"), one == versions[-1])
                            for one in versions],
        mac_pool=(f"00155D0A{number:02X}00", f"00155D0A{number:02X}FF"),
        boot_time=world.clock.date(0.0) - dt.timedelta(days=30),
    )
    for field, name_given in (("memory", "memory"), ("memory_reserved", "memory_reserved"), ("nic_rate", "nic"),
                              ("manufacturer", "manufacturer"), ("model", "model"), ("default_vhd_path", "vhd_path"),
                              ("default_vm_path", "vm_path"), ("numa_spanning", "numa_spanning"),
                              ("enhanced_session", "enhanced_session"), ("boot_time", "booted"),
                              ("system_drive", "system_drive")):
        if given[name_given] is not None:
            setattr(host, field, given[name_given])
    if given["mac_pool"]:
        host.mac_pool = (given["mac_pool"][0], given["mac_pool"][-1])
    if given["reachable"] is not None:
        host.reachable = given["reachable"]
    host.credssp_enabled = bool(given["credssp"])
    host.client_certificates = list(given["client_certificates"] or ())
    host.configurations = dict(winrm.configurations_of(given["session_configurations"]))
    host.clock_skew = float(given["clock_skew"] or 0)
    host.security_services = [1] if given["credential_guard"] else []
    host.processor = _processor(given["processor"] or {})
    host.volumes = _volumes(world, key, given["volumes"] or {})
    for path, bytes_ in (given["files"] or {}).items():
        host.files.add(FileEntry(path, bytes_, "iso" if path.lower().endswith(".iso") else "file"))
    host.switches = [_switch(world, key, one, index) for index, one in enumerate(given["switches"] or ())]
    if given["switches"] is None:
        host.switches = [_switch(world, key, {"name": "External"}, 0)]
    host.sans = [fibre.san_of(key, one, index) for index, one in enumerate(given["sans"] or ())]
    host.holdings = fittings.holdings_of(given)
    host.surroundings = surroundings.surroundings_of(given, version)
    fittings.put_links(host, given)
    host.addresses = [_address(one, index)
                      for index, one in enumerate(given["addresses"] or [{"address": (f"10.0.0.{10 + number}", 24)}])]
    host.migration = _migration(given["migration"] or {}, host)
    _services(host, given)
    for field in ("administrators", "hyperv_administrators", "remote_management_users"):
        getattr(host, field).update(given[field] or ())
    return host


def _address(given: Mapping[str, Any], index: int) -> Address:
    ip, prefix = given["address"]
    alias = given.get("alias") or ("Management" if index == 0 else f"Network {index + 1}")
    return Address(ip, prefix, alias, "IPv6" if ":" in ip else "IPv4")


def _processor(given: Mapping[str, Any]) -> HostProcessor:
    made = HostProcessor()
    if given.get("manufacturer") == "AuthenticAMD":
        made.manufacturer, made.name = "AuthenticAMD", "AMD EPYC 7302 16-Core Processor"
    for field in ("name", "sockets", "cores"):
        if given.get(field) is not None:
            setattr(made, field, given[field])
    made.logical = given.get("logical") or made.cores * 2
    made.features = frozenset(given.get("features") or ())
    return made


def _volumes(world: World, key: str, given: Mapping[str, Mapping[str, Any]]) -> dict[str, Volume]:
    if not given:
        given = {"C": {"size": 200 * GIB, "used": 60 * GIB}, "D": {"size": 4096 * GIB}}
    volumes: dict[str, Volume] = {}
    if not any(letter.rstrip(":").upper() == "C" for letter in given):
        given = {"C": {"size": 200 * GIB, "used": 60 * GIB}, **given}
    for text, one in given.items():
        letter = text.rstrip(":").upper()
        volume = Volume(letter, one["size"], one.get("used") or 0,
                        id=str(one.get("id") or _id(world, key, "volume", letter)))
        for field, name in (("file_system", "file_system"), ("label", "label"), ("health", "health"),
                            ("read_rate", "read"), ("write_rate", "write")):
            if one.get(name) is not None:
                setattr(volume, field, one[name])
        volumes[letter] = volume
    return volumes


def _switch(world: World, key: str, one: Mapping[str, Any], index: int) -> VSwitch:
    kind = one.get("kind") or "External"
    nic = one.get("nic") or (f"Intel(R) Ethernet 10G 2P X520 Adapter #{index + 1}" if kind == "External" else None)
    return VSwitch(one.get("id") or _id(world, key, "switch", one["name"]), one["name"], kind, nic,
                   kind == "Internal" or one.get("management") is not False, bool(one.get("iov")),
                   extensions=dict(one.get("extensions") or {}))


def _migration(given: Mapping[str, Any], host: Host) -> MigrationSettings:
    made = MigrationSettings()
    for field in ("enabled", "authentication", "performance", "limit", "storage_limit", "any_network", "listening"):
        if given.get(field) is not None:
            setattr(made, field, given[field])
    made.networks = [MigrationNetwork(subnet, index) for index, subnet in enumerate(given.get("networks") or ())]
    return made


def _services(host: Host, given: Mapping[str, Any]) -> None:
    for name, title in (("vmms", "Hyper-V Virtual Machine Management"),
                        ("WinRM", "Windows Remote Management (WS-Management)")):
        host.services[name] = Service(name, "Running", "Auto", title)
    for name, state in (given["services"] or {}).items():
        host.services.setdefault(name, Service(name, state, "Manual", name)).state = state
    for name, state, title in (("Hyper-V", "Installed", "Hyper-V"),
                               ("Hyper-V-PowerShell", "Installed", "Hyper-V Module for Windows PowerShell"),
                               ("Failover-Clustering", "Available", "Failover Clustering")):
        host.features[name] = Feature(name, state, title)
    for name, state in (given["features"] or {}).items():
        host.features.setdefault(name, Feature(name, state, name)).install_state = state
