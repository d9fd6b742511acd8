"""What a playbook wishes for files, made into what Move-VM is told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.survey.hosts import identify
from winmigrate.facts import Unreadable
from winmigrate.playbook.types import StorageWish
from winmigrate.survey import Candidate, HostFacts, files_of, storage_of
from winmigrate.windows.move import FileByFile, OneFolder, Storage
from winmigrate.windows.storage import VHD, HardDisk, Volume
from winmigrate.windows.vm import VM

WEB = str(identify(1))
LEAF, BASE, LOG = "C:\\VMs\\web01\\a.avhdx", "C:\\Base\\a.vhdx", "E:\\Log\\log.vhdx"


def facts(**changed: Any) -> HostFacts:
    given: dict[str, Any] = {
        "vms": (
            VM(
                id=WEB,
                name="web01",
                version="9.0",
                configuration_location="C:\\VMs",
                snapshot_file_location="C:\\Snap",
                smart_paging_file_path="C:\\Page",
            ),
        ),
        "hard_disks": (
            HardDisk(vm_id=WEB, path=LEAF, disk_number=None),
            HardDisk(vm_id=WEB, path=LOG, disk_number=None),
            HardDisk(vm_id=WEB, path=None, disk_number=4),
        ),
        "checkpoint_disks": (HardDisk(vm_id=WEB, path=BASE.upper(), disk_number=None),),
        "checkpoints": (),
        "vhds": (
            VHD(path=LEAF, parent_path=BASE, file_size=1),
            VHD(path=BASE, parent_path=None, file_size=2),
            VHD(path=LOG, parent_path=None, file_size=4),
        ),
        "volumes": (Volume(drive_letter="C", size=9), Volume(drive_letter=None, size=1)),
        **changed,
    }
    return HostFacts("hv01", "2019", **given)


BELOW = "D:\\VMs\\web01\\Virtual Hard Disks\\"


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        (StorageWish(), FileByFile("C:\\VMs", "C:\\Snap", "C:\\Page", ((LEAF, LEAF), (BASE, BASE), (LOG, LOG)))),
        (StorageWish(path="D:\\VMs\\{vm}"), OneFolder("D:\\VMs\\web01")),
        (
            StorageWish(path="D:\\VMs\\{vm}", disks={"LOG.vhdx": "F:\\Log\\{vm}"}),
            FileByFile(
                "D:\\VMs\\web01",
                "D:\\VMs\\web01",
                "D:\\VMs\\web01",
                ((LEAF, BELOW + "a.avhdx"), (BASE, BELOW + "a.vhdx"), (LOG, "F:\\Log\\web01\\log.vhdx")),
            ),
        ),
        (
            StorageWish(disks={"log.vhdx": "F:\\Log\\log.vhdx"}, config="D:\\Config"),
            FileByFile(
                "D:\\Config", "C:\\Snap", "C:\\Page", ((LEAF, LEAF), (BASE, BASE), (LOG, "F:\\Log\\log.vhdx"))
            ),
        ),
    ],
)
def test_the_form_follows_the_wish(wish: StorageWish, expected: Storage) -> None:
    assert storage_of(Candidate(WEB, "web01", "Running", "hv01", "hv02", storage=wish), facts()) == expected


def test_disks_nobody_could_read_have_no_place() -> None:
    denied = Unreadable("access denied")
    wish = StorageWish(disks={"log.vhdx": "F:\\Log"})
    candidate = Candidate(WEB, "web01", "Running", "hv01", "hv02", storage=wish)
    assert storage_of(candidate, facts(hard_disks=denied)) == denied
    assert files_of(candidate, facts(vhds=denied)) == denied
    assert files_of(candidate, facts(checkpoints=denied)) == denied


def test_files_of_a_candidate() -> None:
    candidate = Candidate(WEB, "web01", "Running", "hv01", "hv02", storage=StorageWish(path="D:\\VMs\\{vm}"))
    files = files_of(candidate, facts())
    assert not isinstance(files, Unreadable)
    assert [file.size for file in files] == [1, 2, 4, None]
    gone = files_of(candidate, facts(vms=()))
    assert gone == Unreadable("hv01 no longer has web01")
    stays = files_of(Candidate(WEB, "web01", "Running", "hv01", "hv02"), facts())
    assert not isinstance(stays, Unreadable)
    assert all(file.source == file.destination for file in stays), "what nothing is wished for keeps its path"


def test_a_chain_that_bites_its_tail_ends() -> None:
    looped = facts(vhds=(VHD(path=LEAF, parent_path=BASE), VHD(path=BASE, parent_path=LEAF), VHD(path=LOG)))
    chain = looped.chain_of(WEB)
    assert chain == Unreadable("not asked"), "the log's parent was not asked"
    two = facts(
        hard_disks=(HardDisk(vm_id=WEB, path=LEAF, disk_number=None),),
        vhds=(VHD(path=LEAF, parent_path=BASE, file_size=1), VHD(path=BASE, parent_path=LEAF, file_size=1)),
    )
    assert two.file_size_of(WEB) == 2


def test_the_volume_of_a_path() -> None:
    volume = facts().volume_of("c:\\VMs")
    assert isinstance(volume, Volume)
    assert volume.size == 9
    assert facts().volume_of("\\\\sofs\\vms\\web01") is None
    assert facts(volumes=Unreadable("x")).volume_of("C:\\") == Unreadable("x")


def test_a_disk_is_found_however_its_path_is_spelled() -> None:
    found = facts().vhd("\\\\?\\c:\\base\\.\\A.VHDX")
    assert isinstance(found, VHD)
    assert found.path == BASE
    assert facts().vhd("C:\\none.vhdx") is None


def test_a_pass_through_disk_is_no_file_and_an_unreadable_one_no_guess() -> None:
    denied = Unreadable("access denied")
    assert facts(hard_disks=(HardDisk(vm_id=WEB, path=None, disk_number=4),)).file_size_of(WEB) == 2
    assert facts(hard_disks=(HardDisk(vm_id=WEB, path=denied, disk_number=denied),)).chain_of(WEB) == denied
    assert facts(
        vhds=(VHD(path=LEAF, parent_path=None), VHD(path=BASE, parent_path=None), VHD(path=LOG, parent_path=None))
    ).file_size_of(WEB) == Unreadable("not asked")
