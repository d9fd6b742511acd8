"""What a machine has beside disks and adapters, and what hosts hold for it: media, graphics, keys, pools, NUMA nodes.

Hosts hold two certificates for virtual TPMs that all hosts of a fabric hold unless its file says otherwise, as a site
does whose machines move; a machine is protected by all that its host holds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from winmigrate.lab.fabric.files import FileEntry
from winmigrate.lab.fabric.primitives import FREE, PATH, SIZE, either, table
from winmigrate.marked import Key, Misfit, Shape, choice, entries, listing, shown, truth, whole, words

if TYPE_CHECKING:
    from winmigrate.lab.fabric.world import VM, Disk, Host

#: VMResourcePoolType, as far as machines have parts of it.
POOL_TYPES = ("Memory", "Processor", "Ethernet", "VHD", "ISO", "VFD", "FibreChannelPort", "FibreChannelConnection",
              "PciExpress")
PRIMORDIAL = "Primordial"


@dataclass(slots=True, eq=False)
class GpuPartition:
    id: str
    supports_migration: bool = False


@dataclass(slots=True, eq=False)
class RemoteFx:
    id: str
    monitors: int = 1
    resolution: str = "1280x1024"


@dataclass(slots=True, eq=False)
class Floppy:
    id: str
    path: str | None = None


@dataclass(slots=True, eq=False)
class Fittings:
    """Of a machine. ``guardians``: the thumbprints of the certificates that protect it. ``pools``: by type."""

    floppy: Floppy | None = None
    gpus: list[GpuPartition] = field(default_factory=list)
    remote_fx: RemoteFx | None = None
    guardians: tuple[str, ...] = ()
    pools: dict[str, str] = field(default_factory=dict)

    def pool(self, kind: str) -> str:
        return self.pools.get(kind, PRIMORDIAL)


@dataclass(slots=True, eq=False)
class Certificate:
    subject: str
    thumbprint: str
    private_key: bool = True


@dataclass(slots=True, eq=False)
class NumaNode:
    """``memory`` and ``free`` in bytes; ``free`` None: its share of what is free on the host."""

    memory: int
    processors: int
    free: int | None = None


@dataclass(slots=True, eq=False)
class Holdings:
    """Of a host. ``attestation``: the URL of its Host Guardian Service, None where it is not guarded."""

    certificates: list[Certificate] = field(default_factory=list)
    attestation: str | None = None
    key_protection: str | None = None
    pools: list[tuple[str, str]] = field(default_factory=list)  # type, name
    numa: list[NumaNode] = field(default_factory=list)  # empty: one a socket


# --- what may stand in a fabric file ---------------------------------------------------------------------------------

GPU_PARTITION = table("a mapping such as {migration: true}", migration=truth())
POOLS = entries(FREE, f"a mapping from types of pools ({', '.join(POOL_TYPES)}) to a pool's name",
                lambda key: None if key in POOL_TYPES else f"wanted: one of {', '.join(POOL_TYPES)}")
CERTIFICATE = either("subject", FREE, table(
    "a subject, or a mapping such as {subject: CN=Shielded VM Signing, thumbprint: 0F..., private_key: false}",
    subject=Key(FREE, True), thumbprint=words(), private_key=truth(),
))
GUARDED = either("attestation", words(), table(
    "the URL of a Host Guardian Service's attestation, or a mapping such as {attestation: URL, key_protection: URL}",
    attestation=Key(words(), True), key_protection=words(),
))
POOL = table("a mapping such as {type: Processor, name: Gold}", type=Key(choice(*POOL_TYPES), True),
             name=Key(FREE, True))
NUMA_NODE = table("a mapping such as {memory: 64 GB, free: 8 GB, processors: 16}", memory=Key(SIZE, True), free=SIZE,
                  processors=whole(1, 1024))
LINK = either("path", PATH, table("a path, or a mapping such as {path: 'D:\\VMs\\a', kind: Junction}",
                                  path=Key(PATH, True), kind=choice("SymbolicLink", "Junction")))

#: Keys of a machine, and of a host.
OF_A_MACHINE: dict[str, Shape[Any]] = {
    "floppy": PATH, "gpu_partitions": listing(GPU_PARTITION), "remotefx": truth(), "pools": POOLS,
    "guardians": listing(FREE),
}
OF_A_HOST: dict[str, Shape[Any]] = {
    "certificates": listing(CERTIFICATE), "guarded": GUARDED, "pools": listing(POOL), "numa": listing(NUMA_NODE),
    "links": listing(LINK),
}


# --- made of it ------------------------------------------------------------------------------------------------------


def _print_of(subject: str) -> str:
    return hashlib.sha1(subject.encode()).hexdigest().upper()


_USUAL = tuple(
    Certificate(f"CN=Shielded VM {use} Certificate (UntrustedGuardian) (site)", _print_of(use))
    for use in ("Encryption", "Signing")
)


def holdings_of(given: Mapping[str, Any]) -> Holdings:
    """What a host of a fabric file holds."""
    made = Holdings()
    if given["certificates"] is None:
        made.certificates = [Certificate(one.subject, one.thumbprint) for one in _USUAL]
    for one in given["certificates"] or ():
        made.certificates.append(Certificate(one["subject"], one.get("thumbprint") or _print_of(one["subject"]),
                                             one.get("private_key") is not False))
    if given["guarded"] is not None:
        made.attestation = given["guarded"]["attestation"]
        made.key_protection = given["guarded"].get("key_protection") or made.attestation.replace(
            "Attestation", "KeyProtection")
    made.pools = [(one["type"], one["name"]) for one in given["pools"] or ()]
    made.numa = [NumaNode(one["memory"], one.get("processors") or 16, one.get("free")) for one in given["numa"] or ()]
    return made


def put_links(host: Host, given: Mapping[str, Any]) -> None:
    """The links that stand among the host's files."""
    for one in given["links"] or ():
        host.files.add(FileEntry(one["path"], 0, one.get("kind") or "SymbolicLink"))


def fittings_of(vm: VM, host: Host, given: Mapping[str, Any]) -> Fittings:
    """What a machine of a fabric file has. Raises Misfit for what it cannot have."""
    made = Fittings(pools=dict(given["pools"] or {}))
    if vm.generation == 1:
        made.floppy = Floppy(f"Microsoft:{vm.guid}\\8F0D2762-0B00-4E04-AF4F-19010527CB93\\0\\0\\D", given["floppy"])
    elif given["floppy"] is not None:
        raise Misfit(given["_at"].fault("a machine of generation 2 has no floppy disk drive"))
    made.gpus = [GpuPartition(f"Microsoft:{vm.guid}\\GPU{index}", bool(one["migration"]))
                 for index, one in enumerate(given["gpu_partitions"] or ())]
    if given["remotefx"]:
        made.remote_fx = RemoteFx(f"Microsoft:{vm.guid}\\RemoteFX")
    if given["tpm"]:
        by_subject = {one.subject: one.thumbprint for one in host.holdings.certificates}
        named = given["guardians"]
        unknown = [one for one in named or () if one not in by_subject]
        if unknown:
            raise Misfit(given["_at"].fault(f"the host has no certificate {shown(unknown[0])}"))
        made.guardians = tuple(by_subject[one] for one in named) if named else tuple(by_subject.values())
    return made


# --- what follows from it --------------------------------------------------------------------------------------------


def numa_nodes(host: Host) -> list[NumaNode]:
    """The nodes of a host with what is free in each."""
    given = host.holdings.numa or [NumaNode(host.memory // host.processor.sockets, host.processor.logical)
                                   for _ in range(host.processor.sockets)]
    free = host.memory_free()
    return [NumaNode(one.memory, one.processors, min(one.memory, free // len(given)) if one.free is None else one.free)
            for one in given]


def opens(vm: VM, source: Host, destination: Host) -> bool:
    """Can the destination unwrap the machine's key protector?"""
    theirs = {one.thumbprint for one in destination.holdings.certificates if one.private_key}
    if vm.fittings.guardians and theirs.issuperset(vm.fittings.guardians):
        return True
    return _one_fabric(source, destination)


def _one_fabric(source: Host, destination: Host) -> bool:
    own = source.holdings.attestation
    return own is not None and own == destination.holdings.attestation


_PROFILE_DISK = re.compile(r"uvhd-(s-1-5-[-\d]+|template)\.vhdx?", re.IGNORECASE)


def refusals(vm: VM, source: Host, destination: Host, *, with_storage: bool) -> Iterator[tuple[str, VM | Disk, str]]:
    """Why the destination cannot take what the machine is fitted with: words, the thing, our name of the cause.

    Those of the virtual TPM are posted from real hosts, and the floppy disk's are the DVD drive's. That Windows refuses
    the others is documented or known; its words are not, and these are ours.
    """
    fitted = vm.fittings
    if fitted.floppy is not None and fitted.floppy.path is not None:
        path = fitted.floppy.path
        if not path.startswith("\\\\") and path not in destination.files:
            yield (f"'{vm.name}' failed to add device 'Virtual Floppy Disk'. Failed to open attachment '{path}'. "
                   "Error: 'The system cannot find the file specified.' (0x80070002).", vm, "floppy")
    for gpu in fitted.gpus if vm.running else ():
        if not gpu.supports_migration or "2025" not in (source.version, destination.version) \
                or source.version != destination.version or vm.version != "12.0":
            yield "The GPU partition of the virtual machine does not support live migration.", vm, "gpu-partition"
    for disk in vm.disks:
        if disk.controller_type == "PMEM" and vm.running:
            yield "A virtual machine with persistent memory cannot be moved while it runs.", disk, "pmem"
        leaf = (disk.path or "").rpartition("\\")[2]
        if with_storage and _PROFILE_DISK.fullmatch(leaf):
            words_of = f"The virtual hard disk '{disk.path}' is a user profile disk and cannot be moved."
            yield words_of, disk, "profile-disk"
    theirs = {(kind, name.lower()) for kind, name in destination.holdings.pools}
    for kind, name in fitted.pools.items():
        if name != PRIMORDIAL and (kind, name.lower()) not in theirs:
            yield f"Could not find the resource pool '{name}' of type '{kind}'.", vm, "resource-pool"
    if vm.security.tpm and not opens(vm, source, destination):
        yield (f"The version of the device 'Microsoft Virtual TPM Device' of the virtual machine '{vm.name}' is not "
               f"compatible with device on physical computer '{destination.name}'. (Virtual machine ID {vm.guid})\n\n"
               f"The key protector for the virtual machine '{vm.name}' could not be unwrapped. HostGuardianService "
               "returned: One or more arguments are invalid (0x80070057) . Details are included in the "
               "HostGuardianService-Client event log.", vm, "key-protector")
    if vm.security.shielded and not _one_fabric(source, destination):
        yield (f"The shielded virtual machine '{vm.name}' cannot run on '{destination.name}': it is not a guarded host "
               "of the same fabric.", vm, "shielded")
