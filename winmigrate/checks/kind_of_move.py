"""Which kind of move a candidate would be: what the playbook says, or by `kind: auto` what the facts allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from winmigrate.facts import Unreadable
from winmigrate.windows.paths import is_unc

if TYPE_CHECKING:
    from winmigrate.checks.index import HostIndex
    from winmigrate.survey import Candidate
    from winmigrate.windows.vm import VM

CLUSTER = "cluster"
SHARED_SMB = "shared-smb"
SHARED_NOTHING = "shared-nothing"

#: Kinds of moves by the letters of notes on requirements: cluster, shared-smb, shared-nothing.
ALL_KINDS = (CLUSTER, SHARED_SMB, SHARED_NOTHING)


def kind_of_move(candidate: Candidate, wished: str, source: HostIndex, destination: HostIndex) -> str:
    """The kind: ``wished`` is the playbook's word.

    auto: inside a cluster where the VM is a role of the cluster that both hosts are nodes of; without storage where all
    its files are on shares; shared-nothing otherwise, and wherever the facts do not say. Storage that is wished to go
    somewhere is moved, so that such a wish is shared-nothing in any case.
    """
    if wished in ALL_KINDS:
        return wished
    if candidate.storage.given:
        return SHARED_NOTHING
    vm = source.vm(candidate.vm_id)
    if vm is None or isinstance(vm, Unreadable):
        return SHARED_NOTHING
    if vm.is_clustered is True and _one_cluster(source, destination):
        return CLUSTER
    return SHARED_SMB if _on_shares(vm, source) else SHARED_NOTHING


def _one_cluster(source: HostIndex, destination: HostIndex) -> bool:
    names = [host.cluster for host in (source, destination)]
    return isinstance(names[0], str) and names[0] == names[1]


def _on_shares(vm: VM, source: HostIndex) -> bool:
    """By where it says its files are: what lies on a share can often not be opened from our session (a second hop)."""
    assert isinstance(vm.id, str)
    drives = [source.of(table, vm.id) for table in ("hard_disks", "checkpoint_disks")]
    paths = [vm.configuration_location]
    for table in drives:
        if isinstance(table, Unreadable):
            return False
        paths += [drive.path for drive in table]
    return all(isinstance(path, str) and is_unc(path) for path in paths)
