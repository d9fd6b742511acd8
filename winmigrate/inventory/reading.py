"""inventory.yml in, an Inventory out, or every fault of the file at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from winmigrate.errors import Fault, InputFaults, did_you_mean
from winmigrate.inventory import types
from winmigrate.inventory.keys import Settings, file_server_of, host_of, host_shapes, root_keys
from winmigrate.inventory.words import foreign_faults, name_fault
from winmigrate.marked import Gathering, Marked, Shape, load_marked, read_marked, shown
from winmigrate.marked.shapes import fitting, key_faults, schema_of

VERSION = 1


def load_inventory(path: Path | str) -> types.Inventory:
    """Reads an inventory. Paths in it are taken from its folder. Raises InputFaults with all its faults."""
    return _inventory(read_marked(path), str(path))


def read_inventory(text: str, file: str = "inventory.yml") -> types.Inventory:
    """The same from text; ``file`` is its name in faults, and its folder what paths are taken from."""
    return _inventory(load_marked(text, file), file)


def inventory_schema() -> dict[str, Any]:
    """The JSON Schema of inventory.yml, for editors."""
    schema = schema_of(root_keys(Path()))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "winmigrate inventory", **schema}


def version_faults(root: Marked) -> list[Fault]:
    """What is wrong with ``winmigrate: 1`` at the head of a file."""
    version = root.child("winmigrate")
    if version is None or version.value == VERSION:
        return []
    return [version.fault(f"{shown(version.text)} is no version that this winmigrate reads; wanted: {VERSION}")]


def _inventory(root: Marked, file: str) -> types.Inventory:
    if not isinstance(root.value, dict):
        raise InputFaults(fitting(root, "an inventory: a mapping with `winmigrate: 1` and `hosts`").faults)
    reading = _Reading(root, file)
    inventory = reading.inventory()
    settle(reading.gathering, list(foreign_faults(root, lambda one: one.path.startswith("networks"))))
    return inventory


def settle(gathering: Gathering, foreign: Sequence[Fault]) -> None:
    """Raises InputFaults if there are faults, each once. Where a secret seems to stand, nothing else is said of it."""
    places = {(fault.line, fault.column) for fault in foreign}
    others = [fault for fault in gathering.faults if (fault.line, fault.column) not in places]
    if foreign or others:
        raise InputFaults(list(dict.fromkeys([*foreign, *others])))


@dataclass(slots=True)
class _Reading:
    root: Marked
    file: str
    gathering: Gathering = field(default_factory=Gathering)

    def inventory(self) -> types.Inventory:
        base = Path(self.file).absolute().parent
        table = root_keys(base)
        faults = self.gathering.faults
        faults.extend(key_faults(self.root, table, [name for name, key in table.items() if key.required]))
        faults.extend(version_faults(self.root))
        found: dict[str, Any] = {}
        for name, key in table.items():
            child = self.root.child(name)
            if name not in ("winmigrate", "hosts", "defaults", "clusters", "file_servers", "networks"):
                found[name] = key.default if child is None else self.gathering.of(key.shape, child, key.default)
        shapes = host_shapes(base)
        common = self.common(shapes["defaults"])
        hosts = self.hosts(shapes["host"], common)
        servers = self.file_servers(shapes["file_server"], common)
        clusters = self.clusters(table["clusters"].shape)
        names = self.names()
        networks = self.networks(table["networks"].shape, names)
        directory = found["directory"]
        if directory is not None and directory.via is not None:
            self.known(directory.via, names, self.at("directory", "via"), "host")
        return types.Inventory(
            file=self.file,
            hosts=hosts,
            timezone=found["timezone"],
            clusters=clusters,
            file_servers=servers,
            networks=networks,
            directory=directory,
            lab=found["lab"],
        )

    def at(self, *keys: str) -> Marked:
        here = self.root
        for key in keys:
            here = here.child(key) or here
        return here

    def keys_of(self, key: str) -> dict[str, Marked]:
        child = self.root.child(key)
        return child.value if child is not None and isinstance(child.value, dict) else {}

    def names(self) -> list[str]:
        """Every host and node that the file names, sound or not: a fault elsewhere is no reason to miss a typo."""
        nodes: list[str] = []
        for cluster in self.keys_of("clusters").values():
            listed = cluster.child("nodes")
            if listed is not None and isinstance(listed.value, list):
                nodes.extend(one.text for one in listed.value)
        return [*self.keys_of("hosts"), *nodes]

    def known(self, name: str, names: Iterable[str], marked: Marked, what: str) -> None:
        names = list(names)
        if name not in names:
            message = f"no {what} {shown(name)} in this file{did_you_mean(name, names)}"
            self.gathering.faults.append(marked.fault(message))

    def common(self, shape: Shape[Settings]) -> Settings:
        defaults = self.root.child("defaults")
        empty = Settings({}, {})
        return empty if defaults is None else self.gathering.of(shape, defaults, empty)

    def hosts(self, shape: Shape[Settings], common: Settings) -> dict[str, types.Host]:
        section = self.root.child("hosts")
        if section is None:
            return {}
        if not isinstance(section.value, dict) or not section.value:
            self.gathering.faults.extend(fitting(section, "a mapping: hv01: {address: hv01.corp.example}").faults)
            return {}
        hosts: dict[str, types.Host] = {}
        self.unique(section.value, "host")
        for name, marked in section.value.items():
            wrong = name_fault(name)
            if wrong is not None:
                self.gathering.faults.append(marked.key_fault(wrong))
            own = self.own(shape, marked)
            if own is not None:
                host, faults = host_of(name, marked, common, own)
                self.gathering.faults.extend(faults)
                hosts[name] = host
        self.same_machine(hosts)
        return hosts

    def own(self, shape: Shape[Settings], marked: Marked) -> Settings | None:
        """What a host or server says of itself: nothing, where only its name stands there. None: what is wrong."""
        return Settings({}, {}) if marked.value is None else self.gathering.of(shape, marked, None)

    def file_servers(self, shape: Shape[Settings], common: Settings) -> dict[str, types.FileServer]:
        section = self.root.child("file_servers")
        if section is None:
            return {}
        if not isinstance(section.value, dict):
            self.gathering.faults.extend(fitting(section, "a mapping: fs01: {address: fs01.corp.example}").faults)
            return {}
        taken = {name.casefold(): "host" for name in self.names()}
        taken |= {name.casefold(): "cluster" for name in self.keys_of("clusters")}
        self.unique(section.value, "file server")
        servers: dict[str, types.FileServer] = {}
        for name, marked in section.value.items():
            wrong = name_fault(name)
            if wrong is None and name.casefold() in taken:
                wrong = f"{shown(name)} is a {taken[name.casefold()]} already; one name, one thing"
            if wrong is not None:
                self.gathering.faults.append(marked.key_fault(wrong))
            own = self.own(shape, marked)
            if own is not None:
                servers[name], faults = file_server_of(name, marked, common, own)
                self.gathering.faults.extend(faults)
        self.one_server_a_name(servers)
        return servers

    def one_server_a_name(self, servers: Mapping[str, types.FileServer]) -> None:
        for name, server in servers.items():
            for alias in server.aliases:
                other = next((one for one in servers.values() if one is not server and one.named(alias)), None)
                if other is not None:
                    message = f"{shown(alias)} is the file server {shown(other.name)} already: which is it?"
                    section = self.at("file_servers", name)
                    self.gathering.faults.append((section.child("aliases") or section).fault(message))

    def unique(self, found: Mapping[str, Marked], what: str) -> None:
        seen: dict[str, str] = {}
        for name, marked in found.items():
            first = seen.setdefault(name.casefold(), name)
            if first != name:
                message = f"{what}s {shown(first)} and {shown(name)} differ in case only: Windows takes them for one"
                self.gathering.faults.append(marked.key_fault(message))

    def same_machine(self, hosts: Mapping[str, types.Host]) -> None:
        seen: dict[tuple[str, int], str] = {}
        for name, host in hosts.items():
            first = seen.setdefault((host.address.casefold(), host.transport.port), name)
            if first != name:
                message = f"the same address and port as {shown(first)}: one host under two names"
                section = self.at("hosts", name)
                self.gathering.faults.append((section.child("address") or section).fault(message))

    def clusters(self, shape: Any) -> dict[str, types.Cluster]:
        section = self.root.child("clusters")
        if section is None:
            return {}
        found: dict[str, types.Cluster] = self.gathering.of(shape, section, {})
        hosts = {name.casefold() for name in self.keys_of("hosts")}
        taken: dict[str, str] = {}
        for name, cluster in found.items():
            marked = self.at("clusters", name)
            if name.casefold() in hosts:
                self.gathering.faults.append(marked.key_fault(f"{shown(name)} is a host already; one name, one thing"))
            nodes = marked.child("nodes")
            for index, node in enumerate(cluster.nodes or ()):
                first = taken.setdefault(node.casefold(), name)
                if first != name and nodes is not None and isinstance(nodes.value, list):
                    self.gathering.faults.append(nodes.value[index].fault(f"{shown(node)} is a node of {shown(first)}"))
            keep = cluster.keep_nodes
            if keep is not None and cluster.nodes is not None and keep >= len(cluster.nodes):
                message = f"keep_nodes {keep} of {len(cluster.nodes)} nodes lets none be emptied; wanted: fewer"
                self.gathering.faults.append((marked.child("keep_nodes") or marked).fault(message))
        return found

    def networks(self, shape: Any, names: list[str]) -> dict[str, types.NetworkMap]:
        section = self.root.child("networks")
        if section is None:
            return {}
        found: dict[str, types.NetworkMap] = self.gathering.of(shape, section, {})
        for marked in self.keys_of("networks").values():
            for host, switch in (marked.value if isinstance(marked.value, dict) else {}).items():
                if host != "default" and host not in names:
                    message = f"no host {shown(host)} in this file{did_you_mean(host, names)}"
                    self.gathering.faults.append(switch.key_fault(message))
        for host in names:
            self.one_network_a_switch(host, found)
        return found

    def one_network_a_switch(self, host: str, found: Mapping[str, types.NetworkMap]) -> None:
        seen: dict[str, str] = {}
        for name, network in found.items():
            switch = network.switch_on(host)
            first = seen.setdefault(switch.casefold(), name) if switch is not None else name
            if first != name:
                where = self.at("networks", name)
                marked = where.child(host) or where.child("default") or where
                message = f"on {host} {shown(switch or '')} is the network {shown(first)} already: which is it?"
                self.gathering.faults.append(marked.fault(message))
