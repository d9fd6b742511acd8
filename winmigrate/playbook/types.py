"""The nouns of a playbook."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass, field

from winmigrate.inventory import Inventory
from winmigrate.marked import Place, shown
from winmigrate.playbook.paths import filled, is_disk_file
from winmigrate.playbook.times import Moment, Window

NOWHERE = Place("", 0, 0)


@dataclass(frozen=True, slots=True)
class Target:
    """Where VMs may go to or come from: ``kind`` host, cluster or tag."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"tag:{self.name}" if self.kind == "tag" else self.name

    def hosts(self, inventory: Inventory) -> tuple[str, ...]:
        """The names of the hosts meant. Empty for a cluster whose nodes only the cluster knows."""
        if self.kind == "tag":
            return inventory.tagged(self.name)
        if self.kind == "cluster":
            return inventory.clusters[self.name].nodes or ()
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Selector:
    """Which VMs: one by ``name`` (without regard to case) or ``id`` (GUID, lower case); or a choice.

    A choice has any of ``source`` (`from`), ``pattern`` (`name`, with * and ?), ``state`` (lower case), and
    ``excluded`` (`except`): names, patterns or id:GUID.
    """

    name: str | None = None
    id: str | None = None
    source: Target | None = None
    pattern: str | None = None
    state: str | None = None
    excluded: tuple[str, ...] = ()

    @property
    def is_choice(self) -> bool:
        """May this be several VMs, or none?"""
        return self.name is None and self.id is None

    def matches(self, name: str, vm_id: str, state: str | None = None) -> bool:
        """Is this VM meant? ``state`` as Windows says it; None: not compared. The source is not looked at."""
        if self.name is not None:
            return self.name.casefold() == name.casefold()
        if self.id is not None:
            return self.id == vm_id.lower()
        if self.state is not None and state is not None and self.state != state.lower():
            return False
        if self.pattern is not None and not wildcard(self.pattern, name):
            return False
        return not any(_excludes(word, name, vm_id) for word in self.excluded)

    def __str__(self) -> str:
        if self.name is not None:
            return shown(self.name)
        if self.id is not None:
            return f"id:{self.id}"
        words = [shown(self.pattern) if self.pattern is not None else "every VM"]
        words += [f"on {self.source}"] if self.source is not None else []
        words += [f"that is {self.state}"] if self.state is not None else []
        words += [f"except {', '.join(shown(word) for word in self.excluded)}"] if self.excluded else []
        return " ".join(words)


def wildcard(pattern: str, name: str) -> bool:
    """Does a name fit a pattern with ``*`` and ``?``, without regard to case? Brackets mean themselves."""
    parts = {"*": ".*", "?": "."}
    whole = "".join(parts.get(char) or re.escape(char) for char in pattern.casefold())
    return re.fullmatch(whole, name.casefold(), re.DOTALL) is not None


def _excludes(word: str, name: str, vm_id: str) -> bool:
    if word.lower().startswith("id:"):
        return word[3:].lower() == vm_id.lower()
    return wildcard(word, name)


@dataclass(frozen=True, slots=True)
class StorageWish:
    r"""Where files go at the destination; paths may hold ``{vm}``, None is the host's default.

    ``disks``: by a disk's file name (as written), the folder, or the whole path if it ends like a disk's file.
    """

    path: str | None = None
    disks: dict[str, str] = field(default_factory=dict)
    config: str | None = None
    checkpoints: str | None = None
    paging: str | None = None

    @property
    def given(self) -> bool:
        """Does it wish anything?"""
        return bool(self.path or self.disks or self.config or self.checkpoints or self.paging)

    def disk_path(self, leaf: str, vm_name: str) -> str | None:
        """The whole path for a disk that has a wish of its own; None: it goes where ``path`` says."""
        for name, wish in self.disks.items():
            if name.casefold() == leaf.casefold():
                place = filled(wish, vm_name)
                return place if is_disk_file(place) else f"{place.rstrip(chr(92))}\\{leaf}"
        return None

    def folder(self, which: str, vm_name: str) -> str | None:
        """``path``, ``config``, ``checkpoints`` or ``paging`` with the VM's name in it; the last three fall to path."""
        wish: str | None = getattr(self, which) or self.path
        return None if wish is None else filled(wish, vm_name)


@dataclass(frozen=True, slots=True)
class Migration:
    """One wish. ``to`` is empty for kind storage alone; ``disconnect``: switches whose adapters may be cut off.

    ``networks``: switch at the source to switch at the destination; ``vlans``: VLAN id there to id here.
    ``priority``: higher goes earlier. ``dvd``, ``cluster_role``, ``fallback``: None if nothing was said.
    """

    vm: Selector
    to: tuple[Target, ...]
    kind: str = "auto"
    storage: StorageWish = StorageWish()
    networks: dict[str, str] = field(default_factory=dict)
    disconnect: tuple[str, ...] = ()
    vlans: dict[int, int] = field(default_factory=dict)
    dvd: str | None = None
    cluster_role: str | None = None
    after: tuple[str, ...] = ()
    priority: int = 0
    fallback: str | None = None
    max_downtime: dt.timedelta | None = None
    place: Place = field(default=NOWHERE, compare=False)

    def destinations(self, inventory: Inventory) -> tuple[str, ...]:
        """The hosts this may go to, each once, in the order written; hosts that take nothing are left out."""
        names = [name for target in self.to for name in target.hosts(inventory)]
        return tuple(
            name for name in dict.fromkeys(names) if name not in inventory.hosts or inventory.hosts[name].receive
        )

    def switch_for(self, inventory: Inventory, source: str, switch: str, destination: str) -> str | None:
        """The switch at the destination by this wish, else by the inventory's map; None: nothing says."""
        for here, there in self.networks.items():
            if here.casefold() == switch.casefold():
                return there
        return inventory.switch_for(source, switch, destination)


@dataclass(frozen=True, slots=True)
class Evacuate:
    """A host to be emptied. It stands in ``migrations`` too, as the choice of all its VMs but those to ``leave``."""

    host: str
    to: tuple[Target, ...]
    leave: tuple[str, ...] = ()
    pause_node: bool = False
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Rule:
    """``kind`` apart or together (of ``vms``), or keep_on (``vms`` holds one, ``target`` says where)."""

    kind: str
    vms: tuple[str, ...]
    target: Target | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Moves at once: per host live and storage (None: the host's own, at most 2), and in the whole run."""

    live: int | None = None
    storage: int | None = None
    run: int = 8


@dataclass(frozen=True, slots=True)
class Verify:
    """What must hold after a move: ``kind`` heartbeat or tcp (``address`` with ``{vm}``, ``port``)."""

    kind: str
    address: str = ""
    port: int = 0


@dataclass(frozen=True, slots=True)
class Accept:
    """A finding that a person takes responsibility for. ``vm`` empty: for every VM; ``until`` is its last day."""

    id: str
    vm: str
    reason: str
    who: str
    until: dt.date
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Hooks:
    """Programs run before and after each VM: argv, in which ``{vm}`` is the VM's name. Empty: none."""

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Playbook:
    """All of a playbook. ``inventory`` is a path, None if the file names none. ``return_at``: when the way back is."""

    file: str
    migrations: tuple[Migration, ...]
    inventory: str | None = None
    evacuate: Evacuate | None = None
    rules: tuple[Rule, ...] = ()
    return_at: Moment | None = None
    window: Window | None = None
    limits: RunLimits = RunLimits()
    stop_after: int = 1
    attempts: int = 1
    verify: tuple[Verify, ...] = ()
    accept: tuple[Accept, ...] = ()
    wait_for: tuple[str, ...] = ("backup", "merge")
    notify: tuple[str, ...] = ()
    hooks: Hooks = Hooks()
