"""Fabric files: what they make, how short they may be, and every fault in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.fabric.worlds import vm_of, world_of
from winmigrate.errors import InputFaults
from winmigrate.lab.fabric.loading import load_fabric, make_world, read_fabric
from winmigrate.lab.fabric.units import rate, size
from winmigrate.lab.fabric.world import GIB

FABRICS = Path(__file__).parents[3] / "fixtures" / "fabrics"


def test_a_machine_of_defaults() -> None:
    with world_of("hosts: {hv01: {vms: {web01: }}}") as world:
        vm = vm_of(world, "web01")
        assert (vm.state, vm.generation, vm.memory.assigned, vm.version) == ("Running", 2, 2 * GIB, "9.0")
        assert vm.disks[0].path == "D:\\VMs\\web01\\Virtual Hard Disks\\web01.vhdx"
        assert world.hosts["hv01"].files.get(vm.disks[0].path).size == 10 * GIB  # type: ignore[union-attr]
        assert vm.adapters[0].switch_name == "External"
        assert vm.adapters[0].mac.startswith("00155D")
        host = world.hosts["hv01"]
        assert (host.name, host.fqdn, host.build) == ("HV01", "hv01.corp.example", 17763)
        assert world.host("HV01.corp.example.") is host
        assert world.host(host.addresses[0].ip) is host


def test_the_same_file_makes_the_same_world() -> None:
    text = "seed: 3\nhosts: {hv01: {vms: {a: , b: }}}"
    ids = []
    for source in (text, text, text.replace("3", "4")):
        with world_of(source) as world:
            ids.append([(vm.id, vm.adapters[0].mac) for vm in world.hosts["hv01"].vms.values()])
    assert ids[0] == ids[1]
    assert not set(ids[0]) & set(ids[2])


NAMES = ["it's \"quoted\"", "$(Get-Date)", "[x]*", "Bücher", "💾", "a/b\\c", "..", " "]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_all_kinds(name: str) -> None:
    import json

    with world_of(f"hosts: {{hv01: {{vms: [{{name: {json.dumps(name, ensure_ascii=False)}}}]}}}}") as world:
        vm = vm_of(world, name)
        assert vm.name == name
        assert not set('<>"|?*') & set(vm.disks[0].path or "")


def test_a_name_of_two_lines_and_two_of_one_name() -> None:
    vms = '{name: "two\\nlines"}, {name: same}, {name: same, path: "D:\\\\other"}'
    with world_of(f"hosts: {{hv01: {{vms: [{vms}]}}}}") as world:
        assert vm_of(world, "two\nlines").name == "two\nlines"
        assert len(world.hosts["hv01"].vm("same")) == 2


def test_every_fabric_of_the_fixtures_loads() -> None:
    found = sorted(FABRICS.glob("*.yml"))
    assert found
    for path in found:
        world = load_fabric(path)
        world.clock.close()


def test_the_demo_has_what_it_shows() -> None:
    world = load_fabric(FABRICS / "demo.yml")
    try:
        host = world.hosts["hv01"]
        assert {vm.state for vm in host.vms.values()} == {"Running"}
        sql, app, web, files = host.vms.values()
        assert len({(disk.path or "")[:2] for disk in sql.disks}) == 2
        assert len(sql.disks) == 3
        assert len(app.checkpoints) == 2
        assert [disk.number for disk in files.disks] == [None, 2]
        for key in ("hv02", "hv03"):
            assert world.hosts[key].switch(web.adapters[0].switch_name or "") is None
        assert [world.hosts[key].version for key in world.hosts] == ["2019", "2022", "2019"]
    finally:
        world.clock.close()


#: (fabric, where, words)
FAULTS = [
    ("{}", "fabric.yml:1:1", 'the key "hosts" is missing'),
    ("hosts:\n  hv01:\n    memroy: 4 GB", "fabric.yml:3:5", "unknown key"),
    ("hosts:\n  hv01:\n    memory: 4 GX", "fabric.yml:3:13", "is no size"),
    ("hosts:\n  hv01:\n    version: 2018", "fabric.yml:3:14", "2018"),
    ("hosts: {hv01: {}}\ndelegation: {hv01: [hv02]}", "fabric.yml:2:20", 'no host "hv02"'),
    ("hosts: {hv01: {}}\nrbcd: {hv01: [hv9]}", "fabric.yml:2:7", 'no host "hv9"'),
    ("hosts:\n  hv01:\n    vms:\n      a: {adapters: [Ext]}", "fabric.yml:4:22", 'no switch "Ext"'),
    ("hosts:\n  hv01:\n    vms:\n      a: {disks: [{}]}", "fabric.yml:4:19", "either a path or physical"),
    ("hosts:\n  hv01:\n    vms:\n      a: {disks: ['X:\\a.vhdx']}", "fabric.yml:4:10", "no volume X:"),
    ("hosts:\n  hv01:\n    vms:\n      a: {memory: 2 TB}", "fabric.yml:4:10", "not the memory"),
    ("hosts:\n  hv01:\n    volumes: {D: 1 GB}\n    vms: {a: {}}", "fabric.yml:4:14", "is full"),
    ("hosts:\n  hv01:\n    vms: [{memory: 1 GB}]", "fabric.yml:3:11", 'the key "name" is missing'),
    ("now: yesterday\nhosts: {hv01: {}}", "fabric.yml:1:6", "is no time"),
]


@pytest.mark.parametrize(("text", "where", "words"), FAULTS)
def test_faults_in_their_place(text: str, where: str, words: str) -> None:
    with pytest.raises(InputFaults) as caught:
        make_world(read_fabric(text, "fabric.yml")).clock.close()
    assert str(caught.value).startswith(where)
    assert words in str(caught.value)


def test_all_faults_at_once() -> None:
    with pytest.raises(InputFaults) as caught:
        make_world(read_fabric("hosts: {hv01: {memory: x, nic: y, version: z}}", "f"))
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize(("text", "value"), [("8 GB", 8 * GIB), ("512MiB", 512 * 1024**2), ("1.5 TB", 1536 * GIB),
                                             ("4096", 4096), ("7 KB", 7168)])
def test_sizes(text: str, value: int) -> None:
    assert size(text) == value


@pytest.mark.parametrize(("text", "value"), [("10 Gbit", 1.25e9), ("1Gbit/s", 1.25e8), ("20 MB/s", 20 * 1024**2),
                                             ("20 MB", 20 * 1024**2)])
def test_rates(text: str, value: float) -> None:
    assert rate(text) == value
