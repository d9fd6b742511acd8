"""Media, graphics, pools, and what guards machines: the commands that show them, and the store of certificates."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from winmigrate.lab.cmdlets.desk import Command, Desk, Work, each, find_machines, named, part_of, refusal, wildcard
from winmigrate.lab.cmdlets.hop import desks
from winmigrate.lab.cmdlets.hosts import OWN, Fixture, on_each
from winmigrate.lab.cmdlets.instances import CimClass, CimInstance, show_instance
from winmigrate.lab.cmdlets.machine import Machine, cim_session, show_part
from winmigrate.lab.cmdlets.shapes import Lazy, Reader, declare, shape_of
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.fabric.fittings import POOL_TYPES, PRIMORDIAL, Certificate
from winmigrate.lab.fabric.world import VM, ZERO_ID

_OWNER: dict[str, Reader] = {
    "VMId": lambda p: p.machine.vm.id,
    "VMName": lambda p: p.machine.vm.name,
    "VMSnapshotId": lambda p: p.checkpoint.id if p.checkpoint else ZERO_ID,
    "VMSnapshotName": lambda p: p.checkpoint.name if p.checkpoint else "",
    "CimSession": lambda p: cim_session(p.machine.host),
    "ComputerName": lambda p: p.machine.host.name,
    "Id": lambda p: p.item.id,
}

declare("VMFloppyDiskDrive", {
    **_OWNER,
    "Path": lambda p: p.item.path,
    "PoolName": lambda p: p.machine.vm.fittings.pool("VFD"),
    "Name": lambda p: "Diskette Drive",
})
declare("VMGpuPartitionAdapter", {
    **_OWNER,
    "Name": lambda p: "GPU Partition Settings",
    "SupportsOutgoingLiveMigration": lambda p: p.item.supports_migration,
})
declare("VMRemoteFx3DVideoAdapter", {
    **_OWNER,
    "MaximumScreenResolution": lambda p: p.item.resolution,
    "MaximumMonitors": lambda p: p.item.monitors,
    "Name": lambda p: "RemoteFX 3D Video Adapter",
})
declare("VMResourcePool", {
    **OWN,
    "Name": lambda f: f.item[1],
    "ParentName": lambda f: [] if f.item[1] == PRIMORDIAL else [PRIMORDIAL],
    "ResourcePoolType": lambda f: f.item[0],
})


def _parts(class_name: str, items: Callable[[VM], list[Any]]) -> Work:
    def show(desk: Desk, call: Call) -> Iterator[Effect]:
        if "VMSnapshot" in call.bound:
            for item in each(call.bound["VMSnapshot"]):
                part = part_of(item)
                yield from (Output(show_part(class_name, part.machine, one, part.item))
                            for one in items(part.machine.vm))
            return
        for machine in find_machines(desk, call, desks):
            yield from [machine] if isinstance(machine, Error) else _shown(class_name, machine, items)

    return show


def _shown(class_name: str, machine: Machine, items: Callable[[VM], list[Any]]) -> Iterator[Effect]:
    yield from (Output(show_part(class_name, machine, item)) for item in items(machine.vm))


def _one(item: Any) -> list[Any]:
    return [] if item is None else [item]


def get_pools(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-VMResourcePool: "Primordial" of every type, and what the host has beside it."""
    pools = [*((kind, PRIMORDIAL) for kind in POOL_TYPES), *desk.host.holdings.pools]
    kinds = {str(kind).lower() for kind in each(call.get("ResourcePoolType"))}
    for pattern in [str(name) for name in each(call.get("Name"))] or ["*"]:
        found = [pool for pool in named(pools, pattern, lambda one: one[1]) if not kinds or pool[0].lower() in kinds]
        yield from (Output(shape_of("VMResourcePool", desk.host.version).show(Fixture(desk, pool))) for pool in found)
        if not found and wildcard(pattern) is None:
            # The words of this refusal are not known.
            words = f'Hyper-V was unable to find a resource pool with name "{pattern}".'
            yield refusal(desk, "InvalidParameter", words, pattern)


#: Its properties are those that the pages and troubleshooting articles of guarded hosts show.
_CLIENT = CimClass("MSFT_HgsClientConfiguration", "root/Microsoft/Windows/Hgs", (), {
    "IsHostGuarded": lambda desk, held: held.attestation is not None,
    "Mode": lambda desk, held: "Local" if held.attestation is None else "HostGuardianService",
    "KeyProtectionServerUrl": lambda desk, held: held.key_protection or "",
    "AttestationServerUrl": lambda desk, held: held.attestation or "",
    "AttestationOperationMode": lambda desk, held: "Unknown" if held.attestation is None else "Tpm",
    "AttestationStatus": lambda desk, held: "NotConfigured" if held.attestation is None else "Passed",
    "AttestationSubstatus": lambda desk, held: "NoInformation",
})


def get_client(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-HgsClientConfiguration."""
    yield Output(show_instance(CimInstance(desk, _CLIENT, desk.host.holdings)))


# --- the drive Cert: -------------------------------------------------------------------------------------------------

_DRIVE = "cert:\\"
_STORE = "LocalMachine\\Shielded VM Local Certificates"
_PROVIDER = "Microsoft.PowerShell.Security\\Certificate::"
_TYPES = ("System.Security.Cryptography.X509Certificates.X509Certificate2",
          "System.Security.Cryptography.X509Certificates.X509Certificate", "System.Object")


def on_certificates(path: str) -> bool:
    """Is it a path of the certificate provider's drive?"""
    return path.lower().startswith(_DRIVE)


_CERTIFICATE: dict[str, Reader] = {
    "FriendlyName": lambda one: "",
    "Subject": lambda one: one.subject,
    "Issuer": lambda one: one.subject,
    "Thumbprint": lambda one: one.thumbprint,
    "HasPrivateKey": lambda one: one.private_key,
    "SerialNumber": lambda one: uuid.uuid5(ZERO_ID, one.thumbprint).hex.upper(),
}


def _show(one: Certificate) -> net.PSObject:
    notes: dict[str, Any] = {
        "PSPath": f"{_PROVIDER}{_STORE}\\{one.thumbprint}", "PSParentPath": _PROVIDER + _STORE,
        "PSChildName": one.thumbprint, "PSIsContainer": False,
    }
    return net.PSObject(_TYPES, Lazy(_CERTIFICATE, one), notes, f"[Subject]\n  {one.subject}", one)


def certificates(desk: Desk, path: str) -> Iterator[Effect]:
    """The children of a store; of the fabric's stores there is this one, once a host has a certificate in it."""
    wanted = path[len(_DRIVE):].strip("\\").lower()
    if wanted != _STORE.lower() or not desk.host.holdings.certificates:
        yield Error(f"Cannot find path '{path}' because it does not exist.", "PathNotFound", "ObjectNotFound",
                    "System.Management.Automation.ItemNotFoundException", path)
        return
    yield from (Output(_show(one)) for one in desk.host.holdings.certificates)


COMMANDS: dict[str, Command] = {
    "Get-VMFloppyDiskDrive": Command(_parts("VMFloppyDiskDrive", lambda vm: _one(vm.fittings.floppy))),
    "Get-VMGpuPartitionAdapter": Command(_parts("VMGpuPartitionAdapter", lambda vm: vm.fittings.gpus)),
    "Get-VMRemoteFx3dVideoAdapter": Command(
        _parts("VMRemoteFx3DVideoAdapter", lambda vm: _one(vm.fittings.remote_fx))),
    "Get-VMResourcePool": Command(on_each(get_pools)),
    "Get-HgsClientConfiguration": Command(get_client, "Get-HgsClientConfiguration"),
}
