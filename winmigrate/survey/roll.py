"""The roll: which hosts answer, as whom we are there, which Windows they run, which VMs they have. One request each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from winmigrate.errors import HostError
from winmigrate.facts import Unreadable
from winmigrate.inventory import Inventory
from winmigrate.remoting.batch import Answer, Read
from winmigrate.remoting.connect import Connector
from winmigrate.remoting.reads import read_batch, reading
from winmigrate.request import Clock
from winmigrate.survey import crew
from winmigrate.survey.facts_of_clusters import membership
from winmigrate.survey.nouns import Roll, RollEntry, RollVM
from winmigrate.survey.reading import Reader, shown, unreached, version_of
from winmigrate.windows import host, vm
from winmigrate.windows.host import ComputerSystem, Identity
from winmigrate.windows.row import GUID, TEXT, column, enumeration, rows

#: Nodes of clusters that have no entry of their own have no address either.
_NO_ENTRY = "the inventory has no entry for this node under hosts"


@dataclass(frozen=True, slots=True)
class _Named:
    id: str | Unreadable = column("Id", GUID)
    name: str | Unreadable = column("Name", TEXT)
    state: str | Unreadable = column("State", enumeration("VMState"))


def call_roll(inventory: Inventory, connector: Connector, clock: Clock) -> Roll:
    """Asks every host of the inventory at once. A host that does not answer is an entry like any other.

    Raises CredentialUnavailable and the like where the inventory cannot be used at all; never for one host.
    """
    open_clusters = any(cluster.nodes is None for cluster in inventory.clusters.values())
    work = {name: _Call(name, connector, clock, open_clusters) for name in inventory.hosts}
    taken_at = clock.now()
    crew.run(work, clock, "roll")
    nameless = {name: RollEntry(name, False, _NO_ENTRY) for name in inventory.host_names() if name not in work}
    return Roll(taken_at, {**{name: call.entry for name, call in work.items()}, **nameless})


@dataclass(slots=True)
class _Call:
    host: str
    connector: Connector
    clock: Clock
    asks_cluster: bool = False
    entry: RollEntry = field(init=False)

    def __post_init__(self) -> None:
        self.entry = RollEntry(self.host, reached=False, why_not="not asked")

    def first(self) -> None:
        try:
            self.entry = _entry(self.host, read_batch(self.connector, self.host, roll_reads(), self.clock))
        except HostError as error:
            why = unreached(error)
            self.entry = RollEntry(
                self.host, False, why.reason, why, why, why, why, identity=why, administrator=why,
                hyper_v_administrator=why, vms=why,
            )  # fmt: skip

    def second(self) -> None:
        """Asks once, and of its cluster where the inventory leaves the nodes of one to be found."""
        version = self.entry.version
        if not self.asks_cluster or not isinstance(version, str):
            return
        try:
            name, nodes = reading(
                self.connector,
                self.host,
                lambda session: membership(self.host, version, session, timeout=60.0),
                self.clock,
            )
        except HostError as error:
            name = nodes = unreached(error)
        self.entry = replace(self.entry, cluster=name, cluster_nodes=nodes)


def roll_reads() -> list[Read]:
    """What the roll asks: all of it exists on every version, for none is known yet."""
    return [
        Read("operating_system", host.OPERATING_SYSTEM.statement("2012")),
        Read("computer_system", host.COMPUTER_SYSTEM.statement("2012")),
        Read("user", host.identity_user()),
        Read("groups", host.identity_groups()),
        Read("vms", vm.names_of_vms()),
    ]


def _entry(name: str, answers: Mapping[str, Answer | Unreadable]) -> RollEntry:
    reader = Reader(name, "2012", answers)
    version, build = version_of(reader.objects("operating_system"))
    computer = reader.one(host.COMPUTER_SYSTEM)
    who = read_identity(reader)
    entry_name = computer if isinstance(computer, Unreadable) else computer.name
    return RollEntry(
        host=name,
        reached=True,
        computer=entry_name,
        fqdn=_fqdn(computer),
        version=version,
        build=build,
        identity=who,
        administrator=who if isinstance(who, Unreadable) else host.administrator(who),
        hyper_v_administrator=who if isinstance(who, Unreadable) else host.hyper_v_administrator(who),
        vms=_vms(reader, who),
    )


def read_identity(reader: Reader) -> Identity | Unreadable:
    """Who we are, from the two whoami reads; without groups that could not be read, we still have a name."""
    user, groups = reader.objects("user"), reader.objects("groups")
    if isinstance(user, Unreadable):
        return user
    who = host.identity(user, [] if isinstance(groups, Unreadable) else groups)
    return Identity(who.user, who.sid, groups) if isinstance(groups, Unreadable) else who


def _fqdn(computer: ComputerSystem | Unreadable) -> str | Unreadable:
    if isinstance(computer, Unreadable):
        return computer
    short = computer.name if computer.dns_host_name is None else computer.dns_host_name
    for fact in (short, computer.part_of_domain, computer.domain):
        if isinstance(fact, Unreadable):
            return fact
    return f"{short}.{computer.domain}" if computer.part_of_domain and computer.domain else short


def _vms(reader: Reader, who: Identity | Unreadable) -> tuple[RollVM, ...] | Unreadable:
    objects = reader.objects("vms")
    if isinstance(objects, Unreadable):
        return objects
    found = []
    for row in rows(_Named, objects, reader.version):
        for fact in (row.id, row.name, row.state):
            if isinstance(fact, Unreadable):
                return fact
        found.append(RollVM(str(row.id), str(row.name), str(row.state)))
    if "vms" in reader.incomplete:
        return Unreadable(reader.incomplete["vms"])
    return shown(tuple(found), who, reader.host)
