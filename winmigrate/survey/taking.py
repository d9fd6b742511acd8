"""Taking a survey: all hosts at once, each by a handful of requests, whose number does not grow with the VMs.

On a host: one batch with every table; Get-VHD by rounds, from the disks in use up to the last parent; then one batch of
what stands between it and its peers: hop B to its destinations, and the places where files would arrive.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from winmigrate.directory import Opener
from winmigrate.errors import HostError
from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.inventory import Inventory
from winmigrate.remoting.batch import Read, ask_batch
from winmigrate.remoting.connect import Connector
from winmigrate.remoting.reads import read_batch, reading
from winmigrate.request import Clock, Session
from winmigrate.survey import crew
from winmigrate.survey.arriving import arrivals
from winmigrate.survey.candidates import Candidate, Candidates
from winmigrate.survey.facts_of_clusters import (
    ClusterFacts,
    cluster_facts,
    cluster_of,
    cluster_reads,
    speakers,
    unread_cluster,
)
from winmigrate.survey.facts_of_directory import DirectorySurvey, way_to
from winmigrate.survey.facts_of_hosts import HostFacts, path_key
from winmigrate.survey.folders import folders_here, folders_there, links_of
from winmigrate.survey.hops import PROBE, Credentials, called, hop_of, no_credential, probes_of
from winmigrate.survey.nouns import HopB, NameAsked, PairFacts, Roll, Survey, pair_key
from winmigrate.survey.reading import Reader, members_of, shown, unreached
from winmigrate.survey.roll import read_identity
from winmigrate.survey.servers import ServerSurvey, servers_of
from winmigrate.survey.ways import PROBE as PORT
from winmigrate.survey.ways import Ways, registry_pol, registry_pol_read
from winmigrate.survey.wishes import files_of
from winmigrate.windows import devices, host, network, storage, vm
from winmigrate.windows.paths import PlannedFile
from winmigrate.windows.register import TABLES
from winmigrate.windows.row import NOT_ON_THIS_BUILD, rows
from winmigrate.windows.storage import VHD, FileItem

#: Seconds of the clock for one batch: it holds thirty reads of every VM there.
TIMEOUT = 180.0
#: No chain of disks is longer than Hyper-V allows checkpoints (50), and a few parents.
_MOST_ROUNDS = 64
#: What a single move is judged by just before and after it, beside its VM.
_OF_MOVES = frozenset({"operating_system", "switches", "volumes", "migration_jobs", "planned_vms"})
#: No host can be called so.
_DIRECTORY = "the directory"
#: What is empty, and no error, to one who may not see it: VMs, and what root/virtualization/v2 holds.
_HYPER_V_SHOWS = {
    "vms": "VM",
    "migration_jobs": "migration",
    "planned_vms": "planned VM",
    "listener_addresses": "address for migrations",
}
_NOT_PROBED = Unreadable("the destination could not be asked")


def take_survey(
    inventory: Inventory,
    candidates: Candidates,
    roll: Roll,
    connector: Connector,
    clock: Clock,
    *,
    credentials: Credentials = no_credential,
    ldap: Opener | None = None,
) -> Survey:
    """The facts of every host that is a source or a destination of a candidate, and of each such pair.

    ``ldap`` opens the inventory's directory where that is asked over LDAP; one asked through a host needs none.
    A host the roll did not reach is not asked again; all its tables are Unreadable with the roll's reason.
    """
    taken_at = clock.now()
    concerned: dict[str, list[Candidate]] = {}
    for item in candidates.candidates:
        for name in dict.fromkeys((item.source, item.destination)):
            concerned.setdefault(name, []).append(item)
    work: dict[str, _HostSurvey] = {}
    for name, mine in concerned.items():
        entry = roll.entries.get(name)
        if entry is not None and entry.reached and isinstance(entry.version, str):
            work[name] = _HostSurvey(name, entry.version, inventory, mine, roll, connector, clock, credentials)
    for one in work.values():
        one.peers = work

    def facts_of(name: str) -> HostFacts | None:
        return work[name].facts if name in work else None

    servers = {
        one.name: ServerSurvey(one, candidates.candidates, connector, clock, facts_of) for one in servers_of(inventory)
    }
    way = way_to(inventory, connector, clock, ldap)
    directory = DirectorySurvey(inventory, roll, tuple(work), candidates.candidates, way, clock, facts_of)
    beside = {_DIRECTORY: directory} if work and not isinstance(way, Unreadable) else {}
    crew.run({**servers, **work, **beside}, clock, "survey")
    hosts = {name: work[name].facts if name in work else _unasked(name, roll) for name in concerned}
    pairs = {pair_key(*pair): _pair(*pair, work) for pair in candidates.pairs()}
    clusters = {one.cluster.name: one.cluster for one in work.values() if one.cluster is not None}
    asked = {name: one.facts for name, one in servers.items() if one.facts is not None}
    return Survey(taken_at, hosts, pairs, clusters, asked, directory.facts)


def read_host(
    name: str, version: str, session: Session, clock: Clock, *, secured: Sequence[str] = (), only: str | None = None
) -> HostFacts:
    """The facts of one host: one batch and the rounds of Get-VHD. ``secured``: the VMs whose security is asked.

    ``only``: this one VM alone, and of the host itself what a move of it stands on; the rest is not asked then.
    Raises HostError.
    """
    began = clock.now()
    answers = ask_batch(session, host_reads(version, secured, only), timeout=TIMEOUT)
    facts = replace(_facts(Reader(name, version, answers), clock.now(), secured), asked_from=began)
    if only is None:
        facts = replace(facts, cluster=cluster_of(facts, session, timeout=TIMEOUT))
    return replace(facts, **_vhds(facts, session))


def host_reads(version: str, secured: Sequence[str], only: str | None = None) -> list[Read]:
    """Everything a host is asked in one batch."""
    reads = []
    tables = TABLES if only is None else [table.of(only) for table in TABLES if table.of_vms or table.name in _OF_MOVES]
    for table in tables:
        if table.exists(version):
            reads.append(Read(table.name, table.statement(version)))
            members = table.members(version)
            if members is not None:
                reads.append(Read(members_of(table), members))
    reads += [Read("user", host.identity_user()), Read("groups", host.identity_groups())]
    if only is None:
        reads += [Read("listener_addresses", network.listener_addresses()), registry_pol_read()]
        if at_least(version, "2016"):
            reads.append(Read("security_services", host.security_services()))
    if at_least(version, "2016"):
        reads += [Read(f"security of {vm_id}", vm.security_of(vm_id, version)) for vm_id in secured]
    return reads


def _facts(reader: Reader, asked_at: dt.datetime, secured: Sequence[str]) -> HostFacts:
    who = read_identity(reader)
    found: dict[str, Any] = {}
    for table in TABLES:
        members = reader.members(table)
        found[table.name] = reader.one(table, members) if table.single else reader.table(table, members)
    found["listener_addresses"] = reader.texts("listener_addresses")
    for name, what in _HYPER_V_SHOWS.items():
        if not isinstance(found[name], Unreadable):
            found[name] = shown(found[name], who, reader.host, what)
    recent = at_least(reader.version, "2016")
    return HostFacts(
        host=reader.host,
        version=reader.version,
        asked_at=asked_at,
        identity=who,
        administrator=who if isinstance(who, Unreadable) else host.administrator(who),
        hyper_v_administrator=who if isinstance(who, Unreadable) else host.hyper_v_administrator(who),
        registry_pol=registry_pol(reader),
        security_services=reader.integers("security_services") if recent else NOT_ON_THIS_BUILD,
        security=_security(reader, secured) if recent else NOT_ON_THIS_BUILD,
        incomplete=reader.incomplete,
        **found,
    )


def _security(reader: Reader, secured: Sequence[str]) -> tuple[vm.Security, ...]:
    found = []
    for vm_id in secured:
        objects = reader.objects(f"security of {vm_id}")
        if isinstance(objects, Unreadable):
            found.append(vm.Security(vm_id, objects, objects, objects))
        else:
            found += [replace(row, vm_id=vm_id) for row in rows(vm.Security, objects[:1], reader.version)]
    return tuple(found)


def _vhds(facts: HostFacts, session: Session) -> dict[str, Any]:
    """``vhds`` and ``incomplete``: every file of every chain, by rounds, each one request."""
    version = str(facts.version)
    for table in (facts.hard_disks, facts.checkpoint_disks):
        if isinstance(table, Unreadable):
            return {"vhds": table}
    disks = [*tuple_of(facts.hard_disks), *tuple_of(facts.checkpoint_disks)]
    wanted = {
        path_key(disk.path): disk.path for disk in disks if disk.disk_number is None and isinstance(disk.path, str)
    }
    found: list[VHD] = []
    asked: set[str] = set()
    incomplete = dict(facts.incomplete)
    for _ in range(_MOST_ROUNDS):
        paths = [path for key, path in wanted.items() if key not in asked]
        if not paths:
            break
        asked |= set(wanted)
        reader = Reader(
            facts.host, version, ask_batch(session, [Read("vhds", storage.vhds(paths, version))], timeout=TIMEOUT)
        )
        objects = reader.objects("vhds")
        if isinstance(objects, Unreadable):
            if not found:
                return {"vhds": objects}
            incomplete["vhds"] = objects.reason
            break
        incomplete |= reader.incomplete
        come = rows(VHD, objects, version)
        found += come
        wanted |= {path_key(row.parent_path): row.parent_path for row in come if isinstance(row.parent_path, str)}
    return {"vhds": tuple(found), "incomplete": incomplete}


def tuple_of(table: tuple[Any, ...] | Unreadable) -> tuple[Any, ...]:
    """The rows, or none."""
    return () if isinstance(table, Unreadable) else table


# --- one host of a survey ----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _HostSurvey:
    """The work on one host: what it is, then what it is to its peers.

    ``candidates``: those that leave it or would arrive here.
    """

    host: str
    version: str
    inventory: Inventory
    candidates: Sequence[Candidate]
    roll: Roll
    connector: Connector
    clock: Clock
    credentials: Credentials
    facts: HostFacts = field(init=False)
    hops: dict[str, HopB] = field(default_factory=dict)
    arrivals: dict[str, FileItem | Unreadable | None] = field(default_factory=dict)
    peers: Mapping[str, _HostSurvey] = field(default_factory=dict)
    cluster: ClusterFacts | None = None
    ways: Ways = field(init=False)
    planned: dict[str, tuple[PlannedFile, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.facts = HostFacts(self.host, self.version)
        self.ways = Ways(self.host, self.version, {}, {})

    def files(self, item: Candidate) -> tuple[PlannedFile, ...]:
        """The files of a candidate that leaves this host, with their places; none where they could not be told."""
        if item.key not in self.planned:
            self.planned[item.key] = tuple_of(files_of(item, self.facts))
        return self.planned[item.key]

    def first(self) -> None:
        secured = tuple(dict.fromkeys(item.vm_id for item in self.candidates if item.source == self.host))
        try:
            self.facts = reading(
                self.connector,
                self.host,
                lambda session: read_host(self.host, self.version, session, self.clock, secured=secured),
                self.clock,
            )
        except HostError as error:
            self.facts = _unreadable(self.host, self.version, unreached(error))

    def second(self) -> None:
        here = [item for item in self.candidates if item.source == self.host]
        # In the order of the wishes and not by name: a recording asks the same under its aliases.
        others = dict.fromkeys(item.destination for item in here if item.destination != self.host)
        probes, self.hops = probes_of(
            self.host, self.version, list(others), self.inventory, self.roll, self.credentials
        )
        places = self._places()
        reads = [read for _, read in probes]
        if places:
            reads.append(Read("files", storage.files(places, self.version)))
        folders = self._folders()
        if folders:
            reads.append(Read("links", devices.links(folders, self.version)))
        spoken_for = self._spoken_for()
        self.ways = self._ways(list(others))
        between = self.ways.reads()
        reads += between
        if spoken_for is not None:
            reads += cluster_reads(self.version)
        if not reads:
            return
        try:
            bound = TIMEOUT + PROBE * len(probes) + PORT * len(between)
            answers = read_batch(self.connector, self.host, reads, self.clock, timeout=bound)
        except HostError as error:
            why = unreached(error)
            self.hops |= {destination: HopB(route, why) for (destination, route), _ in probes}
            self.arrivals = dict.fromkeys(map(path_key, places), why)
            self.facts = replace(self.facts, links=dict.fromkeys(map(path_key, folders), why))
            self.cluster = None if spoken_for is None else unread_cluster(spoken_for, self.host, why)
            self.ways.unanswered(why)
            return
        self.ways.answered(answers)
        if spoken_for is not None:
            self.cluster = cluster_facts(spoken_for, Reader(self.host, self.version, answers))
        for (destination, route), read in probes:
            self.hops[destination] = hop_of(route, answers[read.name], self.host)
        if places:
            self.arrivals = arrivals(places, answers["files"], self.version, self.host)
        if folders:
            self.facts = replace(
                self.facts, links=links_of(folders, answers["links"], self.version, self.host)
            )

    def _folders(self) -> list[str]:
        """The folders on this host that candidates' files lie in, or will."""
        folders: dict[str, str] = {}
        for item in self.candidates:
            source = self.peers.get(item.source)
            files = () if source is None else source.files(item)
            mine = folders_here(files) if item.source == self.host else ()
            to_come = folders_there(files) if item.destination == self.host else ()
            for folder in (*mine, *to_come):
                folders.setdefault(path_key(folder), folder)
        return list(folders.values())

    def _ways(self, destinations: list[str]) -> Ways:
        """To its destinations, and how it finds the names of those that come to it."""
        sources = [item.source for item in self.candidates if item.destination == self.host]
        peers = dict.fromkeys(name for name in (*destinations, *sources) if name != self.host)
        listening = {
            name: tuple_of(self.peers[name].facts.listener_addresses) if name in self.peers else ()
            for name in destinations
        }
        return Ways(
            self.host, self.version, {name: called(name, self.inventory, self.roll) for name in peers}, listening
        )

    def _spoken_for(self) -> str | None:
        """The cluster that this host is asked for; others are asked on other nodes."""
        for name, speaker in speakers(one.facts for one in self.peers.values()).items():
            if speaker == self.host:
                return name
        return None

    def _places(self) -> list[str]:
        """Where candidates would write on this host, by what their sources said."""
        places: dict[str, str] = {}
        for item in self.candidates:
            source = self.peers.get(item.source)
            if item.destination != self.host or source is None:
                continue
            for file in source.files(item):
                places.setdefault(path_key(file.destination), file.destination)
        return list(places.values())


def _pair(source: str, destination: str, work: Mapping[str, _HostSurvey]) -> PairFacts:
    if source not in work:
        return PairFacts(source, destination)
    hop = work[source].hops.get(destination)
    found = work[destination].arrivals if destination in work else {}
    arrivals: dict[str, FileItem | Unreadable | None] = {}
    for item in work[source].candidates:
        if (item.source, item.destination) == (source, destination):
            for file in work[source].files(item):
                arrivals[file.destination] = found.get(path_key(file.destination), _NOT_PROBED)
    there, back = work[source].ways, work[destination].ways if destination in work else None
    return PairFacts(
        source,
        destination,
        (hop,) if hop is not None else (),
        arrivals,
        there.ports.get(destination, ()),
        there.names.get(destination, NameAsked("")),
        back.names.get(source, NameAsked("")) if back is not None else NameAsked(source, _NOT_PROBED),
    )


def _unasked(name: str, roll: Roll) -> HostFacts:
    entry = roll.entries.get(name)
    if entry is None:
        return _unreadable(name, Unreadable("the roll has no such host"), Unreadable("the roll has no such host"))
    reason = Unreadable(entry.why_not, needs=f"a connection to {name}")
    if entry.reached:
        reason = entry.version if isinstance(entry.version, Unreadable) else reason
    return _unreadable(name, entry.version, reason)


def _unreadable(name: str, version: str | Unreadable, reason: Unreadable) -> HostFacts:
    tables: dict[str, Any] = {table.name: reason for table in TABLES}
    return HostFacts(
        name, version, identity=reason, administrator=reason, hyper_v_administrator=reason,
        security_services=reason, security=reason, listener_addresses=reason, registry_pol=reason, vhds=reason,
        cluster=reason, **tables,
    )  # fmt: skip
