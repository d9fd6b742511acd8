"""A machine of a survey, as a fabric file writes it."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from winmigrate.cli.surveyed_values import Remarks, compact, read, read_rows
from winmigrate.facts import Unreadable
from winmigrate.survey import HostFacts
from winmigrate.survey.facts_of_hosts import path_key
from winmigrate.windows.vm import VM

_PLACED = ("path", "configuration_location", "snapshot_file_location", "smart_paging_file_path")
_STATES = ("Running", "Off", "Saved", "Paused", "Starting", "Stopping", "Saving", "RunningCritical", "OffCritical")





def machine(facts: HostFacts, vm: VM, now: dt.datetime, notes: Remarks) -> dict[str, Any]:
    """One machine; ``vm.id`` was read. ``now``: when the survey was taken."""
    vm_id = str(vm.id)
    state = vm.state if vm.state in _STATES else None
    if state is None:
        notes.add(f"{vm.name}: runs (its state was {vm.state})")
    uptime = int(vm.uptime.total_seconds()) if isinstance(vm.uptime, dt.timedelta) else None
    paths = [read(getattr(vm, name)) for name in _PLACED]
    folder, config, snapshots, paging = (one if isinstance(one, str) and one else None for one in paths)
    made = compact({
        "name": vm.name, "id": vm_id, "state": state, "version": vm.version, "generation": vm.generation,
        "path": folder, "config_path": config, "snapshot_path": snapshots, "paging_path": paging,
        "memory": _memory(facts, vm), "processors": _processors(facts, vm),
        "adapters": [_adapter(facts, vm_id, one) for one in _table(facts.adapters_of(vm_id), vm, "adapters", notes)],
        "disks": [_disk(facts, one) for one in _table(facts.disks_of(vm_id), vm, "disks", notes)
                  if isinstance(one.path, str) or isinstance(one.disk_number, int)],
        "dvds": [_dvd(one) for one in _table(facts.dvds_of(vm_id), vm, "DVD drives", notes)] or None,
        "checkpoints": [_checkpoint(facts, vm_id, one)
                        for one in _table(facts.checkpoints_of(vm_id), vm, "checkpoints", notes)] or None,
        "parent_checkpoint": vm.parent_snapshot_id,
        "devices": [compact({"name": one.name or "device", "instance_id": one.instance_id,
                              "location_path": one.location_path or "unknown"})
                    for one in read_rows(facts.devices_of(vm_id))] or None,
        "fibre_channel": [compact({"san": one.san_name or "unknown", "wwpn_a": one.world_wide_port_name_set_a,
                                    "wwpn_b": one.world_wide_port_name_set_b})
                          for one in read_rows(facts.hbas_of(vm_id))] or None,
        "integration": {one.name: one.enabled for one in read_rows(facts.integration_services_of(vm_id))
                        if isinstance(one.name, str) and isinstance(one.enabled, bool)} or None,
        "notes": vm.notes or None, "checkpoint_type": vm.checkpoint_type,
        "created": vm.creation_time.isoformat() if isinstance(vm.creation_time, dt.datetime) else None,
        "uptime": uptime if state in ("Running", "Paused") else None,
        "heartbeat": vm.heartbeat, "start": vm.automatic_start_action, "stop": vm.automatic_stop_action,
        "start_delay": vm.automatic_start_delay, "clustered": True if vm.is_clustered is True else None,
        "replication": vm.replication_mode if vm.replication_mode in ("Primary", "Replica") else None,
        "status": vm.primary_operational_status, "secondary_status": vm.secondary_operational_status,
        **_safety(facts, vm, notes),
    })
    if made.get("heartbeat") is None:
        made.pop("heartbeat", None)
    return made


def _table(found: Any, vm: VM, title: str, notes: Remarks) -> tuple[Any, ...]:
    if isinstance(found, Unreadable):
        notes.add(f"{vm.name}: no {title} ({found.reason})")
    return read_rows(found)


def _memory(facts: HostFacts, vm: VM) -> dict[str, Any]:
    more = read(facts.memory_of(str(vm.id)))
    assigned = vm.memory_assigned if isinstance(vm.memory_assigned, int) and vm.memory_assigned else None
    return compact({
        "startup": vm.memory_startup, "minimum": vm.memory_minimum, "maximum": vm.memory_maximum,
        "dynamic": vm.dynamic_memory_enabled, "assigned": assigned,
        "buffer": more.buffer if more is not None else None, "priority": more.priority if more is not None else None,
    })


def _processors(facts: HostFacts, vm: VM) -> dict[str, Any]:
    more = read(facts.processor_of(str(vm.id)))
    if more is None:
        return compact({"count": vm.processor_count})
    return compact({
        "count": more.count, "compatibility": more.compatibility_for_migration_enabled,
        "nested": more.expose_virtualization_extensions, "reserve": more.reserve, "maximum": more.maximum,
        "weight": more.relative_weight, "max_per_numa_node": more.maximum_count_per_numa_node,
        "max_per_numa_socket": more.maximum_count_per_numa_socket,
    })


def _safety(facts: HostFacts, vm: VM, notes: Remarks) -> dict[str, Any]:
    firmware = read(facts.firmware_of(str(vm.id)))
    found = facts.security_of(str(vm.id))
    if isinstance(found, Unreadable):
        notes.add("security settings (TPM, shielding, encryption): off, where they were not read")
    security = read(found)
    return {
        "secure_boot": firmware.secure_boot == "On" if firmware is not None else None,
        "secure_boot_template": firmware.secure_boot_template if firmware is not None else None,
        "tpm": security.tpm_enabled if security is not None else None,
        "shielded": security.shielded if security is not None else None,
        "encrypt_traffic": security.encrypt_state_and_vm_migration_traffic if security is not None else None,
    }


# --- network ---------------------------------------------------------------------------------------------------------


def _adapter(facts: HostFacts, vm_id: str, one: Any) -> dict[str, Any]:
    mirrored = one.port_mirroring_mode if one.port_mirroring_mode in ("None", "Source", "Destination") else None
    return compact({
        "id": one.id, "name": one.name, "switch": one.switch_name or None, "mac": _mac(one.mac_address),
        "static_mac": None if isinstance(one.dynamic_mac_address_enabled, Unreadable)
        else not one.dynamic_mac_address_enabled,
        "vlan": _vlan(facts, vm_id, one.id), "legacy": one.is_legacy, "iov_weight": one.iov_weight,
        "mac_spoofing": _on(one.mac_address_spoofing), "dhcp_guard": _on(one.dhcp_guard),
        "router_guard": _on(one.router_guard), "port_mirroring": mirrored,
    })


def _mac(found: Any) -> str | None:
    return found if isinstance(found, str) and re.fullmatch(r"[0-9A-Fa-f]{12}", found) else None


def _on(found: Any) -> bool | None:
    return found == "On" if isinstance(found, str) else None


def _vlan(facts: HostFacts, vm_id: str, adapter: Any) -> dict[str, Any] | None:
    row = next((one for one in read_rows(facts.vlans_of(vm_id)) if one.adapter_id == adapter), None)
    if row is None or row.operation_mode not in ("Access", "Trunk", "Private"):
        return None
    text = str(read(row.allowed_vlan_id_list_string) or "")
    allowed = [number for part in text.split(",") for number in _range(part)]
    return compact({
        "mode": row.operation_mode, "access": row.access_vlan_id, "native": row.native_vlan_id,
        "allowed": allowed or None, "primary": row.primary_vlan_id, "secondary": row.secondary_vlan_id,
    })


def _range(text: str) -> range:
    first, _, last = text.strip().partition("-")
    return range(int(first), int(last or first) + 1) if first.isdigit() and (not last or last.isdigit()) else range(0)


# --- storage ---------------------------------------------------------------------------------------------------------


def _disk(facts: HostFacts, one: Any) -> dict[str, Any]:
    where = {"controller": one.controller_type, "number": one.controller_number, "location": one.controller_location,
             "shared": True if one.support_persistent_reservations is True else None}
    if isinstance(one.disk_number, int):
        return compact({"physical": one.disk_number, **where})
    leaf, *rest = parents(facts, str(one.path))
    return compact({
        "path": one.path, **{key: value for key, value in leaf.items() if key != "path"}, **where,
        "chain": [{key: value for key, value in below.items() if key != "size"} for below in rest] or None,
    })


def parents(facts: HostFacts, path: str) -> list[dict[str, Any]]:
    """A disk's chain as the survey has it, the leaf first; the leaf alone where no more was read."""
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    while path_key(path) not in seen:
        seen.add(path_key(path))
        vhd = facts.vhd(path)
        if vhd is None or isinstance(vhd, Unreadable):
            found.append({"path": path})
            break
        kind = vhd.vhd_type if vhd.vhd_type in ("Fixed", "Dynamic") else None
        found.append(compact({"path": vhd.path, "size": vhd.size, "used": vhd.file_size, "kind": kind,
                               "identifier": vhd.disk_identifier or None}))
        if not isinstance(vhd.parent_path, str) or not vhd.parent_path:
            break
        path = vhd.parent_path
    return found


def _dvd(one: Any) -> dict[str, Any]:
    path = one.path if isinstance(one.path, str) and one.path[1:3] == ":\\" else None
    made = compact({"controller": one.controller_type if one.controller_type in ("IDE", "SCSI") else None,
                     "number": one.controller_number, "location": one.controller_location})
    return {"path": path, **made} if path else made


def _checkpoint(facts: HostFacts, vm_id: str, one: Any) -> dict[str, Any]:
    disks = [disk.path for disk in read_rows(facts.checkpoint_disks_of(vm_id))
             if disk.vm_snapshot_id == one.id and isinstance(disk.path, str)]
    kind = one.snapshot_type if one.snapshot_type in ("Standard", "Recovery", "Planned", "Replica") else None
    return compact({
        "id": one.id, "name": one.name, "parent": one.parent_snapshot_id, "kind": kind, "disks": disks or None,
        "created": one.creation_time.isoformat() if isinstance(one.creation_time, dt.datetime) else None,
        "automatic": one.is_automatic_checkpoint, "path": one.path or None,
    })
