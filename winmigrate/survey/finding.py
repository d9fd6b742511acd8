"""Finding candidates: the playbook's selections against the roll. Pure; what finds nothing or too much is data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from winmigrate.errors import did_you_mean
from winmigrate.facts import Unreadable
from winmigrate.inventory import Inventory
from winmigrate.playbook.types import Migration, Playbook
from winmigrate.survey.candidates import Candidate, Candidates, Settled, Unmatched
from winmigrate.survey.nodes_found import nodes_found
from winmigrate.survey.nouns import Roll, RollVM


def find_candidates(playbook: Playbook, inventory: Inventory, roll: Roll) -> Candidates:
    """Each VM the playbook means with each destination it may go to, in the playbook's order.

    A VM is taken by the first migration that means it. One that is on an allowed destination already is settled. A
    destination the roll did not reach stays a candidate: the checks say what is not known of it.
    """
    search = _Search(inventory, roll)
    for index, migration in enumerate(playbook.migrations):
        search.look(index, migration)
    return Candidates(tuple(search.candidates), tuple(search.unmatched), tuple(search.settled))


class _Search:
    def __init__(self, inventory: Inventory, roll: Roll) -> None:
        self.nodes = nodes_found(inventory, roll)
        self.inventory = self.nodes.inventory
        self.roll = roll
        self.candidates: list[Candidate] = []
        self.unmatched: list[Unmatched] = []
        self.settled: list[Settled] = []
        self._taken: dict[str, tuple[int, str]] = {}

    def look(self, index: int, migration: Migration) -> None:
        hosts = self._hosts(migration)
        found = [(host, vm) for host, vm in self._vms(hosts) if migration.vm.matches(vm.name, vm.id, vm.state)]
        wrong = (
            self._choice_faults(migration, hosts, found)
            if migration.vm.is_choice
            else self._one_fault(migration, found)
        )
        source = () if migration.vm.source is None else (migration.vm.source,)
        for reason in (*wrong, *self.nodes.faults((*source, *migration.to))):
            self.unmatched.append(Unmatched(str(migration.vm), reason, index, str(migration.place)))
        if wrong and not migration.vm.is_choice:
            return
        for host, vm in found:
            self._take(index, migration, host, vm)

    def _hosts(self, migration: Migration) -> Sequence[str]:
        source = migration.vm.source
        return tuple(self.roll.entries) if source is None else source.hosts(self.inventory)

    def _vms(self, hosts: Sequence[str]) -> Iterator[tuple[str, RollVM]]:
        for host in hosts:
            entry = self.roll.entries.get(host)
            if entry is not None and not isinstance(entry.vms, Unreadable):
                yield from ((host, vm) for vm in entry.vms)

    def _unread(self, hosts: Sequence[str]) -> Iterator[tuple[str, str]]:
        """(host, why its VMs are not known)."""
        for host in hosts:
            entry = self.roll.entries.get(host)
            if entry is None:
                yield host, "it is not in the roll"
            elif isinstance(entry.vms, Unreadable):
                yield host, entry.why_not or entry.vms.reason

    def _one_fault(self, migration: Migration, found: Sequence[tuple[str, RollVM]]) -> list[str]:
        if len(found) == 1:
            return []
        if found:
            places = ", ".join(f"{vm.name} (id:{vm.id}) on {host}" for host, vm in found)
            return [f"it may be any of {len(found)}: {places}; say which one by its id, or choose it from its host"]
        wanted = migration.vm.name
        near = did_you_mean(wanted, [vm.name for _, vm in self._vms(tuple(self.roll.entries))]) if wanted else ""
        unread = [f"the VMs of {host} are not known: {why}" for host, why in self._unread(tuple(self.roll.entries))]
        return ["; ".join([f"no host that answered has it{near}", *unread])]

    def _choice_faults(
        self, migration: Migration, hosts: Sequence[str], found: Sequence[tuple[str, RollVM]]
    ) -> list[str]:
        wrong = [f"the VMs of {host} are not known, and left out: {why}" for host, why in self._unread(hosts)]
        if not found and not wrong:
            wrong.append("it finds no VM" if hosts else f"the hosts of {migration.vm.source} are not known")
        return wrong

    def _take(self, index: int, migration: Migration, host: str, vm: RollVM) -> None:
        place = str(migration.place)
        if vm.id in self._taken:
            first, where = self._taken[vm.id]
            here = f" at {where}" if where else ""
            both = f"{vm.name} (id:{vm.id}) on {host} is meant by migrations[{first}]{here} already"
            self.unmatched.append(Unmatched(str(migration.vm), both, index, place))
            return
        self._taken[vm.id] = (index, place)
        allowed = migration.destinations(self.inventory) if migration.to else (host,)
        if migration.to and host in allowed:
            self.settled.append(Settled(vm.id, vm.name, host, index, place))
            return
        if not allowed and self.nodes.faults(migration.to):
            return  # why no node is known has been said for all of the migration's VMs
        if not allowed:
            to = ", ".join(str(target) for target in migration.to)
            self.unmatched.append(Unmatched(str(migration.vm), f"no host of {to} takes VMs", index, place))
        self.candidates += [
            Candidate(vm.id, vm.name, vm.state, host, destination, index, place, migration.storage)
            for destination in allowed
        ]
