"""Requirements of a VM whose files lie on SMB shares: what both hosts need of the file server, and it of them."""

from __future__ import annotations

import ntpath
from collections.abc import Iterable

from winmigrate.checks.finding import Resolver, Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, pending, requirement, surely, unknown
from winmigrate.checks.index import HostIndex
from winmigrate.checks.share_ground import Shared, hosts_of, no_share, server_of, share_named
from winmigrate.checks.vms import of_candidate
from winmigrate.checks.words import administrator, by_hand, hyper_v_administrator, name, powershell, quoted, several
from winmigrate.checks.words import (
    vm as get_vm,
)
from winmigrate.facts import Unreadable
from winmigrate.inventory.types import same_computer
from winmigrate.windows.paths import is_unc
from winmigrate.windows.row import NOT_ON_THIS_BUILD
from winmigrate.windows.share import share_of

_SMB = "https://learn.microsoft.com/powershell/module/smbshare/"
_DEPLOY = "https://learn.microsoft.com/previous-versions/windows/it-pro/windows-server-2012-r2-and-2012/jj134187(v=ws.11)"
_KINDS = ("shared-smb",)
#: SMB 3.0, which 2012 brought; Hyper-V takes no share over less.
_LEAST = (3, 0)


@requirement(
    "smb-all-files-unc",
    "All files of the VM lie on shares",
    Severity.BLOCKS,
    Scope.VM,
    kinds=_KINDS,
    read_by="Get-VM: ConfigurationLocation, SnapshotFileLocation, SmartPagingFilePath; Get-VHD of all its disks: Path",
    mend="Move-VMStorage to a share",
    page=_DEPLOY,
)
def smb_all_files_unc(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    vm = of_candidate(ground)
    shown = name(item.vm_name)
    places = {
        "configuration": known(vm.configuration_location, f"where the configuration of {shown} lies"),
        "checkpoints": known(vm.snapshot_file_location, f"where the checkpoints of {shown} lie"),
        "smart paging": known(vm.smart_paging_file_path, f"where the paging file of {shown} lies"),
    }
    what = f"the virtual disks of {shown}"
    disks = [known(vhd.path, what) for vhd in known(host.chain(item.vm_id), what)]
    local = [f"{kind} in {path}" for kind, path in places.items() if path and not is_unc(path)]
    local += [path for path in disks if not is_unc(path)]
    if not local:
        return passed(f"on {several(sorted(_shares([*places.values(), *disks])))}")
    share = next(iter(sorted(_shares([*places.values(), *disks]))), "\\\\SERVER\\SHARE")
    folder = quoted(ntpath.join(share, item.vm_name))
    return failed(
        f"{shown} has files on {host.name} itself: {several(local)}",
        wanted="every file below \\\\server\\share",
        remedy=powershell(
            f"{get_vm(item.vm_id)} | Move-VMStorage -DestinationStoragePath {folder}", hyper_v_administrator(host.name)
        ),
    )


def _shares(paths: Iterable[str | None]) -> set[str]:
    found = (share_of(path) for path in paths if path)
    return {"\\\\" + "\\".join(parts) for parts in found if parts is not None}


# --- a share and two hosts ---------------------------------------------------------------------------------------


@requirement(
    "smb-dialect",
    "Both hosts speak SMB 3.0 or later with the file server",
    Severity.BLOCKS,
    Scope.SHARE,
    resolvers=(Resolver.SURVEY, Resolver.REHEARSE),
    kinds=_KINDS,
    read_by="Get-SmbConnection: ServerName, Dialect; of a host that has no connection there, at rehearse",
    mend="switch SMB 3 on, or put the files on a server that speaks it",
    page=_SMB + "get-smbconnection",
)
def smb_dialect(ground: Ground) -> Verdict:
    share = share_named(ground.share)
    if share is None:
        return no_share(ground)
    spoken, idle = [], []
    for host in hosts_of(ground):
        what = f"the SMB connections of {host.name}"
        rows = known(host.facts.smb_connections, what)
        mine = [row.dialect for row in rows if _same_server(ground, known(row.server_name, what), share.server)]
        dialects = {known(dialect, what): _version(known(dialect, what)) for dialect in mine}
        odd = [text for text, version in dialects.items() if version is None]
        if odd:
            return unknown(f"{host.name} speaks {several(odd)} with {share.server}, which is no dialect that is known")
        old = [text for text, version in dialects.items() if version is not None and version < _LEAST]
        if old:
            return failed(
                f"{host.name} speaks SMB {several(old)} with {share.server}",
                wanted="3.0 or later",
                remedy=by_hand(
                    f"upgrade {share.server} to one that speaks SMB 3, or switch it on there "
                    "(Set-SmbServerConfiguration -EnableSMB2Protocol $true, no lower Smb2DialectMax)",
                    administrator(share.server),
                    "with the next connection",
                ),
            )
        if not mine:
            surely(host, "smb_connections", what)
            idle.append(host.name)
        spoken += [f"{host.name} speaks SMB {text} with {share.server}" for text in dialects]
    if idle:
        return pending(
            Resolver.REHEARSE,
            "; ".join([*spoken, f"{several(idle)} has no connection to {share.server} that would tell"]),
        )
    return passed("; ".join(spoken))


def _same_server(ground: Ground, one: str, other: str) -> bool:
    entry = ground.inventory.file_server(other)
    return same_computer(one, other) or (entry is not None and entry.named(one))


def _version(dialect: str) -> tuple[int, ...] | None:
    """``3.1.1``, on 2012 ``3.00``: a version; None for what is none."""
    parts = dialect.split(".")
    return tuple(int(part) for part in parts) if all(part.isascii() and part.isdigit() for part in parts) else None


@requirement(
    "smb-no-loopback",
    "The file server is neither of the two hosts",
    Severity.BLOCKS,
    Scope.SHARE,
    kinds=_KINDS,
    read_by="the server in the VM's paths, and Win32_ComputerSystem: Name of that server and of both hosts",
    mend="a share on another machine",
    page=_DEPLOY,
)
def smb_no_loopback(ground: Ground) -> Verdict:
    share = share_named(ground.share)
    if share is None:
        return no_share(ground)
    hosts = hosts_of(ground)
    for host in hosts:
        if same_computer(share.server, host.name) or _calls_itself(host, share.server):
            return _loopback(share, host, ground)
    server = server_of(ground, share.server)
    machine = known(known(server.computer_system, f"the name of {share.server}").name, f"the name of {share.server}")
    for host in hosts:
        what = f"the name of {host.name}"
        if known(known(host.facts.computer_system, what).name, what).casefold() == machine.casefold():
            return _loopback(share, host, ground)
    return passed(f"{share.unc} is on {machine}")


def _calls_itself(host: HostIndex, server: str) -> bool:
    system = host.facts.computer_system
    if isinstance(system, Unreadable) or not isinstance(system.name, str):
        return False
    full = f"{system.name}.{system.domain}" if isinstance(system.domain, str) else system.name
    return same_computer(system.name, server) if "." not in server else same_computer(full, server)


def _loopback(share: Shared, host: HostIndex, ground: Ground) -> Verdict:
    role = "source" if host is ground.source else "destination"
    return failed(
        f"{share.unc} is on {host.name}, the {role} itself: a VM cannot use a share of the host it runs on",
        wanted="a file server that runs no VM of it",
        remedy=by_hand(
            f"put the files on a share of another machine (Move-VMStorage), or choose another {role}",
            hyper_v_administrator(host.name),
        ),
    )


@requirement(
    "smb-third-party-nas",
    "The file server is Windows, or known good with Hyper-V",
    Severity.INFORMS,
    Scope.SHARE,
    kinds=_KINDS,
    read_by="Win32_OperatingSystem of the file server; vendor: of the inventory",
    mend="its maker's current release, oplocks and continuous availability on for the share",
    page="https://learn.microsoft.com/troubleshoot/windows-server/virtualization/troubleshoot-live-migration-issues",
)
def smb_third_party_nas(ground: Ground) -> Verdict:
    share = share_named(ground.share)
    if share is None:
        return no_share(ground)
    entry = ground.inventory.file_server(share.server)
    if entry is not None and entry.vendor is not None:
        return failed(
            f"{share.server} is {entry.vendor}: nothing read here says that its oplocks and continuous availability "
            "are as Hyper-V needs them",
            wanted="a release whose maker supports Hyper-V over SMB 3",
            remedy=by_hand(
                "ask its maker for the release that supports Hyper-V over SMB 3 (NetApp: a current ONTAP, oplocks on "
                f"for the qtree); then accept smb-third-party-nas for what is on {share.server}",
                f"whoever runs {share.server}",
            ),
        )
    version = known(server_of(ground, share.server).version, f"the Windows of {share.server}")
    return passed(f"{share.server} runs Windows Server {version}")


# --- policy ------------------------------------------------------------------------------------------------------


@requirement(
    "smb-signing-encryption",
    "Both hosts require SMB signing and encryption alike",
    Severity.INFORMS,
    Scope.PAIR,
    kinds=("shared-smb", "shared-nothing"),
    since="2022",
    read_by="Get-SmbClientConfiguration: RequireSecuritySignature, RequireEncryption (2025)",
    mend="Set-SmbClientConfiguration -RequireSecuritySignature",
    page="https://learn.microsoft.com/windows-server/storage/file-server/smb-signing-overview",
)
def smb_signing_encryption(ground: Ground) -> Verdict:
    # Whether the other end can sign and encrypt is no question from SMB 3.0 on, which smb-dialect sees to.
    source, destination = hosts_of(ground)
    for parameter, word in (("require_security_signature", "signing"), ("require_encryption", "encryption")):
        here, there = (_policy(host, parameter) for host in (source, destination))
        if here == there:
            continue
        odd, other = (source, destination) if there else (destination, source)
        option = "".join(part.capitalize() for part in parameter.split("_"))
        return failed(
            f"{other.name} requires SMB {word}, {odd.name} does not: a copy between them, and the VM's disks after "
            "the move, go slower or faster than before",
            wanted="the same on both, as it costs throughput",
            remedy=powershell(
                f"Set-SmbClientConfiguration -{option} $true -Force",
                administrator(odd.name),
                "with the next connection",
            )
            if word == "signing"
            else by_hand(f"require encryption on both or on neither ({option})", administrator(odd.name)),
        )
    required = [
        word
        for parameter, word in (("require_security_signature", "signing"), ("require_encryption", "encryption"))
        if _policy(source, parameter)
    ]
    return passed(f"both require {' and '.join(required) or 'neither signing nor encryption'} of SMB")


def _policy(host: HostIndex, parameter: str) -> bool:
    what = f"the SMB policy of {host.name}"
    client = known(host.facts.smb_client, what)
    fact: bool | Unreadable = getattr(client, parameter)
    # Before 2025 nothing required a client to encrypt.
    if isinstance(fact, Unreadable) and fact == NOT_ON_THIS_BUILD:
        return False
    return known(fact, what)


