"""Requirements of the VM's protection and of its place in the host: keys, guarded fabrics, pools, NUMA nodes."""

from __future__ import annotations

from collections.abc import Iterable

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
    size,
)
from winmigrate.checks.words import (
    vm as get_vm,
)
from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.windows.devices import Certificate, NumaNode
from winmigrate.windows.vm import Security

_HYPER_V = "https://learn.microsoft.com/powershell/module/hyper-v/"
_TROUBLE = "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/"
_MIB = 1024**2
_STORE = "Shielded VM Local Certificates"


def _security(ground: Ground) -> Security:
    item = ground.candidate
    what = f"the security settings of {name(item.vm_name)}"
    rows = known(ground.source.of("security", item.vm_id), what)
    found: Security = known(rows[0] if rows else Unreadable("the host answered nothing"), what)
    return found


@requirement(
    "sec-vtpm-keys",
    "The destination can open the virtual TPM of the VM",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    resolvers=(Resolver.SURVEY, Resolver.REHEARSE),
    since="2016",
    read_by="Get-VMSecurity: TpmEnabled; the certificates of 'Shielded VM Local Certificates' of both hosts: "
    "Thumbprint, HasPrivateKey",
    mend="certutil -exportPFX on the source and -importPFX on the destination, the signing and the encryption one",
    page=_TROUBLE + "hyper-v-virtual-machine-live-migration",
)
def sec_vtpm_keys(ground: Ground) -> Verdict:
    item, source, host = ground.candidate, ground.source, ground.destination
    if _has_no_security(ground):
        return passed(f"Windows Server {source.facts.version} has no virtual TPM")
    if not known(_security(ground).tpm_enabled, f"the security settings of {name(item.vm_name)}"):
        return passed("no virtual TPM")
    own, there = _keys(source), _keys(host)
    missing = {thumb: subject for thumb, subject in own.items() if thumb not in there}
    if own and not missing:
        return passed(f"{host.name} has {count(len(own), 'certificate')} of {source.name}, with the keys")
    surely(source, "certificates", f"the certificates of {source.name}")
    surely(host, "certificates", f"the certificates of {host.name}")
    if len(missing) < len(own):
        return pending(
            Resolver.REHEARSE,
            f"{host.name} lacks {listed(missing.values())} of {source.name} and has the others: which of them protect "
            f"{name(item.vm_name)}, Windows says",
        )
    if not own or _one_fabric(source, host):
        return pending(
            Resolver.REHEARSE,
            f"{source.name} itself has no certificate in '{_STORE}' that could protect {name(item.vm_name)}"
            if not own
            else f"both hosts are of one guarded fabric, which may hold the keys of {name(item.vm_name)}",
        )
    return failed(
        f"{name(item.vm_name)} has a virtual TPM, and {host.name} has none of the certificates of {source.name} that "
        f"can protect it: {listed(missing.values())}",
        wanted=f"the same certificates, with their private keys, in '{_STORE}' of {host.name}",
        place=item.place,
        remedy=by_hand(
            f'on {source.name}, for the signing and the encryption certificate: certutil -exportPFX -p <password> '
            f'"{_STORE}" <serial number> <file>.pfx; on {host.name}: certutil -importPFX "{_STORE}" <file>.pfx',
            f"{administrator(source.name)}, {administrator(host.name)}",
        ),
    )


def _has_no_security(ground: Ground) -> bool:
    version = known(ground.source.facts.version, f"the Windows of {ground.source.name}")
    return not at_least(version, "2016")


def _keys(host: HostIndex) -> dict[str, str]:
    """Thumbprint -> subject, of those with their private key."""
    what = f"the certificates of {host.name} in '{_STORE}'"
    version = known(host.facts.version, f"the Windows of {host.name}")
    found: Iterable[Certificate] = () if not at_least(version, "2016") else known(host.facts.certificates, what)
    return {
        known(row.thumbprint, what).upper(): known(row.subject, what) or known(row.thumbprint, what)
        for row in found
        if known(row.has_private_key, what)
    }


def _fabric(host: HostIndex) -> str | None:
    """The attestation service of a guarded host; None for one that is not."""
    what = f"the guardian client of {host.name}"
    client = known(host.facts.guardian_client, what)
    if not known(client.is_host_guarded, what):
        return None
    return (known(client.attestation_server_url, what) or "").rstrip("/").casefold()


def _one_fabric(source: HostIndex, host: HostIndex) -> bool:
    mine = _fabric(source)
    return mine is not None and mine == _fabric(host)


@requirement(
    "sec-shielded",
    "A shielded VM goes to a guarded host of the same fabric",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    since="2016",
    read_by="Get-VMSecurity: Shielded; Get-HgsClientConfiguration of both hosts: IsHostGuarded, AttestationServerUrl",
    mend="Set-HgsClientConfiguration on the destination, and its attestation",
    page=_TROUBLE + "troubleshoot-shielded-vms",
)
def sec_shielded(ground: Ground) -> Verdict:
    item, source, host = ground.candidate, ground.source, ground.destination
    if _has_no_security(ground):
        return passed(f"Windows Server {source.facts.version} shields no VM")
    if not known(_security(ground).shielded, f"the security settings of {name(item.vm_name)}"):
        return passed("not shielded")
    theirs, ours = _fabric(host), _fabric(source)
    if theirs is not None and theirs == ours:
        return passed(f"{host.name} is guarded by {theirs}, as {source.name} is")
    said = (
        f"{host.name} is no guarded host"
        if theirs is None
        else f"{host.name} is guarded by {theirs or 'nobody named'}, {source.name} by {ours or 'nobody'}"
    )
    url = known(source.facts.guardian_client, source.name).attestation_server_url
    remedy = (
        f"Set-HgsClientConfiguration -AttestationServerUrl {quoted(url)} -KeyProtectionServerUrl "
        "<that of the same fabric>"
        if isinstance(url, str)
        else "Set-HgsClientConfiguration -AttestationServerUrl <url> -KeyProtectionServerUrl <url>"
    )
    return failed(
        f"{name(item.vm_name)} is shielded, and {said}",
        wanted=f"{host.name} attested by the same Host Guardian Service as {source.name}",
        place=item.place,
        remedy=powershell(remedy, administrator(host.name), "when the host has attested"),
    )


@requirement(
    "sec-encrypted-traffic",
    "The VM's migration traffic is not encrypted for it",
    Severity.INFORMS,
    Scope.VM,
    since="2016",
    read_by="Get-VMSecurity: EncryptStateAndVmMigrationTraffic",
    mend="none needed: it is slower, and costs processor time; Set-VMSecurity switches it off",
    page=_HYPER_V + "set-vmsecurity",
)
def sec_encrypted_traffic(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the security settings of {name(item.vm_name)}"
    if not known(_security(ground).encrypt_state_and_vm_migration_traffic, what):
        return passed("not encrypted")
    return failed(
        f"the state and the migration traffic of {name(item.vm_name)} are encrypted: it moves slower, and takes "
        "processor time on both hosts",
        wanted="known",
        remedy=powershell(
            f"nothing, where that is meant; or {get_vm(item.vm_id)} | Set-VMSecurity "
            "-EncryptStateAndVmMigrationTraffic $false",
            f"{hyper_v_administrator(host.name)}, with a down-time",
        ),
    )


#: What every host has for every type.
_PRIMORDIAL = "primordial"


@requirement(
    "resource-pools",
    "The destination has the resource pools of the VM",
    Severity.RISKS,
    Scope.CANDIDATE,
    read_by="Get-VMProcessor, Get-VMMemory: ResourcePoolName; Get-VMHardDiskDrive, Get-VMNetworkAdapter: PoolName; "
    "Get-VMResourcePool on the destination",
    mend="New-VMResourcePool on the destination, or the VM back in the pool Primordial",
    page=_HYPER_V + "new-vmresourcepool",
)
def resource_pools(ground: Ground) -> Verdict:
    item, source, host = ground.candidate, ground.source, ground.destination
    wished: dict[tuple[str, str], None] = {}
    for table, field, kind in (
        ("vm_processors", "resource_pool_name", "Processor"),
        ("vm_memory", "resource_pool_name", "Memory"),
        ("hard_disks", "pool_name", "VHD"),
        ("adapters", "pool_name", "Ethernet"),
    ):
        what = f"the resource pools of {name(item.vm_name)}"
        rows = known(source.of(table, item.vm_id), what)
        if not rows and table in ("vm_processors", "vm_memory"):
            known(Unreadable(f"the host answered nothing of its {kind.lower()}"), what)
        for row in rows:
            pool = known(getattr(row, field), what)
            if pool and pool.casefold() != _PRIMORDIAL:
                wished[kind, pool] = None
    if not wished:
        return passed("Primordial")
    theirs = f"the resource pools of {host.name}"
    there = {
        (known(pool.resource_pool_type, theirs), known(pool.name, theirs).casefold())
        for pool in known(host.facts.resource_pools, theirs)
    }
    missing = [(kind, pool) for kind, pool in wished if (kind, pool.casefold()) not in there]
    if not missing:
        return passed(f"{listed(pool for _, pool in wished)} on {host.name}")
    surely(host, "resource_pools", theirs)
    shown = several(f"{kind} {quoted(pool)}" for kind, pool in missing)
    kind, pool = missing[0]
    return failed(
        f"{host.name} has no resource pool {shown} of {name(item.vm_name)}",
        wanted=f"the same pools on {host.name}",
        place=item.place,
        remedy=powershell(
            f"New-VMResourcePool -Name {quoted(pool)} -ResourcePoolType {kind}", hyper_v_administrator(host.name)
        ),
    )


@requirement(
    "mem-numa",
    "The VM fits into the NUMA nodes of the destination",
    Severity.RISKS,
    Scope.CANDIDATE,
    read_by="Get-VMHost: NumaSpanningEnabled; Get-VMHostNumaNode: MemoryAvailable, MemoryTotal; Get-VMMemory, "
    "Get-VMProcessor: the most a virtual node may have",
    mend="Set-VMHost -NumaSpanningEnabled $true, and a restart of vmms",
    page=_TROUBLE + "hyper-v-virtual-machine-input-migration-integration",
)
def mem_numa(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.destination
    settings = known(host.facts.vm_host, f"the settings of {host.name}")
    if known(settings.numa_spanning_enabled, f"NUMA spanning of {host.name}"):
        return passed(f"VMs of {host.name} may span its NUMA nodes")
    vm = of_candidate(ground)
    memory = known(vm.memory_assigned, f"the memory of {name(item.vm_name)}")
    if not memory:
        return passed("no memory is assigned to it")
    nodes = _virtual_nodes(ground, memory)
    each = -(-memory // nodes)
    processors = -(-known(vm.processor_count, f"the processors of {name(item.vm_name)}") // nodes)
    theirs = f"the NUMA nodes of {host.name}"
    found: tuple[NumaNode, ...] = known(host.facts.numa_nodes, theirs)
    known(found or Unreadable("the host answered none"), theirs)
    places = sum(
        known(node.memory_available, theirs) * _MIB // each
        for node in found
        if known(node.processors, theirs) >= processors
    )
    shown = several(
        f"node {known(node.node_id, theirs)} with {known(node.processors, theirs)} processors and "
        f"{size(known(node.memory_available, theirs) * _MIB)} free"
        for node in found
    )
    wants = f"{count(nodes, 'virtual NUMA node')} of {count(processors, 'processor')} and {size(each)}"
    if places >= nodes:
        return passed(f"{wants}; {shown}")
    surely(host, "numa_nodes", theirs)
    return failed(
        f"{name(item.vm_name)} has {wants}, and {host.name}, whose VMs may not span nodes, has {shown}",
        wanted="a node with room for each, or NUMA spanning",
        place=item.place,
        remedy=powershell(
            "Set-VMHost -NumaSpanningEnabled $true; Restart-Service -Name vmms",
            administrator(host.name),
            "when vmms has restarted; VMs that run go on",
        ),
    )


def _virtual_nodes(ground: Ground, memory: int) -> int:
    """How many NUMA nodes the VM is made of: with dynamic memory it is one."""
    item, source = ground.candidate, ground.source
    what = f"the memory settings of {name(item.vm_name)}"
    rows = known(source.of("vm_memory", item.vm_id), what)
    settings = known(rows[0] if rows else Unreadable("the host answered nothing"), what)
    if known(settings.dynamic_memory_enabled, what):
        return 1
    most = known(settings.maximum_per_numa_node, what) * _MIB
    what = f"the processor settings of {name(item.vm_name)}"
    rows = known(source.of("vm_processors", item.vm_id), what)
    processor = known(rows[0] if rows else Unreadable("the host answered nothing"), what)
    per_node = known(processor.maximum_count_per_numa_node, what)
    count_of = known(processor.count, what)
    return max(1, -(-memory // most) if most else 1, -(-count_of // per_node) if per_node else 1)
