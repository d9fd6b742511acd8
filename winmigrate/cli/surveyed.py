"""A fabric made from a survey: what was read becomes the lab's world, what was not is assumed and said so.

:func:`fabric_of` is pure: a survey and its roll in, the fabric file's tree and the list of assumptions out. No secret
can come along: a survey holds none, and the user of the fabric gets a password that the caller invents.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from winmigrate.cli.surveyed_values import compact, read, read_rows
from winmigrate.cli.surveyed_vms import machine, parents
from winmigrate.cli.surveyed_wide import STORE, wide
from winmigrate.facts import Unreadable
from winmigrate.survey import HostFacts, Roll, Survey
from winmigrate.windows.storage import Volume

#: What no survey ever holds.
ALWAYS = (
    "network bandwidth: 10 Gbit a host (nic)",
    "volumes read 1000 MB/s and write 800 MB/s (read, write)",
    "what machines write while they move: 20 MB/s of memory, nothing to their disks (dirty_rate, write_rate)",
    "processor features: the same everywhere (processor: features)",
    "no migration runs and no planned machine is left over",
    "files beside those of machines: counted in used, without names",
)


@dataclass(frozen=True, slots=True)
class Made:
    """``tree``: the fabric file. ``assumed``: sentences on what the survey did not hold."""

    tree: dict[str, Any]
    assumed: tuple[str, ...]

    def text(self, source: str) -> str:
        """The fabric file, its assumptions as comments at the head."""
        head = [f"Made from {source}. Assumed, since the survey did not hold it:",
                *(f"  {one}" for one in self.assumed)]
        body = yaml.safe_dump(self.tree, sort_keys=False, allow_unicode=True, width=120)
        return "".join(f"# {_plain(line)}\n" for line in head) + body


def _plain(text: str) -> str:
    """A name from a host may hold anything; a comment is one line."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "?", text)


class Notes:
    """Gathers what is assumed, each sentence once."""

    def __init__(self) -> None:
        self._said: dict[str, None] = {}

    def add(self, sentence: str) -> None:
        self._said[sentence] = None

    def value(self, found: Any, sentence: str) -> Any:
        """What was read; None, and the sentence, where nothing was."""
        if isinstance(found, Unreadable):
            self.add(f"{sentence} ({found.reason})")
            return None
        return found

    def all(self) -> tuple[str, ...]:
        return tuple(self._said)


def fabric_of(survey: Survey, roll: Roll, password: str) -> Made:
    """The fabric of a survey. ``password``: invented, for the users that are made."""
    notes = Notes()
    for sentence in ALWAYS:
        notes.add(sentence)
    hosts = {name: _host(name, facts, survey, roll, notes) for name, facts in survey.hosts.items()
             if roll.entries[name].reached}
    for name, entry in roll.entries.items():
        if not entry.reached:
            notes.add(f"{name}: left out, it was not reached")
        elif name not in survey.hosts:
            notes.add(f"{name}: left out, it was not surveyed")
    tree = {"fabric": "from a survey", "now": survey.taken_at.isoformat(), **_domain(survey, roll, notes),
            "users": _users(survey, roll, password, notes), "hosts": hosts, **wide(survey, roll, hosts, notes)}
    return Made(tree, notes.all())





# --- the domain and its users ----------------------------------------------------------------------------------------


def _domain(survey: Survey, roll: Roll, notes: Notes) -> dict[str, Any]:
    names = {str(facts.computer_system.domain).lower() for facts in survey.hosts.values()
             if not isinstance(facts.computer_system, Unreadable) and facts.computer_system.part_of_domain is True}
    if not names:
        notes.add("no host of a domain: the domain is called corp.example")
        return {}
    first = sorted(names)[0]
    if len(names) > 1:
        notes.add(f"one domain, {first}, in the place of {', '.join(sorted(names))}")
    computers = {str(read(entry.computer)).lower() for entry in roll.entries.values()}
    for facts in survey.hosts.values():
        user = _identity(facts)
        netbios = user.partition("\\")[0]
        if user and netbios.lower() not in computers:
            return {"domain": {"name": first, "netbios": netbios.upper()}}  # whoami.exe writes it small
    notes.add(f"the domain's short name: {first.partition('.')[0].upper()}")
    return {"domain": first}


def _identity(facts: HostFacts) -> str:
    identity = facts.identity
    return "" if isinstance(identity, Unreadable) or isinstance(identity.user, Unreadable) else identity.user


def _users(survey: Survey, roll: Roll, password: str, notes: Notes) -> dict[str, Any]:
    made: dict[str, dict[str, Any]] = {}
    for name, facts in survey.hosts.items():
        qualified = _identity(facts)
        if not qualified:
            continue
        domain, _, user = qualified.rpartition("\\")
        one = made.setdefault(qualified.lower(), {
            "name": user, "domain": domain, "password": password, "administrator": []})
        if read(facts.administrator) is not False:
            one["administrator"].append(name)
            one["administrator"] += [server for server, found in survey.file_servers.items()
                                     if isinstance(found.shares, tuple) and server not in one["administrator"]]
        if not isinstance(facts.identity, Unreadable) and isinstance(facts.identity.sid, str):
            one["sid"] = facts.identity.sid
    if not made:
        notes.add("user: ops, an administrator everywhere (who asked could not be read)")
        return {"ops": {"password": password, "administrator": True}}
    notes.add("passwords: invented; groups beside the built-in ones: none")
    return {f"user{number}" if number > 1 else "user": one for number, one in enumerate(made.values(), 1)}


# --- a host ----------------------------------------------------------------------------------------------------------


def _host(name: str, facts: HostFacts, survey: Survey, roll: Roll, notes: Notes) -> dict[str, Any]:
    computer, system, hyperv = read(facts.computer_system), read(facts.operating_system), read(facts.vm_host)
    tables = ((computer, "its name, model and memory"), (system, "its free memory"), (hyperv, "its settings"))
    for table, title in tables:
        if table is None:
            notes.add(f"{name}: {title}: the lab's defaults")
    entry = roll.entries[name]
    version = notes.value(facts.version, f"{name}: version: 2019")
    made = compact({
        "version": version or "2019",
        "name": read(entry.computer),
        "fqdn": (read(hyperv.fully_qualified_domain_name) if hyperv is not None else None) or read(entry.fqdn),
        "workgroup": True if computer is not None and computer.part_of_domain is False else None,
        "manufacturer": computer.manufacturer if computer is not None else None,
        "model": computer.model if computer is not None else None,
        "processor": _processor(name, facts, notes),
        **_memory(name, facts, notes),
        "booted": _when(system.last_boot_up_time) if system is not None else None,
        "addresses": [{"address": f"{one.ip_address}/{one.prefix_length}", **compact({"alias": one.interface_alias})}
                      for one in _list(facts.addresses, f"{name}: addresses", notes)
                      if isinstance(one.ip_address, str) and isinstance(one.prefix_length, int)
                      and one.ip_address not in _LOOPBACK] or None,
        "switches": [compact({"id": one.id, "name": one.name, "kind": one.switch_type,
                              "nic": one.net_adapter_interface_description, "management": one.allow_management_os,
                              "iov": one.iov_enabled}) for one in _list(facts.switches, f"{name}: switches", notes)],
        "migration": _migration(name, facts, notes),
        "credential_guard": _guard(name, facts, notes),
        "services": {one.name: one.state for one in read_rows(facts.services)
                     if one.state in ("Running", "Stopped") and isinstance(one.name, str)} or None,
        "features": {one.name: one.install_state for one in read_rows(facts.features)
                     if one.install_state in ("Installed", "Available", "Removed")} or None,
    })
    if hyperv is not None:
        pool = [hyperv.mac_address_minimum, hyperv.mac_address_maximum]
        made |= compact({
            "vhd_path": hyperv.virtual_hard_disk_path or None, "vm_path": hyperv.virtual_machine_path or None,
            "numa_spanning": hyperv.numa_spanning_enabled, "enhanced_session": hyperv.enable_enhanced_session_mode,
            "mac_pool": pool if all(isinstance(one, str) for one in pool) else None,
        })
    vms = [machine(facts, vm, survey.taken_at, notes) for vm in _list(facts.vms, f"{name}: machines", notes)
           if isinstance(vm.id, str)]
    sans = sorted({hba["san"] for vm in vms for hba in vm.get("fibre_channel", ())})
    if sans:
        made["sans"] = sans
        notes.add(f"{name}: of its SANs only those that its machines use")
    made["files"] = _files(name, survey)
    made["volumes"] = _volumes(name, facts, made["files"] or {}, notes)
    if vms:
        made["vms"] = vms
    return {key: value for key, value in made.items() if value not in ({}, None)}


#: Every host has them.
_LOOPBACK = ("127.0.0.1", "::1")


def _list(found: Any, title: str, notes: Notes) -> tuple[Any, ...]:
    if isinstance(found, Unreadable):
        notes.add(f"{title}: none or the lab's default ({found.reason})")
    return read_rows(found)


def _when(found: Any) -> str | None:
    return found.isoformat() if hasattr(found, "isoformat") else None


def _processor(name: str, facts: HostFacts, notes: Notes) -> dict[str, Any] | None:
    rows = _list(facts.processors, f"{name}: processors", notes)
    if not rows:
        return None
    first = rows[0]
    maker = first.manufacturer if first.manufacturer in ("GenuineIntel", "AuthenticAMD") else None
    return compact({"manufacturer": maker, "name": first.name, "sockets": len(rows), "cores": first.number_of_cores,
                    "logical": first.number_of_logical_processors})


def _memory(name: str, facts: HostFacts, notes: Notes) -> dict[str, Any]:
    computer, system = read(facts.computer_system), read(facts.operating_system)
    total = read(computer.total_physical_memory) if computer is not None else None
    assigned = sum(size for vm in read_rows(facts.vms) if isinstance(size := vm.memory_assigned, int))
    if total is None:
        return {"memory": assigned + 64 * 2**30} if assigned else {}
    free = read(system.free_physical_memory) if system is not None else None
    if free is None:
        notes.add(f"{name}: 4 GB of its memory are its own (memory_reserved)")
        return {"memory": total}
    return {"memory": total, "memory_reserved": max(0, total - assigned - free * 1024)}


_SETTINGS = (
    ("enabled", "virtual_machine_migration_enabled"),
    ("authentication", "virtual_machine_migration_authentication_type"),
    ("performance", "virtual_machine_migration_performance_option"),
    ("limit", "maximum_virtual_machine_migrations"), ("storage_limit", "maximum_storage_migrations"),
    ("any_network", "use_any_network_for_migration"),
)


def _migration(name: str, facts: HostFacts, notes: Notes) -> dict[str, Any] | None:
    hyperv = read(facts.vm_host)
    networks = [one.subnet for one in sorted(
        _list(facts.migration_networks, f"{name}: migration networks", notes),
        key=lambda one: one.priority if isinstance(one.priority, int) else 0) if isinstance(one.subnet, str)]
    found = {key: getattr(hyperv, field) for key, field in _SETTINGS} if hyperv is not None else {}
    return compact({**found, "networks": networks or None}) or None


def _guard(name: str, facts: HostFacts, notes: Notes) -> bool | None:
    found = facts.security_services
    if isinstance(found, Unreadable):
        notes.add(f"{name}: Credential Guard does not run ({found.reason})")
        return None
    return True if 1 in found else None


# --- volumes and files -----------------------------------------------------------------------------------------------

_BESIDE = 2**20


def _volumes(name: str, facts: HostFacts, files: Mapping[str, int], notes: Notes) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for volume in _list(facts.volumes, f"{name}: volumes", notes):
        letter, size, left = volume.drive_letter, volume.size, volume.size_remaining
        if not isinstance(letter, str) or not letter or not isinstance(size, int):
            continue
        if volume.drive_type != "Fixed":
            notes.add(f"{name}: volume {letter}: left out, it is {volume.drive_type}")
            continue
        start = f"{letter}:".lower()
        ours = _on(facts, start) + sum(bytes_ for path, bytes_ in files.items() if path.lower().startswith(start))
        used = max(0, size - left - ours) if isinstance(left, int) else 0
        made[letter] = _volume(volume, size, used)
    return made


def _volume(volume: Volume, size: int, used: int) -> dict[str, Any]:
    found = re.search(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", str(read(volume.path) or ""))
    kinds = ("NTFS", "ReFS", "FAT32", "CSVFS")
    health = ("Healthy", "Warning", "Unhealthy")
    return compact({
        "size": size, "used": used, "label": volume.file_system_label or None, "id": found[0] if found else None,
        "file_system": volume.file_system if volume.file_system in kinds else None,
        "health": volume.health_status if volume.health_status in health else None,
    })


def _on(facts: HostFacts, start: str) -> int:
    """Bytes on a volume (``d:``) that the fabric's machines bring: their disks and what the lab writes for each."""
    sizes = [vhd.file_size for vhd in read_rows(facts.vhds) if _lies_on(vhd.path, start)]
    total = sum(size for size in sizes if isinstance(size, int))
    return total + sum(_system_files(vm, facts, start) for vm in read_rows(facts.vms))


def _lies_on(path: Any, start: str) -> bool:
    """On the volume itself: what a cluster shares is seen below C: and lies elsewhere."""
    folded = str(read(path)).lower()
    return folded.startswith(start) and not folded.startswith(STORE)


def _system_files(vm: Any, facts: HostFacts, start: str) -> int:
    size = 0
    if _lies_on(vm.configuration_location, start):
        size += 28 * 1024 + 4 * _BESIDE + (vm.memory_startup if vm.state == "Saved" else _BESIDE)
    if _lies_on(vm.snapshot_file_location, start):
        size += 28 * 1024 * len(read_rows(facts.checkpoints_of(str(vm.id))))
    return size


def _files(name: str, survey: Survey) -> dict[str, int] | None:
    found: dict[str, int] = {}
    for pair in survey.pairs.values():
        if pair.destination != name:
            continue
        for item in pair.destination_files.values():
            if item is not None and not isinstance(item, Unreadable) and isinstance(item.length, int) \
                    and isinstance(item.full_name, str):
                found[item.full_name] = item.length
    mine = {str(read(vhd.path)).lower() for vhd in read_rows(survey.hosts[name].vhds)}
    return {path: size for path, size in found.items()
            if path.lower() not in mine and path[1:3] == ":\\" and not path.lower().startswith(STORE)} or None


__all__ = ["ALWAYS", "Made", "Notes", "fabric_of", "parents"]
