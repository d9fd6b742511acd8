"""A virtual machine of a fabric file, with its files on its host."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Mapping
from typing import Any

from winmigrate.lab.fabric.files import FileEntry, Vhd, folder_of, join, leaf, letter_of
from winmigrate.lab.fabric.fittings import fittings_of
from winmigrate.lab.fabric.machine import Acl, ExtendedAcl
from winmigrate.lab.fabric.world import (
    GIB,
    MIB,
    VM,
    Adapter,
    Checkpoint,
    Device,
    Disk,
    Dvd,
    FibreChannel,
    Firmware,
    Host,
    IntegrationService,
    Load,
    Memory,
    Processor,
    Security,
    Vlan,
    World,
)
from winmigrate.marked import Marked, Misfit, shown

#: Name -> class GUID, as every Windows guest has them.
INTEGRATION = {
    "Guest Service Interface": "6C09BB55-D683-4DA0-8931-C9BF705F6480",
    "Heartbeat": "84EAAE65-2F2E-45F5-9BB5-0E857DC8EB47",
    "Key-Value Pair Exchange": "2A34B1C2-FD73-4043-8A5B-DD2159BC743F",
    "Shutdown": "9F8233AC-BE49-4C79-8EE3-E7E1985B2077",
    "Time Synchronization": "2497F4DE-E9FA-4204-80E4-4B75C46419C0",
    "VSS": "5CED1297-4598-4915-A5FC-AD21BB4D02A4",
}
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


def add_vm(world: World, host: Host, given: Mapping[str, Any]) -> VM:
    """Makes it and its files, and registers it. Raises Misfit for what cannot be on that host."""
    at: Marked = given["_at"]
    name = given["name"]
    same = len(host.vm(name))
    vm_id = given["id"] or uuid.uuid5(uuid.UUID(int=world.seed), f"vm/{host.key}/{name}/{same or ''}")
    if world.where(vm_id):
        raise Misfit(at.fault(f"a virtual machine with the Id {vm_id} is already in this fabric"))
    safe = _FORBIDDEN.sub("_", name).rstrip(". ") or "vm"
    folder = given["path"] or join(_home(host, bool(given["clustered"]) or _on_shared(host, given)), safe)
    vm = VM(vm_id, name, path=folder, config_path=given["config_path"] or folder,
            snapshot_path=given["snapshot_path"] or folder, paging_path=given["paging_path"] or folder)
    vm.state = given["state"] or "Running"
    vm.version = given["version"] or next(version for version, _, default in host.supported_versions if default)
    vm.generation = given["generation"] or 2
    vm.created = given["created"] or world.clock.date(0.0) - dt.timedelta(days=200)
    vm.started_at = -float(given["uptime"] if given["uptime"] is not None else 86400 * 7)
    _set(vm, given)
    vm.processor = _filled(Processor(), given["processors"])
    vm.memory = _memory(given["memory"] or {}, vm.running)
    vm.firmware = Firmware(given["secure_boot"] is not False)
    if given["secure_boot_template"] is not None:
        vm.firmware.template = given["secure_boot_template"]
    vm.security = Security(bool(given["tpm"]), bool(given["shielded"]), bool(given["encrypt_traffic"]))
    vm.fittings = fittings_of(vm, host, given)
    vm.load = Load(given["dirty_rate"] if given["dirty_rate"] is not None else 20.0 * MIB, given["write_rate"] or 0.0)
    _adapters(world, host, vm, given["adapters"])
    _disks(host, vm, given["disks"], safe)
    _checkpoints(world, host, vm, given["checkpoints"] or ())
    if given["parent_checkpoint"] is not None:
        vm.parent_checkpoint = given["parent_checkpoint"]
    for index, one in enumerate(given["dvds"] or ()):
        location = one["location"] if one.get("location") is not None else 60 + index
        vm.dvds.append(Dvd(_part(vm, "dvd", index), one["path"], one.get("controller") or "SCSI",
                           one.get("number") or 0, location))
    for one in given["devices"] or ():
        vm.devices.append(Device(one["name"], one.get("instance_id") or f"PCIP\\{one['name']}", one["location_path"]))
    for index, one in enumerate(given["fibre_channel"] or ()):
        hba = FibreChannel(_part(vm, "hba", index), one.get("name") or "Fibre Channel Adapter", one["san"],
                           f"C003FF0000FF{index:04X}", f"C003FF0000FE{index:04X}", active=one.get("active") or "A")
        for key in ("wwpn_a", "wwpn_b", "wwnn_a", "wwnn_b"):
            if one.get(key) is not None:
                setattr(hba, key, one[key])
        vm.fibre_channel.append(hba)
    for title, guid in INTEGRATION.items():
        told = (given["integration"] or {}).get(title, title != "Guest Service Interface")
        vm.integration.append(IntegrationService(f"Microsoft:{vm.guid}\\{guid}", title, told is not False,
                                                 told if isinstance(told, str) else "OK"))
    config = join(vm.config_path, "Virtual Machines", vm.guid)
    host.files.add(FileEntry(config + ".vmcx", 28 * 1024, "config"))
    host.files.add(FileEntry(config + ".vmgs", 4 * MIB, "config"))
    host.files.add(FileEntry(config + ".VMRS", MIB if vm.state != "Saved" else vm.memory.startup, "state"))
    host.vms[vm.id] = vm
    _fits(host, at)
    return vm


def _on_shared(host: Host, given: Mapping[str, Any]) -> bool:
    """Is a disk of it on a cluster shared volume?"""
    paths = [one["path"] for one in given["disks"] or () if one.get("path") is not None]
    return given["clustered"] is not False and any(
        host.space(path) is not None for path in paths if not path.startswith("\\\\"))


def _home(host: Host, clustered: bool) -> str:
    volumes = [space.root for space in host.spaces if not space.root.startswith("\\\\")]
    if clustered and volumes:
        return volumes[0]
    letters = [letter for letter in host.volumes if letter != "C"] or ["C"]
    return f"{'D' if 'D' in letters else letters[0]}:\\VMs"


def _set(vm: VM, given: Mapping[str, Any]) -> None:
    for field, key in (("notes", "notes"), ("checkpoint_type", "checkpoint_type"), ("heartbeat", "heartbeat"),
                       ("primary_status", "status"), ("secondary_status", "secondary_status"),
                       ("automatic_start_action", "start"), ("automatic_stop_action", "stop"),
                       ("automatic_start_delay", "start_delay")):
        if given[key] is not None:
            setattr(vm, field, given[key])
    vm.clustered = bool(given["clustered"])
    if given["replication"] not in (None, "None"):
        vm.replication_mode, vm.replication_state = given["replication"], given["replication_state"] or "Replicating"
        vm.replication_health = given["replication_health"] or "Normal"


def _filled(made: Any, given: Mapping[str, Any] | None) -> Any:
    for key, value in (given or {}).items():
        if key != "_at" and value is not None:
            setattr(made, key, value)
    return made


def _memory(given: Mapping[str, Any], running: bool) -> Memory:
    made: Memory = _filled(Memory(), given)
    if not made.dynamic:
        made.minimum = min(made.minimum, made.startup)
    if running and given.get("assigned") is None:
        made.assigned = made.startup
    return made


def _part(vm: VM, what: str, index: int) -> str:
    return f"Microsoft:{vm.guid}\\{str(uuid.uuid5(vm.id, f'{what}/{index}')).upper()}"


def _adapters(world: World, host: Host, vm: VM, given: Any) -> None:
    if given is None:
        given = [{"switch": host.switches[0].name}] if host.switches else []
    for index, one in enumerate(given):
        digits = uuid.uuid5(vm.id, f"mac/{index}").hex[:6].upper()
        adapter = Adapter(one.get("id") or _part(vm, "adapter", index), one.get("name") or "Network Adapter",
                          one.get("mac") or f"00155D{digits}",
                          one.get("mac") is None if one.get("static_mac") is None else not one["static_mac"])
        if one.get("switch") is not None and one.get("connected") is not False:
            switch = host.switch(one["switch"])
            if switch is None:
                at: Marked = one["_at"]
                raise Misfit(at.fault(f"no switch {shown(one['switch'])} on this host"))
            adapter.switch_name, adapter.switch_id = switch.name, switch.id
        adapter.vlan = _vlan(one.get("vlan"))
        adapter.ip_addresses = list(one.get("ip_addresses") or ())
        adapter.acls = [_filled(Acl(), each) for each in one.get("acls") or ()]
        adapter.extended_acls = [_filled(ExtendedAcl(), each) for each in one.get("extended_acls") or ()]
        for field in ("legacy", "iov_weight", "mac_spoofing", "dhcp_guard", "router_guard", "port_mirroring",
                      "isolation", "isolation_id"):
            if one.get(field) is not None:
                setattr(adapter, field, one[field])
        vm.adapters.append(adapter)


def _vlan(given: Mapping[str, Any] | None) -> Vlan:
    if given is None:
        return Vlan()
    made: Vlan = _filled(Vlan(), given)
    if given.get("mode") is None and made.access:
        made.mode = "Access"
    made.allowed = list(made.allowed)
    return made


def _disks(host: Host, vm: VM, given: Any, safe: str) -> None:
    if given is None:
        given = [{"path": join(vm.path, "Virtual Hard Disks", f"{safe}.vhdx")}]
    for index, one in enumerate(given):
        number = one.get("physical")
        path = one.get("path")
        if (path is None) == (number is None):
            at: Marked = one["_at"]
            raise Misfit(at.fault("a disk has either a path or physical: NUMBER"))
        kind = one.get("controller") or ("IDE" if vm.generation == 1 and index == 0 else "SCSI")
        disk = Disk(_part(vm, "disk", index), path, number, kind, one.get("number") or 0,
                    one["location"] if one.get("location") is not None else index, bool(one.get("shared")),
                    maximum_iops=one.get("maximum_iops") or 0)
        vm.disks.append(disk)
        if path is not None and path not in host.files:
            _vhd(host, vm, path, one, index)


def form_of(path: str) -> str:
    """The format of a virtual disk, by the ending of its file."""
    return {"vhd": "VHD", "avhd": "VHD", "vhds": "VHDSet"}.get(path.lower().rpartition(".")[2], "VHDX")


def _vhd(host: Host, vm: VM, path: str, one: Mapping[str, Any], index: int) -> None:
    size = one.get("size") or 40 * GIB
    chain = one.get("chain") or ()
    parent = chain[0]["path"] if chain else one.get("parent")
    kind = "Differencing" if parent is not None else one.get("kind") or "Dynamic"
    used = one.get("used") or (size + 4 * MIB if kind == "Fixed" else min(10 * GIB, size))
    form = form_of(path)
    host.files.add(FileEntry(path, used, "vhd", Vhd(size, kind, form, parent, one.get("identifier") or uuid.uuid5(
        vm.id, f"vhd/{index}"))))
    for depth, below in enumerate(chain):
        if below["path"] not in host.files:
            further = chain[depth + 1]["path"] if depth + 1 < len(chain) else None
            sort = "Differencing" if further is not None else below.get("kind") or "Dynamic"
            host.files.add(FileEntry(below["path"], below.get("used") or 10 * GIB, "vhd", Vhd(
                size, sort, form_of(below["path"]), further,
                below.get("identifier") or uuid.uuid5(uuid.UUID(int=0), below["path"].lower()))))
    if parent is not None and parent not in host.files:
        host.files.add(FileEntry(parent, one.get("parent_used") or 10 * GIB, "vhd",
                                 Vhd(size, "Dynamic", form, None, uuid.uuid5(uuid.UUID(int=0), parent.lower()))))


def _differencing(host: Host, vm: VM, made: uuid.UUID, one: Mapping[str, Any]) -> None:
    """Puts a differencing disk before each disk of the VM, as a checkpoint does."""
    for index, disk in enumerate(vm.disks):
        if disk.path is None:
            continue
        below = host.files.get(disk.path)
        if below is None or below.vhd is None:
            continue
        stem = re.sub(r"_[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$", "", leaf(disk.path).rpartition(".")[0])
        token = str(uuid.uuid5(made, f"avhdx/{index}")).upper()
        suffix = "avhd" if below.vhd.format == "VHD" else "avhdx"
        path = join(folder_of(disk.path), f"{stem}_{token}.{suffix}")
        host.files.add(FileEntry(path, one.get("used") or 2 * GIB, "vhd", Vhd(
            below.vhd.size, "Differencing", below.vhd.format, disk.path, uuid.uuid5(made, f"vhd/{index}"))))
        disk.path = path


def _checkpoints(world: World, host: Host, vm: VM, given: Any) -> None:
    parent: uuid.UUID | None = None
    for number, one in enumerate(given):
        made = one.get("id") or uuid.uuid5(vm.id, f"checkpoint/{number}")
        created = one.get("created") or world.clock.date(0.0) - dt.timedelta(days=20 - number)
        paths = list(one.get("disks") or ())
        held = [disk for disk in vm.disks if disk.path is not None]
        disks = [Disk(f"Microsoft:{str(made).upper()}\\{disk.id.rpartition(chr(92))[2]}",
                      paths[index] if index < len(paths) else disk.path, disk.number, disk.controller_type,
                      disk.controller_number, disk.controller_location, disk.shared)
                 for index, disk in enumerate(held)]
        before = one["parent"] if one.get("parent") is not None else parent if one.get("id") is None else None
        vm.checkpoints.append(Checkpoint(made, one["name"], before, created, disks, one.get("kind") or "Standard",
                                         bool(one.get("automatic")), one.get("path") or vm.snapshot_path))
        if not paths:
            _differencing(host, vm, made, one)
        config = join(vm.snapshot_path, "Snapshots", str(made).upper())
        host.files.add(FileEntry(config + ".vmcx", 28 * 1024, "config"))
        parent = made
    vm.parent_checkpoint = parent


def _fits(host: Host, at: Marked) -> None:
    for letter in {letter_of(entry.path) for entry in host.files.own()}:
        if letter is None:
            continue
        volume = host.volumes.get(letter)
        if volume is None:
            raise Misfit(at.fault(f"files on {letter}: but host {host.key} has no volume {letter}:"))
        if volume.other + host.files.used(letter) > volume.size:
            raise Misfit(at.fault(f"volume {letter}: of host {host.key} is full with the files up to here"))
    if sum(vm.memory.assigned for vm in host.vms.values()) > host.memory - host.memory_reserved:
        raise Misfit(at.fault(f"host {host.key} has not the memory for the machines up to here"))
