"""A VM's fingerprint: what it is, apart from where it is. Taken before a move and after it, then compared.

What a move is meant to change (paths, switches of a map) is told apart from what it must not change. What changes by
itself while a VM runs (memory in use, uptime, statuses) is no part of it.
"""

from __future__ import annotations

import datetime as dt
import ntpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.survey.facts_of_hosts import HostFacts, path_key
from winmigrate.windows.adapters import AdapterAcl, AdapterIsolation
from winmigrate.windows.row import columns

#: Value of one fact as text, or why it could not be read.
Fact = str | Unreadable


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Facts of a VM by name ("settings/memory_startup", "adapter/00155D012345/vlan mode"), each as text.

    ``paths`` and ``switches`` name the facts that are a path or a switch: those a plan may change.
    """

    vm_id: str
    host: str
    facts: dict[str, str | Unreadable] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlannedChanges:
    """What a move is meant to change: ``paths``, old -> new path of each file or folder; ``switches``, old -> new name.

    ``folder``: with one folder for everything, every path below it is as planned.
    """

    paths: dict[str, str] = field(default_factory=dict)
    switches: dict[str, str] = field(default_factory=dict)
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. ``expected``: the plan meant it. Values are text; empty: the fact is not there on that side."""

    what: str
    before: str | Unreadable
    after: str | Unreadable
    expected: bool


_SETTINGS = (
    "name", "generation", "version", "dynamic_memory_enabled", "processor_count", "checkpoint_type",
    "automatic_start_action", "automatic_start_delay", "automatic_stop_action", "notes", "parent_snapshot_id",
    "replication_state", "replication_mode", "virtual_machine_sub_type",
)  # fmt: skip
_FOLDERS = ("path", "configuration_location", "snapshot_file_location", "smart_paging_file_path")
_ADAPTER = (
    "name", "mac_address", "dynamic_mac_address_enabled", "connected", "is_legacy", "iov_weight",
    "mac_address_spoofing", "dhcp_guard", "router_guard", "port_mirroring_mode",
)  # fmt: skip
#: Whose a row is, what changes by itself, and limits by NUMA node that follow the hardware unless set by hand.
_APART = frozenset(
    {
        "id", "vm_id", "vm_name", "adapter_id", "primary_operational_status",
        "maximum_per_numa_node", "maximum_count_per_numa_node", "maximum_count_per_numa_socket",
        "compatibility_for_migration_mode",
    }
)  # fmt: skip


def fingerprint(facts: HostFacts, vm_id: str) -> Fingerprint | Unreadable:
    """The fingerprint of a VM on a host. Unreadable if the host's VMs are, or if it has no such VM."""
    vm = facts.vm(vm_id)
    if isinstance(vm, Unreadable):
        return vm
    if vm is None:
        return Unreadable(f"{facts.host} has no VM {vm_id}")
    found: dict[str, Fact] = {f"settings/{name}": _text(getattr(vm, name)) for name in _SETTINGS}
    found |= {f"folder/{name}": _text(getattr(vm, name)) for name in _FOLDERS}
    found |= _whole("memory", facts.memory_of(vm_id))
    found |= _whole("processor", facts.processor_of(vm_id))
    found |= _whole("firmware", facts.firmware_of(vm_id))
    found |= _whole("security", facts.security_of(vm_id))
    found |= _each("adapter", facts.adapters_of(vm_id), _adapter_key, _ADAPTER)
    found |= _each("adapter switch", facts.adapters_of(vm_id), _adapter_key, ("switch_name",))
    found |= _each("vlan", facts.vlans_of(vm_id), lambda row: _id_key(row.adapter_id), None)
    found |= _each("acl", facts.rules_of("acls", vm_id), _rule_key, ("action",))
    found |= _each("extended acl", facts.rules_of("extended_acls", vm_id), _rule_key, _EXTENDED)
    isolated = _isolated(facts.rules_of("isolation", vm_id))
    found |= _each("isolation", isolated, lambda row: _id_key(row.adapter_id), None)
    found |= _each(
        "integration service", facts.integration_services_of(vm_id), lambda row: _id_key(row.id), ("enabled",)
    )
    found |= _each("checkpoint", facts.checkpoints_of(vm_id), lambda row: str(row.id), _CHECKPOINT)
    found |= _each("dvd", facts.dvds_of(vm_id), _slot, ("dvd_media_type", "path"))
    found |= _each("fibre channel", facts.hbas_of(vm_id), lambda row: _id_key(row.id), None)
    found |= _each("device", facts.devices_of(vm_id), lambda row: str(row.instance_id), ("location_path",))
    found |= _each("disk", facts.disks_of(vm_id), _slot, ("disk_number", "support_persistent_reservations"))
    found |= _each("disk path", facts.disks_of(vm_id), _slot, ("path",))
    found |= _chain(facts, vm_id)
    return Fingerprint(vm_id, facts.host, found)


_CHECKPOINT = ("name", "snapshot_type", "parent_snapshot_id", "creation_time", "is_automatic_checkpoint")

_EXTENDED = ("action", "stateful")


def _rule_key(row: Any) -> str:
    """What a rule is about; what it does with that are its facts."""
    about = [_id_key(row.adapter_id), row.direction]
    if isinstance(row, AdapterAcl):
        about += [row.local_address, row.remote_address]
    else:
        about += [row.weight, row.protocol, row.local_ip_address, row.local_port]
        about += [row.remote_ip_address, row.remote_port]
    return " ".join(str(item) for item in about if item is not None)


def _isolated(table: Iterable[AdapterIsolation] | Unreadable) -> tuple[AdapterIsolation, ...] | Unreadable:
    """Those that are isolated: an adapter that is not has no setting to lose, and older Windows does not know of it."""
    return table if isinstance(table, Unreadable) else tuple(row for row in table if row.isolation_mode != "None")


def difference(
    before: Fingerprint, after: Fingerprint, planned: PlannedChanges = PlannedChanges()
) -> tuple[Change, ...]:
    """What differs, in the order of the facts. A fact that one side alone could not read is a change: unproven."""
    changes = []
    for what in dict.fromkeys((*before.facts, *after.facts)):
        old, new = before.facts.get(what, ""), after.facts.get(what, "")
        if isinstance(old, Unreadable) and isinstance(new, Unreadable) and old == new:
            continue  # neither host can say it, for the same reason
        if isinstance(old, Unreadable) or isinstance(new, Unreadable):
            changes.append(Change(what, old, new, expected=False))
        elif not _same(what, old, new):
            changes.append(Change(what, old, new, _expected(what, old, new, planned)))
    return tuple(changes)


def _same(what: str, old: str, new: str) -> bool:
    return path_key(old) == path_key(new) if _is_path(what) and old and new else old == new


def _is_path(what: str) -> bool:
    return what.startswith(("folder/", "disk path/", "chain/"))


def _expected(what: str, old: str, new: str, planned: PlannedChanges) -> bool:
    if what.startswith("adapter switch/"):
        return any(here.casefold() == old.casefold() and there == new for here, there in planned.switches.items())
    if not _is_path(what):
        return False
    named = {path_key(here): path_key(there) for here, there in planned.paths.items()}
    if path_key(old) in named:
        return named[path_key(old)] == path_key(new)
    folder = path_key(planned.folder) if planned.folder else ""
    inside = bool(folder) and (path_key(new) == folder or path_key(new).startswith(folder + "\\"))
    same_leaf = what.startswith("folder/") or ntpath.basename(old).casefold() == ntpath.basename(new).casefold()
    return inside and same_leaf


# --- facts as text -----------------------------------------------------------------------------------------------


def _text(value: Any) -> Fact:
    if isinstance(value, Unreadable):
        return value
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        value = value.astimezone(dt.timezone.utc)  # hosts may stand in different zones
    return "" if value is None else str(value)


def _whole(name: str, row: Any) -> dict[str, Fact]:
    if row is None:
        return {}
    if isinstance(row, Unreadable):
        return {name: row}
    return {f"{name}/{item}": _text(getattr(row, item)) for item in columns(type(row)) if item not in _APART}


def _each(
    name: str, table: Iterable[Any] | Unreadable, key: Callable[[Any], str], items: tuple[str, ...] | None
) -> dict[str, Fact]:
    if isinstance(table, Unreadable):
        return {name: table}
    found: dict[str, Fact] = {}
    for row in sorted(table, key=key):
        for item in items or [item for item in columns(type(row)) if item not in _APART]:
            found[f"{name}/{key(row)}/{item}"] = _text(getattr(row, item))
    return found


def _chain(facts: HostFacts, vm_id: str) -> dict[str, Fact]:
    """Each file of the chain by its leaf name: format, type, size, identity, and where it lies."""
    chain = facts.chain_of(vm_id)
    if isinstance(chain, Unreadable):
        return {"chain": chain}
    found: dict[str, Fact] = {}
    for vhd in chain:
        leaf = ntpath.basename(str(vhd.path)).casefold()
        parent = vhd.parent_path
        found[f"chain/{leaf}"] = _text(vhd.path)
        for item in ("vhd_format", "vhd_type", "size", "disk_identifier"):
            found[f"virtual disk/{leaf}/{item}"] = _text(getattr(vhd, item))
        found[f"virtual disk/{leaf}/parent"] = ntpath.basename(parent) if isinstance(parent, str) else _text(parent)
    return found


def _adapter_key(row: Any) -> str:
    """A VM's adapter is its MAC and Id; the Id's last part does not change when the VM does not."""
    return _id_key(row.id)


def _id_key(identity: Any) -> str:
    return str(identity).rpartition("\\")[2].lower()


def _slot(row: Any) -> str:
    return f"{row.controller_type} {row.controller_number}:{row.controller_location}"


def planned_paths(files: Iterable[Any], folders: Mapping[str, str] | None = None) -> dict[str, str]:
    """``PlannedChanges.paths`` of planned files (each with ``source`` and ``destination``), and of folders."""
    return {**{file.source: file.destination for file in files}, **(folders or {})}
