"""Requirements of what the VM has of its host beside disks and adapters: media, graphics, Fibre Channel, links."""

from __future__ import annotations

import ntpath
import re

from winmigrate.checks.finding import Resolver, Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, pending, requirement, surely
from winmigrate.checks.index import HostIndex
from winmigrate.checks.vms import of_candidate
from winmigrate.checks.words import (
    administrator,
    by_hand,
    count,
    hyper_v_administrator,
    listed,
    name,
    powershell,
    quoted,
    several,
)
from winmigrate.checks.words import (
    vm as get_vm,
)
from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.survey import path_key
from winmigrate.survey.folders import folders_here, folders_there
from winmigrate.windows.devices import Link

_HYPER_V = "https://learn.microsoft.com/powershell/module/hyper-v/"
_FIBRE = "https://learn.microsoft.com/windows/win32/hyperv_v2/msvm-syntheticfcportsettingdata"
_GPU = "https://learn.microsoft.com/windows-server/virtualization/hyper-v/gpu-partitioning"

#: A user profile disk of Remote Desktop Services: of a user by his SID, or the template of a collection.
_PROFILE_DISK = re.compile(r"uvhd-(s-1-5-[-\d]+|template)\.vhdx?", re.IGNORECASE)
_NO_NAMES = re.compile("0*")


@requirement(
    "disk-rds-upd",
    "No user profile disk of Remote Desktop Services is attached to the VM",
    Severity.RISKS,
    Scope.VM,
    kinds=("shared-nothing",),
    read_by="Get-VMHardDiskDrive: Path (UVHD-<SID>.vhdx)",
    mend="the user signs out",
    page=_HYPER_V + "move-vm",
)
def disk_rds_upd(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the disks of {name(item.vm_name)}"
    paths = [path for disk in known(host.of("hard_disks", item.vm_id), what) if (path := known(disk.path, what))]
    profiles = [path for path in paths if _PROFILE_DISK.fullmatch(ntpath.basename(path))]
    if not profiles:
        return passed(f"none of {count(len(paths), 'disk')} is called UVHD-...")
    return failed(
        f"{name(item.vm_name)} has {several(profiles)} attached: Move-VM does not take a user profile disk along",
        wanted="none while it moves",
        remedy=by_hand(
            f"have the user of {ntpath.basename(profiles[0])} sign out of {name(item.vm_name)}; the disk is then "
            "detached",
            "whoever runs the session collection",
        ),
    )


@requirement(
    "floppy-host-media",
    "No virtual floppy disk is in the VM's drive",
    Severity.RISKS,
    Scope.VM,
    read_by="Get-VMFloppyDiskDrive of the VMs of generation 1: Path",
    mend="Set-VMFloppyDiskDrive -Path $null",
    page=_HYPER_V + "set-vmfloppydiskdrive",
)
def floppy_host_media(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the floppy disk drive of {name(item.vm_name)}"
    generation = of_candidate(ground).generation
    drives = known(host.of("floppy_drives", item.vm_id), what)
    if not drives:
        if known(generation, f"the generation of {name(item.vm_name)}") == 2:
            return passed("generation 2 has no such drive")
        known(Unreadable("the host answered nothing for a VM of generation 1"), what)
    held = [path for drive in drives if (path := known(drive.path, what))]
    if not held:
        return passed("empty")
    return failed(
        f"{name(item.vm_name)} has {several(held)} of {host.name} in its floppy disk drive",
        wanted="an empty drive: the destination opens the same path",
        remedy=powershell(
            f"{get_vm(item.vm_id)} | Get-VMFloppyDiskDrive | Set-VMFloppyDiskDrive -Path $null",
            hyper_v_administrator(host.name),
        ),
    )


@requirement(
    "vfc-san-name",
    "The destination has every virtual SAN of the VM's Fibre Channel adapters, by name",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    read_by="Get-VMFibreChannelHba on the source: SanName; Get-VMSan on the destination: Name",
    mend="New-VMSan on the destination, with its own adapters",
    page=_HYPER_V + "set-vmfibrechannelhba",
)
def vfc_san_name(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.destination
    what = f"the Fibre Channel adapters of {name(item.vm_name)}"
    adapters = known(ground.source.of("fibre_channel_hbas", item.vm_id), what)
    if not adapters:
        return passed("no virtual Fibre Channel adapter")
    wished = dict.fromkeys(san for adapter in adapters if (san := known(adapter.san_name, what)))
    theirs = f"the virtual SANs of {host.name}"
    there = [known(san.name, theirs) for san in known(host.facts.sans, theirs)]
    folded = {san.casefold() for san in there}
    missing = [san for san in wished if san.casefold() not in folded]
    if not missing:
        return passed(f"{listed(wished)} on {host.name}")
    surely(host, "sans", theirs)
    return failed(
        f"{host.name} has no virtual SAN {listed(missing)} for {name(item.vm_name)}; it has {listed(there)}",
        wanted=f"{listed(missing)} on {host.name}",
        place=item.place,
        remedy=powershell(
            f"with the names of the adapters of {host.name} (Get-InitiatorPort): New-VMSan -Name {quoted(missing[0])} "
            "-WorldWideNodeName <node name> -WorldWidePortName <port name>",
            administrator(host.name),
        ),
    )


@requirement(
    "vfc-wwn-both-sets",
    "Each Fibre Channel adapter of the VM has two sets of names, and both see its storage",
    Severity.BLOCKS,
    Scope.VM,
    resolvers=(Resolver.SURVEY, Resolver.AFTER),
    read_by="Get-VMFibreChannelHba: WorldWideNodeNameSetA/B, WorldWidePortNameSetA/B; zones are not Windows's to tell",
    mend="Set-VMFibreChannelHba -GenerateWwn; both port names zoned, and masked to the same LUNs",
    page=_FIBRE,
)
def vfc_wwn_both_sets(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the Fibre Channel adapters of {name(item.vm_name)}"
    adapters = known(host.of("fibre_channel_hbas", item.vm_id), what)
    if not adapters:
        return passed("no virtual Fibre Channel adapter")
    ports: list[str] = []
    for adapter in adapters:
        one, other = (
            (known(node, what) or "", known(port, what) or "")
            for node, port in (
                (adapter.world_wide_node_name_set_a, adapter.world_wide_port_name_set_a),
                (adapter.world_wide_node_name_set_b, adapter.world_wide_port_name_set_b),
            )
        )
        incomplete = any(_NO_NAMES.fullmatch(text) for text in (*one, *other))
        if incomplete or one[1].casefold() == other[1].casefold():
            lack = "lacks names" if incomplete else f"has {one[1]} in both sets"
            return failed(
                f"a Fibre Channel adapter of {name(item.vm_name)} {lack}: A {one[0] or '-'}/{one[1] or '-'}, "
                f"B {other[0] or '-'}/{other[1] or '-'}",
                wanted="two complete sets: the destination logs in with the one that is not in use",
                remedy=powershell(
                    f"{get_vm(item.vm_id)} | Get-VMFibreChannelHba | Set-VMFibreChannelHba -GenerateWwn",
                    f"{hyper_v_administrator(host.name)}, with a down-time, and whoever zones the SAN",
                    "when both port names are zoned and masked",
                ),
            )
        ports += [one[1], other[1]]
    return pending(
        Resolver.AFTER,
        f"both sets are there ({several(ports)}); that both are zoned and masked to the same LUNs, whoever runs the "
        "SAN can tell, or the move",
    )


@requirement(
    "dev-gpu-partition",
    "A part of a GPU that the VM has can be migrated",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    resolvers=(Resolver.SURVEY, Resolver.REHEARSE),
    read_by="Get-VMGpuPartitionAdapter: SupportsOutgoingLiveMigration; Get-VM: Version; Windows of both hosts",
    mend="Stop-VM, Remove-VMGpuPartitionAdapter; given again after the move",
    page=_GPU,
)
def dev_gpu_partition(ground: Ground) -> Verdict:
    item, source, host = ground.candidate, ground.source, ground.destination
    version = known(source.facts.version, f"the Windows of {source.name}")
    if not at_least(version, "2016"):
        return passed(f"Windows Server {version} has no such adapters")
    what = f"the GPU partitions of {name(item.vm_name)}"
    adapters = known(source.of("gpu_partitions", item.vm_id), what)
    if not adapters:
        return passed("no GPU partition")
    theirs = known(host.facts.version, f"the Windows of {host.name}")
    why = ""
    if not at_least(version, "2025") or not at_least(theirs, "2025"):
        older = source if not at_least(version, "2025") else host
        why = f"{older.name} has Windows Server {known(older.facts.version, older.name)}, and none moves before 2025"
    elif not all(known(adapter.supports_outgoing_live_migration, what) for adapter in adapters):
        why = f"the GPU of {source.name} does not support it (SupportsOutgoingLiveMigration is False)"
    elif not _new_enough(known(of_candidate(ground).version, f"the version of {name(item.vm_name)}")):
        why = f"its configuration version is {of_candidate(ground).version}, and 12.0 is needed"
    if not why:
        said = f"{source.name} can move it; whether {host.name} has such a GPU, Windows says"
        return pending(Resolver.REHEARSE, said)
    return failed(
        f"{name(item.vm_name)} has {count(len(adapters), 'GPU partition')} of {source.name}: {why}",
        wanted="no GPU partition, or one that can be migrated",
        place=item.place,
        remedy=powershell(
            f"{get_vm(item.vm_id)} | Stop-VM; {get_vm(item.vm_id)} | Remove-VMGpuPartitionAdapter",
            f"{hyper_v_administrator(source.name)}, with a down-time",
        ),
    )


def _new_enough(version: str) -> bool:
    major = version.partition(".")[0]
    return major.isdigit() and int(major) >= 12


@requirement(
    "dev-remotefx",
    "The VM has no RemoteFX 3D video adapter",
    Severity.RISKS,
    Scope.VM,
    until="2019",
    read_by="Get-VMRemoteFx3dVideoAdapter",
    mend="Stop-VM, Remove-VMRemoteFx3dVideoAdapter",
    page=_HYPER_V + "remove-vmremotefx3dvideoadapter",
)
def dev_remotefx(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    adapters = known(host.of("remote_fx", item.vm_id), f"the RemoteFX adapter of {name(item.vm_name)}")
    if not adapters:
        return passed("none")
    return failed(
        f"{name(item.vm_name)} has a RemoteFX 3D video adapter of {host.name}; updates of 2021 took RemoteFX out",
        wanted="none: a destination without such graphics does not start it",
        remedy=powershell(
            f"{get_vm(item.vm_id)} | Stop-VM; {get_vm(item.vm_id)} | Remove-VMRemoteFx3dVideoAdapter",
            f"{hyper_v_administrator(host.name)}, with a down-time",
        ),
    )


@requirement(
    "dev-pmem",
    "The VM has no virtual persistent memory",
    Severity.BLOCKS,
    Scope.VM,
    since="2019",
    read_by="Get-VMHardDiskDrive: ControllerType (PMEM)",
    mend="a move of the VM while it is off, or the disk on a SCSI controller",
    page=_HYPER_V + "get-vmharddiskdrive",
)
def dev_pmem(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the disks of {name(item.vm_name)}"
    disks = known(host.of("hard_disks", item.vm_id), what)
    held = [disk for disk in disks if known(disk.controller_type, what) == "PMEM"]
    if not held:
        return passed("none")
    shown = [known(disk.path, what) or "one without a file" for disk in held]
    return failed(
        f"{name(item.vm_name)} has persistent memory: {several(shown)}",
        wanted="none: it does not move while the VM runs",
        remedy=powershell(
            f"move it while it is off: {get_vm(item.vm_id)} | Stop-VM; or take it out: {get_vm(item.vm_id)} | "
            "Get-VMHardDiskDrive -ControllerType PMEM | Remove-VMHardDiskDrive",
            f"{hyper_v_administrator(host.name)}, with a down-time",
        ),
    )


@requirement(
    "loopback-leftover-symlinks",
    "No link of an earlier migration stands in the VM's folders, here or where they are to go",
    Severity.RISKS,
    Scope.CANDIDATE,
    read_by="Get-ChildItem of the folders of the VM's files on both hosts: Attributes (ReparsePoint), LinkType",
    mend="Remove-Item for a link that nothing needs",
    page="https://learn.microsoft.com/powershell/module/microsoft.powershell.management/get-childitem",
)
def loopback_leftover_symlinks(ground: Ground) -> Verdict:
    item = ground.candidate
    files = known(ground.source.files(item), f"the files of {name(item.vm_name)}")
    looked = 0
    for host, folders in (
        (ground.source, folders_here(files)),
        (ground.destination, folders_there(files)),
    ):
        for folder in folders:
            what = f"{folder} on {host.name}"
            # What a deduplicated file is as well is no link: it has no link type.
            found = [link for link in known(_links(host, folder), what) if known(link.link_type, what)]
            looked += 1
            if found:
                path = known(found[0].full_name, what)
                return failed(
                    f"{path} on {host.name} is a {found[0].link_type}, in a folder of {name(item.vm_name)}"
                    + (f"; and {len(found) - 1} more there" if len(found) > 1 else ""),
                    wanted="files and folders alone: what a migration that broke off linked, the next one trips over",
                    place=item.place,
                    remedy=powershell(
                        f"once it is known that nothing needs it: Remove-Item -LiteralPath {quoted(path)} -Confirm",
                        administrator(host.name),
                    ),
                )
    return passed(f"none in {count(looked, 'folder')}")


def _links(host: HostIndex, folder: str) -> tuple[Link, ...] | Unreadable:
    found = host.facts.links.get(path_key(folder))
    if found is not None:
        return found
    # Nobody looks on a host that is not reached, and the host says why.
    system = host.facts.computer_system
    return system if isinstance(system, Unreadable) else Unreadable("nobody looked there")
