"""Expectations: each holds, fails with what is, and is refused where it cannot be read."""

from __future__ import annotations

import pytest

from tests.execution.plans import step
from winmigrate.facts import Unreadable
from winmigrate.planning import Expectation, ExpectationKind, Step
from winmigrate.planning.expectations import Now, disks_digest, unmet
from winmigrate.survey import HostFacts, path_key
from winmigrate.windows.host import OperatingSystem
from winmigrate.windows.network import Switch
from winmigrate.windows.storage import VHD, FileItem, HardDisk, Volume
from winmigrate.windows.vm import VM

GIB = 1024**3
DENIED = Unreadable("access denied for CORP\\ops")
PATH = "D:\\VMs\\web01\\Virtual Hard Disks\\web01.vhdx"

SOURCE = HostFacts(
    "hv01",
    vms=(VM(id="web01", name="web01", state="Running"),),
    hard_disks=(HardDisk(vm_id="web01", path=PATH, disk_number=None),),
    checkpoint_disks=(),
    vhds=(VHD(path=PATH, parent_path=None, file_size=GIB),),
)
DESTINATION = HostFacts(
    "hv02",
    vms=(VM(id="other", name="web01", state="Running"),),
    operating_system=OperatingSystem(free_physical_memory=16 * GIB // 1024),
    volumes=(Volume(drive_letter="D", size_remaining=100 * GIB),),
    switches=(Switch(name="Ext"), Switch(name="Mgmt")),
)

K = ExpectationKind
HOLDS = [
    Expectation(K.VM_ON_SOURCE, "hv01", "web01"),
    Expectation(K.VM_STATE, "hv01", "web01=Running"),
    Expectation(K.VM_ABSENT, "hv02", "web01"),
    Expectation(K.FREE_MEMORY, "hv02", amount=16 * GIB),
    Expectation(K.FREE_DISK, "hv02", "D:", 100 * GIB),
    Expectation(K.SWITCH_EXISTS, "hv02", "ext"),
    Expectation(K.FILES_ABSENT, "hv02", PATH),
    Expectation(K.DISKS_UNCHANGED, "hv01", disks_digest([PATH.upper()])),
]
FAILS = [
    (Expectation(K.VM_ON_SOURCE, "hv01", "gone"), "web01 is no longer on hv01"),
    (Expectation(K.VM_STATE, "hv01", "web01=Off"), "was planned off and is running"),
    (Expectation(K.VM_ABSENT, "hv02", "other"), "is on hv02 already"),
    (Expectation(K.FREE_MEMORY, "hv02", amount=17 * GIB), "hv02 has 16.0 GiB of memory free, 17.0 GiB were expected"),
    (Expectation(K.FREE_DISK, "hv02", "D:", 101 * GIB), "D: on hv02 has 100.0 GiB free, 101.0 GiB were expected"),
    (Expectation(K.FREE_DISK, "hv02", "X:", 1), "hv02 has no volume X:"),
    (Expectation(K.SWITCH_EXISTS, "hv02", "External"), 'no longer has a switch "External" (it has Ext, Mgmt)'),
    (Expectation(K.FILES_ABSENT, "hv02", "D:\\there.vhdx"), "D:\\there.vhdx exists on hv02 already"),
    (Expectation(K.FILES_ABSENT, "hv02", "D:\\unasked.vhdx"), "nobody could look"),
    (Expectation(K.DISKS_UNCHANGED, "hv01", "0000"), "are not those that were planned"),
    (Expectation(K.VM_ON_SOURCE, "hv09", "web01"), "hv09 could not be read just before the start"),
]


def now(source: HostFacts = SOURCE, destination: HostFacts = DESTINATION, **more: object) -> Now:
    files = {path_key(PATH): None, path_key("D:\\there.vhdx"): FileItem(full_name="D:\\there.vhdx")}
    return Now({"hv01": source, "hv02": destination}, files, **more)  # type: ignore[arg-type]


def with_(*items: Expectation) -> Step:
    return step("web01", expectations=items)


def test_all_that_holds() -> None:
    assert unmet(with_(*HOLDS), now()) == ()
    assert {item.kind for item in HOLDS} == set(ExpectationKind)


@pytest.mark.parametrize(("item", "words"), FAILS)
def test_what_fails_says_what_is(item: Expectation, words: str) -> None:
    (told,) = unmet(with_(*HOLDS, item), now())
    assert words in told


@pytest.mark.parametrize("item", HOLDS, ids=lambda item: item.kind.value)
def test_what_cannot_be_read_does_not_hold(item: Expectation) -> None:
    unread = {name: HostFacts(name, vms=DENIED, operating_system=DENIED, volumes=DENIED, switches=DENIED,
                              hard_disks=DENIED, vhds=DENIED) for name in ("hv01", "hv02")}  # fmt: skip
    (told,) = unmet(with_(item), Now(unread, {path_key(PATH): DENIED}))
    assert "access denied" in told


def test_what_is_under_way_counts() -> None:
    flying = {("hv02", "memory"): GIB, ("hv02", "D:"): GIB}
    told = unmet(with_(*HOLDS), now(in_flight=flying))
    assert len(told) == 2
    assert "15.0 GiB of memory" in told[0]
    assert "99.0 GiB free" in told[1]
