"""Requirements of rights on shares: both hosts' computer accounts need all of them, on the share and on the folders.

Windows takes the lesser of both. Who is in which group, the directory says; without one what hangs on it is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from winmigrate.checks.finding import Remedy, Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, unknown
from winmigrate.checks.index import HostIndex
from winmigrate.checks.rights import Computer, Entry, Held, held, of_folder, of_share
from winmigrate.checks.share_ground import Shared, hosts_of, no_share, server_of, share_named
from winmigrate.checks.words import administrator, by_hand, name, native, powershell, quoted, several
from winmigrate.directory import Account, DirectoryFacts
from winmigrate.directory.groups import names_of_groups
from winmigrate.facts import Unreadable
from winmigrate.survey import FileServerFacts
from winmigrate.survey.facts_of_directory import NEEDS
from winmigrate.survey.servers import local_path, unc_paths

_SMB = "https://learn.microsoft.com/powershell/module/smbshare/"
_KINDS = ("shared-smb",)


@requirement(
    "smb-share-acl",
    "Both hosts' computer accounts have Full on the share",
    Severity.BLOCKS,
    Scope.SHARE,
    kinds=_KINDS,
    read_by="Get-SmbShare | Get-SmbShareAccess on the file server; groups by the directory",
    mend="Grant-SmbShareAccess -AccessRight Full",
    page=_SMB + "grant-smbshareaccess",
)
def smb_share_acl(ground: Ground) -> Verdict:
    share = share_named(ground.share)
    if share is None:
        return no_share(ground)
    server = server_of(ground, share.server)
    what = f"the shares of {share.server}"
    shared = known(server.share(share.server, share.name), what)
    if shared is None:
        return failed(
            f"{share.server} has no share {name(share.name)}",
            wanted=f"the share {share.unc}",
            remedy=by_hand(f"make the share {name(share.name)} again", administrator(share.server)),
        )
    state = known(shared.share_state, f"the state of {share.unc}")
    if state != "Online":
        return failed(
            f"{share.unc} is {state.lower()}",
            wanted="online",
            remedy=by_hand("bring the volume below it and its role in the cluster online", administrator(share.server)),
        )
    what = f"the rights on {share.unc}"
    entries = known(of_share(known(server.access_to(shared), what)), what)
    judged = [(computer, held(entries, computer.belongs)) for computer in _computers(ground, server)]
    lacking = [computer.account for computer, result in judged if result.full is False]
    if lacking:
        return failed(
            f"{several(lacking)} {_do_not(lacking)} have Full on {share.unc}{_denied(judged)}; its entries: "
            f"{_shown(entries)}",
            wanted="Full for the computer accounts of both hosts, denied by none",
            remedy=_mend_share(share, lacking, judged),
        )
    return _open(judged, server, share.unc) or passed(
        f"{several(computer.account for computer, _ in judged)} have Full on {share.unc}"
    )


def _mend_share(share: Shared, lacking: Sequence[str], judged: Sequence[tuple[Computer, Held]]) -> Remedy:
    blocked = list(dict.fromkeys(account for _, result in judged for account in result.denied_by))
    which = f"-Name {quoted(share.name)}"
    parts = [f"Unblock-SmbShareAccess {which} -AccountName {_listed(blocked)} -Force"] if blocked else []
    parts.append(f"Grant-SmbShareAccess {which} -AccountName {_listed(lacking)} -AccessRight Full -Force")
    return powershell("; ".join(parts), administrator(share.server), "with the next connection")


@requirement(
    "smb-ntfs-acl",
    "Both hosts' computer accounts have full control of the share's root and the VM's folders",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    kinds=_KINDS,
    read_by="Get-Acl on the file server, of the shared folder and of each folder of the VM; groups by the directory",
    mend="icacls /grant, or Set-SmbPathAcl",
    page=_SMB + "set-smbpathacl",
)
def smb_ntfs_acl(ground: Ground) -> Verdict:
    item = ground.candidate
    paths = unc_paths(item, ground.source.facts, planned=False)
    known(ground.source.chain(item.vm_id), f"the virtual disks of {name(item.vm_name)}")
    if not paths:
        return no_share(ground)
    wrong: dict[tuple[str, str], list[tuple[Computer, Held]]] = {}
    doubts: list[Verdict] = []
    seen: dict[tuple[str, str], None] = {}
    for path in paths:
        share = share_named(path)
        assert share is not None, "every path is a UNC path"
        server = server_of(ground, share.server)
        computers = _computers(ground, server)
        for folder in _folders(server, share, path):
            if (server.server, folder) in seen:
                continue
            seen[server.server, folder] = None
            what = f"the rights on {folder} of {server.server}"
            entries = known(of_folder(known(server.rights_on(folder), what)), what)
            judged = [(computer, held(entries, computer.belongs)) for computer in computers]
            bad = [(computer, result) for computer, result in judged if result.full is False]
            if bad:
                wrong[server.server, folder] = bad
            doubt = _open(judged, server, f"{folder} of {server.server}")
            doubts += [] if doubt is None else [doubt]
    if wrong:
        return _lacking(wrong)
    if doubts:
        return doubts[0]
    return passed(f"both have full control of {several(folder for _, folder in seen)}")


def _folders(server: FileServerFacts, share: Shared, path: str) -> tuple[str, ...]:
    what = f"the share {name(share.name)} of {share.server}"
    shared = known(server.share(share.server, share.name), what)
    shared = known(Unreadable("the server has none of that name") if shared is None else shared, what)
    root = known(shared.path, what)
    if root is None:
        return known(Unreadable("it has no folder"), what)
    below = local_path(root, path)
    return (root,) if below == root else (root, below)


def _lacking(wrong: dict[tuple[str, str], list[tuple[Computer, Held]]]) -> Verdict:
    accounts = list(dict.fromkeys(computer.account for bad in wrong.values() for computer, _ in bad))
    servers = list(dict.fromkeys(server for server, _ in wrong))
    denied = _denied([one for bad in wrong.values() for one in bad])
    commands = []
    for (_, folder), bad in wrong.items():
        blocked = dict.fromkeys(account for _, result in bad for account in result.denied_by)
        commands += [f'icacls "{folder}" /remove:d "{account}"' for account in blocked]
        grants = " ".join(f'"{computer.account}:(OI)(CI)F"' for computer, _ in bad)
        commands.append(f'icacls "{folder}" /grant {grants}')
    return failed(
        f"{several(accounts)} {_do_not(accounts)} have full control of "
        f"{several(f'{folder} of {server}' for server, folder in wrong)}{denied}",
        wanted="full control for the computer accounts of both hosts, denied by none",
        remedy=native("; ".join(commands), administrator(several(servers))),
    )


def _open(judged: Sequence[tuple[Computer, Held]], server: FileServerFacts, what: str) -> Verdict | None:
    """It hangs on accounts of which nobody knows whether the host is in them."""
    doubted = [(computer, result.open) for computer, result in judged if result.full is None]
    if not doubted:
        return None
    groups = list(dict.fromkeys(group for _, names in doubted for group in names))
    local = all(group.casefold().startswith("builtin\\") for group in groups)
    return unknown(
        f"whether {several(computer.account for computer, _ in doubted)} has all rights on {what} hangs on "
        f"{several(groups)}, whose members are not known",
        needs=f"the members of {several(groups)} on {server.server}" if local else NEEDS,
    )


def _computers(ground: Ground, server: FileServerFacts) -> list[Computer]:
    return [_computer(ground, host, server) for host in hosts_of(ground)]


def _computer(ground: Ground, host: HostIndex, server: FileServerFacts) -> Computer:
    """The account by which a host comes to a file server."""
    what = f"the computer account of {host.name}"
    system = known(host.facts.computer_system, what)
    if not known(system.part_of_domain, what):
        return known(Unreadable("it is in no domain"), what)
    short, domain = known(system.name, what), known(system.domain, what) or ""
    administrators = None
    if not isinstance(server.administrators, Unreadable) and "administrators" not in server.incomplete:
        names = [(member.name, member.sid) for member in server.administrators]
        if all(isinstance(text, str) for pair in names for text in pair):
            administrators = frozenset(str(member).casefold() for member, _ in names)
    netbios, sid, groups = domain.partition(".")[0].upper(), None, None
    directory = ground.survey.directory
    if isinstance(directory, DirectoryFacts) and directory.domain.casefold() == domain.casefold():
        netbios = directory.netbios or netbios
        account = directory.computers.get(host.name)
        if isinstance(account, Account):
            sid = account.sid
            groups = names_of_groups(directory, account)
    return Computer(short.upper(), netbios, sid, None if isinstance(groups, Unreadable) else groups, administrators)


def _denied(judged: Sequence[tuple[Computer, Held]]) -> str:
    by = list(dict.fromkeys(account for _, result in judged for account in result.denied_by))
    return f", denied by an entry of {several(by)}" if by else ""


def _do_not(accounts: Sequence[str]) -> str:
    return "does not" if len(accounts) == 1 else "do not"


def _listed(accounts: Iterable[str]) -> str:
    return ", ".join(quoted(account) for account in accounts)


def _shown(entries: Sequence[Entry]) -> str:
    return several(f"{entry.account} {'allowed' if entry.allows else 'denied'}" for entry in entries)
