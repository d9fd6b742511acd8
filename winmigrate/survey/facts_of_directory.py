"""What the survey asks of Active Directory: the accounts of hosts, operators and file servers.

It is asked beside the hosts: first by what the roll said and the files on shares that are planned, then by the shares
that the hosts' own disks lie on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

from winmigrate.directory import (
    DirectoryFacts,
    Named,
    Opener,
    Wanted,
    named,
    read_directory,
    read_file_servers,
    through,
)
from winmigrate.directory.groups import read_computer_groups
from winmigrate.facts import Unreadable
from winmigrate.inventory import Inventory
from winmigrate.remoting.connect import Connector
from winmigrate.request import Clock
from winmigrate.survey.candidates import Candidate
from winmigrate.survey.facts_of_hosts import HostFacts
from winmigrate.survey.nouns import Roll
from winmigrate.survey.servers import unc_paths
from winmigrate.windows import share

#: What would resolve what only a directory can tell.
NEEDS = "a directory in the inventory"
NO_DIRECTORY = Unreadable("the inventory names no directory", NEEDS)
_NOT_SPOKEN = Unreadable("LDAP is not spoken here; what was recorded or is replayed holds the hosts alone", NEEDS)
#: SIDs of accounts of a domain, or of one machine.
_ACCOUNT = "S-1-5-21-"


def way_to(inventory: Inventory, connector: Connector, clock: Clock, ldap: Opener | None) -> Opener | Unreadable:
    """How the inventory's directory is asked. ``ldap``: over LDAP, where that is spoken."""
    directory = inventory.directory
    if directory is None:
        return NO_DIRECTORY
    if directory.via is not None:
        return partial(through, directory.via, connector, clock)
    return _NOT_SPOKEN if ldap is None else ldap


def server_key(server: str, inventory: Inventory) -> str:
    """How the file server that a UNC path calls ``server`` stands in ``DirectoryFacts.file_servers``."""
    known = inventory.file_server(server)
    return (server if known is None else known.name).casefold()


@dataclass(slots=True)
class DirectorySurvey:
    """The work on the directory, beside that on the hosts."""

    inventory: Inventory
    roll: Roll
    concerned: Iterable[str]
    candidates: Iterable[Candidate]
    way: Opener | Unreadable
    clock: Clock
    hosts: Callable[[str], HostFacts | None]
    facts: DirectoryFacts | Unreadable = NO_DIRECTORY
    servers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.way, Unreadable):
            self.facts = self.way

    def first(self) -> None:
        if isinstance(self.way, Unreadable):
            return
        self.servers = self._planned()
        places, odd = _named(self.servers)
        wanted = Wanted(self._computers(), places, self._operators())
        with self.way() as directory:
            if isinstance(directory, Unreadable):
                self.facts = directory
                return
            self.facts = read_directory(directory, wanted, self.clock.now())
        self._note(odd)

    def second(self) -> None:
        if isinstance(self.way, Unreadable) or isinstance(self.facts, Unreadable):
            return
        paths = [
            path
            for candidate in self.candidates
            if (source := self.hosts(candidate.source)) is not None
            for path in unc_paths(candidate, source)
        ]
        more = {key: name for key, name in self._servers(paths).items() if key not in self.servers}
        places, odd = _named(more)
        if places:
            with self.way() as directory:
                if isinstance(directory, Unreadable):
                    odd |= dict.fromkeys(places, directory)
                else:
                    self.facts = read_file_servers(directory, self.facts, places)
        self._note(odd)
        if paths and isinstance(self.facts, DirectoryFacts):
            with self.way() as directory:
                if not isinstance(directory, Unreadable):
                    self.facts = read_computer_groups(directory, self.facts)

    def _note(self, odd: dict[str, Unreadable]) -> None:
        if odd and isinstance(self.facts, DirectoryFacts):
            self.facts = replace(self.facts, file_servers={**self.facts.file_servers, **odd})

    def _computers(self) -> dict[str, Named]:
        found: dict[str, Named] = {}
        for name in self.concerned:
            entry = self.roll.entries.get(name)
            if entry is None or not isinstance(entry.computer, str):
                continue
            full = entry.fqdn if isinstance(entry.fqdn, str) else ""
            found[name] = Named(entry.computer, full if "." in full else "")
        return found

    def _operators(self) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for name in self.concerned:
            entry = self.roll.entries.get(name)
            identity = None if entry is None else entry.identity
            if identity is None or isinstance(identity, Unreadable):
                continue
            if isinstance(identity.sid, str) and identity.sid.startswith(_ACCOUNT):
                found[identity.sid] = None
        return tuple(found)

    def _planned(self) -> dict[str, str]:
        found = {
            one.name.casefold(): one.kerberos_name or one.address for one in self.inventory.file_servers.values()
        }
        storages = [item.storage for item in self.candidates]
        return found | self._servers(item.path for item in storages if isinstance(item.path, str))

    def _servers(self, paths: Iterable[str]) -> dict[str, str]:
        """Key of each file server in these paths -> what it is called."""
        found: dict[str, str] = {}
        for path in paths:
            parts = share.share_of(path)
            if parts is not None:
                key = server_key(parts[0], self.inventory)
                known = self.inventory.file_server(parts[0])
                found.setdefault(key, parts[0] if known is None else known.kerberos_name or known.address)
        return found


def _named(servers: dict[str, str]) -> tuple[dict[str, Named], dict[str, Unreadable]]:
    """Those that may have an account by their name, and why the others cannot be looked for."""
    places: dict[str, Named] = {}
    odd: dict[str, Unreadable] = {}
    for key, name in servers.items():
        called = named(name)
        if isinstance(called, Unreadable):
            odd[key] = called
        else:
            places[key] = called
    return places, odd
