"""Counted hosts and machines; and for every key of a fabric file what a slip of it is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.fabric.worlds import world_of
from winmigrate.errors import InputFaults
from winmigrate.lab.fabric import cluster_shapes, fibre_shapes, shapes, shapes_directory, share_shapes
from winmigrate.lab.fabric.loading import make_world, read_fabric


def test_counted_hosts_and_machines() -> None:
    text = """
hosts:
  'hv{n:02}':
    count: 3
    addresses: ['10.1.0.{n}/24']
    volumes: {D: 1 TB}
    vms:
      '{host}-web{n}': {count: 2, memory: 1 GB, notes: 'number {n} of {host}', disks: ['D:\\{host}\\{n:04}.vhdx']}
      alone: {notes: 'not {n} counted'}
  other: {vms: [{name: 'x{n}', count: 2}, {name: '{n}'}]}
"""
    with world_of(text) as world:
        assert list(world.hosts) == ["hv01", "hv02", "hv03", "other"]
        assert [host.addresses[0].ip for host in world.hosts.values()][:3] == ["10.1.0.1", "10.1.0.2", "10.1.0.3"]
        vms = list(world.hosts["hv02"].vms.values())
        assert [vm.name for vm in vms] == ["hv02-web1", "hv02-web2", "alone"]
        assert [vm.notes for vm in vms] == ["number 1 of hv02", "number 2 of hv02", "not {n} counted"]
        assert vms[1].disks[0].path == "D:\\hv02\\0002.vhdx"
        assert [vm.name for vm in world.hosts["other"].vms.values()] == ["x1", "x2", "{n}"]
        everyone = [vm.id for host in world.hosts.values() for vm in host.vms.values()]
        assert len(set(everyone)) == len(everyone) == 12


def test_delegation_of_all_to_all() -> None:
    with world_of("delegation: all\nhosts: {a: {}, b: {}, c: {}}") as world:
        assert len(world.domain.delegation["a"].services) == 8
        assert set(world.domain.delegation) == {"a", "b", "c"}


COUNTED = [
    ("hosts:\n  hv: {count: 2}", "f.yml:2:3", "wanted: a name with {n}"),
    ("hosts:\n  hv{n}: {count: 2}\n  hv2: {}", "f.yml:3:3", "comes twice"),
    ("hosts:\n  hv{n}: {count: 20000}", "f.yml:2:18", "out of range"),
    ("hosts:\n  hv{n}: {count: two}", "f.yml:2:18", "two"),
    ("hosts:\n  a:\n    vms:\n      w{n}: {count: 2}\n      w1:", "f.yml:5:7", "comes twice"),
    ("hosts:\n  hv{n}:\n    count: 1\n    memroy: 1 GB", "f.yml:4:5", 'did you mean "memory"'),
]


@pytest.mark.parametrize(("text", "where", "words"), COUNTED)
def test_faults_of_counted_things_in_their_place(text: str, where: str, words: str) -> None:
    with pytest.raises(InputFaults) as caught:
        make_world(read_fabric(text, "f.yml")).clock.close()
    assert str(caught.value).startswith(where)
    assert words in str(caught.value)


# --- a slip in each key ----------------------------------------------------------------------------------------------

#: Where a table of keys stands in a file: its schema, and the text around a mapping of that table.
PLACES: dict[str, tuple[Any, str]] = {
    "fabric": (shapes.FABRIC, "hosts: {hv01: {}}\n%s: 1"),
    "host": (shapes.HOST, "hosts:\n  hv01:\n    %s: 1"),
    "vm": (shapes.VM, "hosts:\n  hv01:\n    vms:\n      a:\n        %s: 1"),
    "disk": (shapes.DISK, "hosts:\n  hv01:\n    vms:\n      a:\n        disks:\n          - %s: 1"),
    "parent": (shapes.PARENT, "hosts:\n  hv01:\n    vms:\n      a:\n        disks:\n          - chain: [{%s: 1}]"),
    "adapter": (shapes.ADAPTER, "hosts:\n  hv01:\n    vms:\n      a:\n        adapters:\n          - %s: 1"),
    "acl": (shapes.ACL, "hosts:\n  hv01:\n    vms:\n      a:\n        adapters:\n          - acls: [{%s: 1}]"),
    "extended acl": (
        shapes.EXTENDED_ACL,
        "hosts:\n  hv01:\n    vms:\n      a:\n        adapters:\n          - extended_acls: [{%s: 1}]",
    ),
    "vlan": (shapes.VLAN, "hosts:\n  hv01:\n    vms:\n      a:\n        adapters:\n          - vlan: {%s: 1}"),
    "checkpoint": (shapes.CHECKPOINT, "hosts:\n  hv01:\n    vms:\n      a:\n        checkpoints:\n          - %s: 1"),
    "dvd": (shapes.DVD, "hosts:\n  hv01:\n    vms:\n      a:\n        dvds:\n          - %s: 1"),
    "hba": (shapes.FIBRE_CHANNEL, "hosts:\n  hv01:\n    vms:\n      a:\n        fibre_channel:\n          - %s: 1"),
    "device": (shapes.DEVICE, "hosts:\n  hv01:\n    vms:\n      a:\n        devices:\n          - %s: 1"),
    "memory": (shapes.MEMORY, "hosts:\n  hv01:\n    vms:\n      a:\n        memory:\n          %s: 1"),
    "processors": (shapes.PROCESSORS, "hosts:\n  hv01:\n    vms:\n      a:\n        processors:\n          %s: 1"),
    "volume": (shapes.VOLUME, "hosts:\n  hv01:\n    volumes:\n      D:\n        %s: 1"),
    "switch": (shapes.SWITCH, "hosts:\n  hv01:\n    switches:\n      - %s: 1"),
    "address": (shapes.HOST_ADDRESS, "hosts:\n  hv01:\n    addresses:\n      - %s: 1"),
    "migration": (shapes.MIGRATION, "hosts:\n  hv01:\n    migration:\n      %s: 1"),
    "processor": (shapes.PROCESSOR, "hosts:\n  hv01:\n    processor:\n      %s: 1"),
    "limits": (shapes.LIMITS, "hosts:\n  hv01:\n    limits:\n      %s: 1"),
    "user": (shapes_directory.USER, "hosts: {hv01: {}}\nusers:\n  ops:\n    %s: 1"),
    "delegation": (shapes_directory.DELEGATION, "hosts: {hv01: {}}\ndelegation:\n  hv01:\n    %s: 1"),
    "domain": (shapes_directory.DOMAIN, "hosts: {hv01: {}}\ndomain:\n  %s: 1"),
    "san": (shapes.SAN, "hosts:\n  hv01:\n    sans:\n      - %s: 1"),
    "port": (fibre_shapes.PORT, "hosts: {h: {sans: [{name: a, ports: [{\n  %s: 1}]}]}}"),
    "zone": (fibre_shapes.ZONE, "hosts: {hv01: {}}\nzones:\n  a:\n    %s: 1"),
    "file server": (shapes.FILE_SERVER, "hosts: {hv01: {}}\nfile_servers:\n  fs:\n    %s: 1"),
    "share": (share_shapes.SHARE, "hosts: {hv01: {}}\nfile_servers:\n  fs:\n    shares:\n      a:\n        %s: 1"),
    "folder": (share_shapes.FOLDER, "hosts: {h: {shares: {a: {ntfs: {b: {\n  %s: 1}}}}}}"),
    "SMB client": (shapes.SMB, "hosts:\n  hv01:\n    smb:\n      %s: 1"),
    "cluster": (shapes.CLUSTER, "hosts: {hv01: {}}\nclusters:\n  c:\n    %s: 1"),
    "node": (cluster_shapes.NODE, "hosts: {hv01: {}}\nclusters:\n  c:\n    nodes:\n      hv01:\n        %s: 1"),
    "quorum": (cluster_shapes.QUORUM, "hosts: {hv01: {}}\nclusters:\n  c:\n    quorum:\n      %s: 1"),
    "cluster network": (cluster_shapes.NETWORK, "hosts: {h: {}}\nclusters: {c: {networks: {a: {\n  %s: 1}}}}"),
    "csv": (cluster_shapes.CSV, "hosts: {h: {}}\nclusters:\n  c:\n    csv:\n      Volume1:\n        %s: 1"),
    "csv node": (cluster_shapes.CSV_NODE, "hosts: {h: {}}\nclusters: {c: {csv: {V: {nodes: {h: {\n  %s: 1}}}}}}"),
    "role": (cluster_shapes.GROUP, "hosts: {h: {}}\nclusters:\n  c:\n    groups:\n      a:\n        %s: 1"),
    "rule": (cluster_shapes.RULE, "hosts: {h: {}}\nclusters:\n  c:\n    affinity:\n      a:\n        %s: 1"),
    "trust": (shapes_directory.TRUST, "hosts: {hv01: {}}\ntrusts:\n  - %s: 1"),
    "group": (shapes_directory.GROUP, "hosts: {hv01: {}}\ngroups:\n  a:\n    %s: 1"),
    "computer": (shapes_directory.COMPUTER, "hosts: {hv01: {}}\ncomputers:\n  hv01:\n    %s: 1"),
}


def keys_of(schema: dict[str, Any]) -> list[str]:
    """The keys of a table, also of one that a scalar may stand for."""
    if "properties" in schema:
        return list(schema["properties"])
    return [key for one in schema.get("anyOf", ()) for key in keys_of(one)]


def slips() -> Iterator[Any]:
    for place, (shape, around) in PLACES.items():
        for key in keys_of(shape.schema):
            yield pytest.param(key, around, id=f"{place}-{key}")


@pytest.mark.parametrize(("key", "around"), list(slips()))
def test_a_slip_in_a_key_is_found_in_its_place(key: str, around: str) -> None:
    wrong = key + key[-1]
    text = around % wrong
    lines = text.split("\n")
    line = next(number for number, one in enumerate(lines, 1) if wrong + ":" in one)
    column = lines[line - 1].index(wrong + ":") + 1
    with pytest.raises(InputFaults) as caught:
        make_world(read_fabric(text, "f.yml")).clock.close()
    (said,) = [str(fault) for fault in caught.value.faults if "unknown key" in str(fault)]
    assert said.startswith(f"f.yml:{line}:{column}: ")
    assert "did you mean" in said or "known here:" in said
    assert key in said


def test_every_table_of_the_file_is_in_the_test_above() -> None:
    """Of the shapes with keys, each that a fabric file can hold; a new one is to be added to PLACES."""
    tables = {name for name, value in vars(shapes).items()
              if name.isupper() and not name.startswith("_") and keys_of(getattr(value, "schema", {}) or {})}
    tested = {name for name, value in vars(shapes).items() if any(value is shape for shape, _ in PLACES.values())}
    assert tables - tested <= {"VISIBLE", "CONFIGURATION", "DELEGATIONS", "SHARES"}
