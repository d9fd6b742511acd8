"""SMB file servers: their shares, and what an account may do on them.

A host opens the files of its machines as its own computer account, and wants all rights: those of the share and those
of the file system behind it both count. Rights of a file system are masks as Windows has them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

from winmigrate.lab.fabric.files import fold, join
from winmigrate.lab.fabric.host import Host, Space
from winmigrate.lab.fabric.rights import FULL, MASKS, AccessRule, ShareAccess

if TYPE_CHECKING:
    from winmigrate.lab.fabric.directory import Account
    from winmigrate.lab.fabric.world import World


@dataclass(slots=True, eq=False)
class Share:
    """A share of a file server. ``path``: of the folder on the server. ``space``: its files, as every host sees them.

    ``rules``: folder below the share ("" for its root, folded) -> the explicit rules there; ``closed``: the folders
    that inherit nothing.
    """

    name: str
    path: str
    space: Space
    access: list[ShareAccess] = field(default_factory=list)
    rules: dict[str, list[AccessRule]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    owner: str = "BUILTIN\\Administrators"
    continuously_available: bool = False
    encrypt: bool = False
    online: bool = True
    description: str = ""
    caching: str = "Manual"

    def rules_of(self, folder: str) -> list[tuple[AccessRule, bool]]:
        """The rules of a folder below the share with whether each is inherited, in the order in which they count:
        explicit before inherited, from the nearest folder first, denying before allowing.
        """
        found: list[tuple[AccessRule, bool]] = []
        steps = [step for step in fold(folder).strip("\\").split("\\") if step]
        levels = ["", *accumulate(steps, lambda above, step: f"{above}\\{step}")]
        for number, level in enumerate(reversed(levels)):
            for kind in ("Deny", "Allow"):
                found += [(rule, number > 0) for rule in self.rules.get(level, ())
                          if rule.kind == kind and (rule.inherits if number else not rule.inherit_only)]
            if level in self.closed:
                break
        return found


@dataclass(slots=True, eq=False)
class FileServer:
    """Who has shares. ``host``: the machine, which takes a session unless ``nas``; a Hyper-V host may be one too.

    ``dialect``: the highest it speaks, such as 3.1.1. ``signing``: "offered", "required" or "unsupported".
    """

    key: str
    host: Host
    shares: list[Share] = field(default_factory=list)
    nas: str | None = None  # what it is where it runs no Windows
    scale_out: bool = False
    dialect: str = "3.1.1"
    encrypt: bool = False
    signing: str = "offered"
    aliases: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What UNC paths may call it."""
        addresses = (address.ip for address in self.host.addresses)
        return (self.host.name, self.host.fqdn, self.key, *self.aliases, *addresses)

    def named(self, name: str) -> bool:
        return name.lower().rstrip(".") in {one.lower() for one in self.names}

    def settle(self) -> None:
        """Shows the shares that are online while the server answers, and nothing of the others."""
        for share in self.shares:
            share.space.files.online = share.online and self.host.reachable

    def share(self, name: str) -> Share | None:
        return next((one for one in self.shares if one.name.lower() == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Place:
    """A UNC path: its server, its share, and the folder or file below it."""

    server: FileServer
    share: Share
    below: str

    @property
    def local(self) -> str:
        """Where it is on the server."""
        return join(self.share.path, self.below) if self.below else self.share.path


def parts_of(path: str) -> tuple[str, str, str] | None:
    """Server, share and the rest of a UNC path; None for any other."""
    text = path.replace("/", "\\")
    if text[:8].upper() == "\\\\?\\UNC\\":
        text = "\\\\" + text[8:]
    if not text.startswith("\\\\") or text[2:4] in ("?\\", ".\\"):
        return None
    server, _, rest = text[2:].partition("\\")
    share, _, below = rest.partition("\\")
    return (server, share, below.rstrip("\\")) if server and share else None


def server_named(world: World, name: str) -> FileServer | None:
    """The file server that a UNC path calls so."""
    return next((one for one in world.file_servers.values() if one.named(name)), None)


def place_of(world: World, path: str) -> Place | None:
    """Where a UNC path leads; None for a local one, and for a server or share that this fabric has not."""
    parts = parts_of(path)
    server = server_named(world, parts[0]) if parts is not None else None
    share = server.share(parts[1]) if server is not None and parts is not None else None
    return Place(server, share, parts[2]) if server and share and parts else None


def place_on(server: FileServer, path: str) -> Place | None:
    """The shared place of a path on the server itself; of several shares the one deepest down."""
    key = fold(path)
    found = [one for one in server.shares if f"{key}\\".startswith(fold(one.path).rstrip("\\") + "\\")]
    if not found:
        return None
    share = max(found, key=lambda one: len(one.path))
    return Place(server, share, path[len(share.path.rstrip("\\")):].strip("\\"))


# --- rights ----------------------------------------------------------------------------------------------------------

_EVERYBODY = ("everyone", "nt authority\\authenticated users", "nt authority\\network")


def principals(world: World, server: FileServer, one: Account) -> set[str]:
    """The names that rights on that server may be granted to so that this account has them, lower case."""
    from winmigrate.lab.fabric import directory

    names = directory.names_of(world, one) | set(_EVERYBODY) | {one.sid.lower()}
    names |= {group.sid.lower() for group in directory.effective_groups(world, one)}
    if directory.is_one_of(world, one, server.host.administrators):
        names |= {"builtin\\administrators", "administrators"}
    return names


def share_mask(share: Share, names: set[str]) -> int:
    """The rights that the share itself leaves to whoever has these names."""
    allowed = denied = 0
    for entry in share.access:
        if entry.account.lower() in names:
            if entry.kind == "Deny":
                denied |= MASKS["write" if entry.right == "Change" else entry.right]
            else:
                allowed |= MASKS[entry.right]
    return allowed & ~denied


def file_mask(share: Share, below: str, names: set[str]) -> int:
    """The rights that the file system leaves them on a folder or file below the share."""
    allowed = decided = 0
    for rule, _ in share.rules_of(below):
        if rule.account.lower() in names:
            fresh = rule.mask & ~decided
            decided |= fresh
            if rule.kind == "Allow":
                allowed |= fresh
    return allowed


def mask_at(world: World, place: Place, one: Account) -> int:
    """What is left of both."""
    names = principals(world, place.server, one)
    return share_mask(place.share, names) & file_mask(place.share, place.below, names)


def has_all(world: World, place: Place, one: Account) -> bool:
    """Has the account all rights there, as Hyper-V wants them (it sets rights on the files)?"""
    return mask_at(world, place, one) & FULL == FULL


def grant(share: Share, account: str, right: str, kind: str = "Allow") -> None:
    """Gives (or denies) a right on the share; an entry of the same account and kind is replaced."""
    revoke(share, [account], kind)
    share.access.append(ShareAccess(account, right, kind))


def revoke(share: Share, accounts: Iterable[str], kind: str = "Allow") -> None:
    """Takes the entries of these accounts away."""
    gone = {one.lower() for one in accounts}
    share.access = [one for one in share.access if one.kind != kind or one.account.lower() not in gone]


def shares_of(world: World) -> Iterator[tuple[FileServer, Share]]:
    for server in world.file_servers.values():
        for share in server.shares:
            yield server, share
