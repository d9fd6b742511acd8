"""Asking file servers. One is asked only where files of a candidate lie on it, or are to.

Two requests, whatever the number of shares and VMs: one of what it is and shares, then one of the rights on the folders
that concern us.
"""

from __future__ import annotations

import ntpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from winmigrate.errors import HostError
from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.inventory import FileServer, Inventory
from winmigrate.remoting.batch import Answer, Read
from winmigrate.remoting.connect import Connector
from winmigrate.remoting.reads import read_batch
from winmigrate.request import Clock
from winmigrate.survey.candidates import Candidate
from winmigrate.survey.facts_of_hosts import HostFacts, path_key
from winmigrate.survey.facts_of_servers import FileServerFacts, unreadable
from winmigrate.survey.reading import Reader, reason_of, unreached, version_of
from winmigrate.survey.wishes import files_of
from winmigrate.windows import host, share
from winmigrate.windows.row import NOT_ON_THIS_BUILD, rows
from winmigrate.windows.share import AclEntry

#: Seconds of the clock for one request: the rights of a few thousand folders.
TIMEOUT = 120.0
#: What a row type is read by that is the same on every version.
_ANY_VERSION = "2012"


def unc_paths(candidate: Candidate, source: HostFacts, *, planned: bool = True) -> tuple[str, ...]:
    """The folders of a candidate's VM that are UNC paths, now and (``planned``) after the move, as far as known."""
    found: dict[str, str] = {}
    for path in _paths(candidate, source, planned=planned):
        if isinstance(path, str) and share.share_of(path) is not None:
            found.setdefault(path_key(path), path)
    return tuple(found.values())


def _paths(candidate: Candidate, source: HostFacts, *, planned: bool) -> Iterable[str | Unreadable | None]:
    vm = source.vm(candidate.vm_id)
    if vm is not None and not isinstance(vm, Unreadable):
        yield from (vm.configuration_location, vm.snapshot_file_location, vm.smart_paging_file_path)
    chain = source.chain_of(candidate.vm_id)
    if not isinstance(chain, Unreadable):
        yield from (None if isinstance(vhd.path, Unreadable) else ntpath.dirname(vhd.path) for vhd in chain)
    if planned and candidate.storage.given:
        files = files_of(candidate, source)
        if not isinstance(files, Unreadable):
            yield from (ntpath.dirname(file.destination) for file in files)


def folders_on(server: FileServer, paths: Iterable[str], facts: FileServerFacts) -> tuple[str, ...]:
    """The folders behind UNC paths that name the server, as it has them itself, and the roots of their shares."""
    found: dict[str, str] = {}
    for path in paths:
        parts = share.share_of(path)
        if parts is None or not server.named(parts[0]):
            continue
        shared = facts.share(*parts)
        if shared is None or isinstance(shared, Unreadable) or not isinstance(shared.path, str):
            continue
        for folder in (shared.path, local_path(shared.path, path)):
            found.setdefault(path_key(folder), folder)
    return tuple(found.values())


def local_path(root: str, path: str) -> str:
    """Where a UNC path lies on its server, below the folder that is shared."""
    below = share.below_share(path)
    return ntpath.join(root, below) if below else root


def read_server(server: FileServer, paths: Iterable[str], connector: Connector, clock: Clock) -> FileServerFacts:
    """The facts of one file server, as far as these UNC paths are concerned. Never raises for what the server does."""
    try:
        answers = read_batch(connector, server.name, server_reads(), clock, timeout=TIMEOUT)
        facts = _facts(server.name, answers)
        folders = folders_on(server, paths, facts)
        more = _more_reads(folders, facts.version)
        if not more:
            return facts
        return _with_rights(facts, folders, read_batch(connector, server.name, more, clock, timeout=TIMEOUT))
    except HostError as error:
        return unreadable(server.name, unreached(error))


def server_reads() -> list[Read]:
    """What a file server is asked first."""
    tables = (host.OPERATING_SYSTEM, host.COMPUTER_SYSTEM, *share.SERVER_TABLES)
    return [Read(table.name, table.statement(_ANY_VERSION)) for table in tables]


def _facts(name: str, answers: Mapping[str, Answer | Unreadable]) -> FileServerFacts:
    reader = Reader(name, _ANY_VERSION, answers)
    version, _ = version_of(reader.objects(host.OPERATING_SYSTEM.name))
    return FileServerFacts(
        name,
        version,
        reader.one(host.COMPUTER_SYSTEM),
        reader.table(share.SHARES),
        reader.table(share.SHARE_ACCESS),
        reader.one(share.SMB_SERVER),
        incomplete=reader.incomplete,
    )


def _more_reads(folders: tuple[str, ...], version: str | Unreadable) -> list[Read]:
    known = version if isinstance(version, str) else _ANY_VERSION
    reads = [Read("acls", share.acls(folders, known))] if folders else []
    if share.ADMINISTRATORS.exists(known):
        reads.append(Read(share.ADMINISTRATORS.name, share.ADMINISTRATORS.statement(known)))
    return reads


def _with_rights(
    facts: FileServerFacts, folders: tuple[str, ...], answers: Mapping[str, Answer | Unreadable]
) -> FileServerFacts:
    version = facts.version if isinstance(facts.version, str) else _ANY_VERSION
    reader = Reader(facts.server, version, answers)
    acls: tuple[AclEntry, ...] | Unreadable = ()
    unread: dict[str, Unreadable] = {}
    if folders:
        answer = answers["acls"]
        if isinstance(answer, Unreadable):
            found = reader.objects("acls")
            assert isinstance(found, Unreadable)
            acls = found
        else:
            acls = rows(AclEntry, answer.objects, version)
            unread = _unread(folders, answer, acls, facts.server)
    recent = at_least(version, "2016")
    return FileServerFacts(
        facts.server,
        facts.version,
        facts.computer_system,
        facts.shares,
        facts.share_access,
        facts.smb_server,
        reader.table(share.ADMINISTRATORS) if recent else NOT_ON_THIS_BUILD,
        acls,
        unread,
        {**facts.incomplete, **reader.incomplete},
    )


def _unread(
    folders: tuple[str, ...], answer: Answer, acls: tuple[AclEntry, ...], server: str
) -> dict[str, Unreadable]:
    """Folder -> why its rights did not come. Get-Acl's errors name no target; the folder stands in the text of some."""
    answered = {path_key(entry.folder) for entry in acls if isinstance(entry.folder, str)}
    found: dict[str, Unreadable] = {}
    for folder in folders:
        if answer.errors and path_key(folder) not in answered:
            mine = next((error for error in answer.errors if f"'{folder}'" in error.message), answer.errors[0])
            found[path_key(folder)] = reason_of(mine, server, hyper_v=False)
    return found


@dataclass(slots=True)
class ServerSurvey:
    """The work on one file server, beside that on the hosts: their first part tells what lies on it."""

    server: FileServer
    candidates: Iterable[Candidate]
    connector: Connector
    clock: Clock
    hosts: Callable[[str], HostFacts | None]
    facts: FileServerFacts | None = None

    def first(self) -> None:
        """Nobody's files are known yet."""

    def second(self) -> None:
        paths: dict[str, None] = {}
        for candidate in self.candidates:
            source = self.hosts(candidate.source)
            if source is not None:
                mine = unc_paths(candidate, source)
                paths |= dict.fromkeys(path for path in mine if self.server.named((share.share_of(path) or ("",))[0]))
        if paths:
            self.facts = read_server(self.server, paths, self.connector, self.clock)


def servers_of(inventory: Inventory) -> tuple[FileServer, ...]:
    """The file servers that can be asked: those that run Windows."""
    return tuple(server for server in inventory.file_servers.values() if server.vendor is None)
