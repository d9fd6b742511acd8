"""The nouns of a survey: the roll, the facts of pairs, and the survey itself. Documents of a run's folder.

Facts of hosts: :mod:`winmigrate.survey.facts_of_hosts`. Hosts go by their inventory name, VMs by their Id. Dates are
aware; sizes are bytes.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from winmigrate.directory import DirectoryFacts
from winmigrate.facts import Unreadable
from winmigrate.survey.facts_of_clusters import ClusterFacts
from winmigrate.survey.facts_of_hosts import HostFacts
from winmigrate.survey.facts_of_servers import FileServerFacts
from winmigrate.windows.host import (
    Identity,
)
from winmigrate.windows.row import NOT_ASKED
from winmigrate.windows.storage import FileItem

# --- the roll ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RollVM:
    """A VM that a host knows. ``state`` by its name in Hyper-V ("Running", "Off", ...)."""

    id: str
    name: str
    state: str


@dataclass(frozen=True, slots=True)
class RollEntry:
    """Who answered on one host. ``why_not`` says in a sentence why it was not reached; empty if it was.

    ``version`` is a name of facts.VERSIONS. ``computer`` is the name the host gives itself;
    ``fqdn`` what other hosts of its domain call it, without a domain the same as ``computer``. ``cluster`` (None: none)
    and the names of its nodes are asked where a cluster of the inventory names none.
    """

    host: str
    reached: bool
    why_not: str = ""
    computer: str | Unreadable = NOT_ASKED
    fqdn: str | Unreadable = NOT_ASKED
    version: str | Unreadable = NOT_ASKED
    build: int | Unreadable = NOT_ASKED
    identity: Identity | Unreadable = NOT_ASKED
    administrator: bool | Unreadable = NOT_ASKED
    hyper_v_administrator: bool | Unreadable = NOT_ASKED
    vms: tuple[RollVM, ...] | Unreadable = NOT_ASKED
    cluster: str | Unreadable | None = NOT_ASKED
    cluster_nodes: tuple[str, ...] | Unreadable = NOT_ASKED


@dataclass(frozen=True, slots=True)
class Roll:
    """All hosts of the inventory, in its order. ``pairs``: by :func:`pair_key`, where hop B was tried between all."""

    taken_at: dt.datetime
    entries: dict[str, RollEntry]
    pairs: dict[str, PairFacts] = field(default_factory=dict)

    def reached(self) -> tuple[RollEntry, ...]:
        """The hosts that answered."""
        return tuple(entry for entry in self.entries.values() if entry.reached)

    def where(self, vm_id: str) -> tuple[str, ...]:
        """The hosts that know this VM."""
        wanted = vm_id.lower()
        return tuple(
            name
            for name, entry in self.entries.items()
            if not isinstance(entry.vms, Unreadable) and any(vm.id == wanted for vm in entry.vms)
        )


# --- facts of a pair ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HopB:
    """Was the destination reached from a session on the source by this route ("credssp", "credential", "jea")?

    ``proven`` is Unreadable where it could not be tried. ``said``: what Windows answered when it was refused.
    """

    route: str
    proven: bool | Unreadable
    said: str = ""


@dataclass(frozen=True, slots=True)
class PortProbe:
    """A connection that was tried on the source. ``said``: what Windows said where it failed, if it says anything."""

    address: str
    port: int
    reached: bool | Unreadable
    said: str = ""


@dataclass(frozen=True, slots=True)
class NameAsked:
    """What a host finds for the other's name: addresses, none where it finds no such name."""

    name: str
    addresses: tuple[str, ...] | Unreadable = NOT_ASKED


@dataclass(frozen=True, slots=True)
class PairFacts:
    """A source and one of its destinations.

    ``ports``: connections tried from the source. ``name_there``: what the source finds for the destination's name;
    ``name_back``: what the destination finds for the source's.
    ``destination_files``: each path the candidates' files would be written to -> what lies there now, None for nothing.
    """

    source: str
    destination: str
    hop_b: tuple[HopB, ...] = ()
    destination_files: dict[str, FileItem | Unreadable | None] = field(default_factory=dict)
    ports: tuple[PortProbe, ...] = ()
    name_there: NameAsked = NameAsked("")
    name_back: NameAsked = NameAsked("")

    def hop(self, route: str) -> HopB | None:
        """What the probe of one route said."""
        return next((hop for hop in self.hop_b if hop.route == route), None)


def pair_key(source: str, destination: str) -> str:
    """How a pair is named in ``Survey.pairs``."""
    return f"{source}>{destination}"


@dataclass(frozen=True, slots=True)
class Survey:
    """What is: hosts by inventory name, pairs by :func:`pair_key`, clusters by the name they give themselves.

    File servers by their name in the inventory: those that files of candidates lie on.
    """

    taken_at: dt.datetime
    hosts: dict[str, HostFacts]
    pairs: dict[str, PairFacts]
    clusters: dict[str, ClusterFacts] = field(default_factory=dict)
    file_servers: dict[str, FileServerFacts] = field(default_factory=dict)
    directory: DirectoryFacts | Unreadable = NOT_ASKED

    def host(self, name: str) -> HostFacts:
        """The facts of a host; a host nobody asked has every table Unreadable."""
        return self.hosts.get(name) or HostFacts(name)

    def pair(self, source: str, destination: str) -> PairFacts:
        """The facts of a pair; empty for one nobody asked about."""
        return self.pairs.get(pair_key(source, destination)) or PairFacts(source, destination)
