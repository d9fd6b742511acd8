"""Hop B, tried: does a source reach its destinations from the session that a move would be sent in?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from winmigrate.errors import HostError
from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.inventory import Inventory
from winmigrate.remoting.batch import Answer, Read
from winmigrate.remoting.connect import Connector
from winmigrate.remoting.reads import read_batch
from winmigrate.request import Clock, Credential
from winmigrate.survey import crew
from winmigrate.survey.nouns import HopB, PairFacts, Roll, pair_key
from winmigrate.survey.reading import reason_of, unreached
from winmigrate.windows import host
from winmigrate.windows.host import VMHost
from winmigrate.windows.row import rows

#: Given a destination's inventory name: the credential that hop B sends there, or None where there is none to send.
Credentials = Callable[[str], Credential | None]

#: What a destination that does not answer its source adds to a batch, in seconds: Windows gives up after some twenty.
PROBE = 30.0

#: A probe: (destination, route), and what is asked on the source.
Probe = tuple[tuple[str, str], Read]


def no_credential(destination: str) -> Credential | None:
    """There is none to send."""
    return None


def probe_pairs(
    inventory: Inventory, roll: Roll, connector: Connector, clock: Clock, *, credentials: Credentials = no_credential
) -> dict[str, PairFacts]:
    """Hop B from every host of the inventory that answered to every other, by ``pair_key``; one request a host.

    A pair whose source did not answer, or has no route in the inventory, has no hop: nothing could be tried.
    """
    versions = {
        name: entry.version
        for name, entry in roll.entries.items()
        if name in inventory.hosts and entry.reached and isinstance(entry.version, str)
    }
    work = {
        name: _Trying(name, version, inventory, roll, connector, clock, credentials)
        for name, version in versions.items()
    }
    crew.run(work, clock, "hops")
    pairs = {}
    for source in inventory.hosts:
        for destination in inventory.hosts:
            if source != destination:
                hop = work[source].hops.get(destination) if source in work else None
                pairs[pair_key(source, destination)] = PairFacts(source, destination, () if hop is None else (hop,))
    return pairs


@dataclass(slots=True)
class _Trying:
    """The work on one source."""

    host: str
    version: str
    inventory: Inventory
    roll: Roll
    connector: Connector
    clock: Clock
    credentials: Credentials
    hops: dict[str, HopB] = field(default_factory=dict)

    def first(self) -> None:
        others = tuple(name for name in self.inventory.hosts if name != self.host)
        probes, self.hops = probes_of(self.host, self.version, others, self.inventory, self.roll, self.credentials)
        if not probes:
            return
        try:
            reads = [read for _, read in probes]
            answers = read_batch(self.connector, self.host, reads, self.clock, timeout=60.0 + PROBE * len(probes))
        except HostError as error:
            why = unreached(error)
            self.hops |= {destination: HopB(route, why) for (destination, route), _ in probes}
            return
        for (destination, route), read in probes:
            self.hops[destination] = hop_of(route, answers[read.name], self.host)

    def second(self) -> None:
        """Each pair is tried once."""


def probes_of(
    source: str,
    version: str,
    destinations: Sequence[str],
    inventory: Inventory,
    roll: Roll,
    credentials: Credentials,
) -> tuple[list[Probe], dict[str, HopB]]:
    """What is to be asked on ``source``, which has that Windows version; and the hops that need no asking."""
    probes: list[Probe] = []
    hops: dict[str, HopB] = {}
    entry = inventory.hosts.get(source)
    route = "none" if entry is None else entry.second_hop.kind
    for destination in destinations:
        if route == "none":
            continue
        credential = None
        if route == "credential":
            if not at_least(version, "2016"):
                hops[destination] = HopB(
                    route, False, f"Windows Server {version} takes no credential for the second hop"
                )
                continue
            if entry is not None and entry.transport.kind == "winrs":
                no_secret = Unreadable("over winrs no secret is sent", needs=f"transport: {{kind: psrp}} for {source}")
                hops[destination] = HopB(route, no_secret)
                continue
            credential = credentials(destination)
            if credential is None:
                missing = f"the inventory gives no credential that could be sent to {destination}"
                hops[destination] = HopB(route, Unreadable(missing, needs=f"a credential for {destination}"))
                continue
        statement = host.probe_host(called(destination, inventory, roll), credential)
        probes.append(((destination, route), Read(f"hop to {destination}", statement)))
    return probes, hops


def called(destination: str, inventory: Inventory, roll: Roll) -> str:
    """What a host calls another: the name its account has in the domain, else the address we know."""
    entry = roll.entries.get(destination)
    if entry is not None and isinstance(entry.fqdn, str):
        return entry.fqdn
    known = inventory.hosts.get(destination)
    return known.address if known is not None else destination


def hop_of(route: str, answer: Answer | Unreadable, host_name: str) -> HopB:
    """What a probe's answer says of its hop."""
    if isinstance(answer, Unreadable):
        # The probe ended in an error of Windows: that is an answer.
        return HopB(route, False, answer.reason)
    if answer.errors and not answer.objects:
        return HopB(route, False, reason_of(answer.errors[0], host_name).reason)
    named = rows(VMHost, answer.objects, "2012")
    if not named or isinstance(named[0].name, Unreadable):
        # Nothing, or something that is no host: neither an open way nor a refusal.
        return HopB(route, Unreadable("the probe's answer names no host"))
    return HopB(route, True)
