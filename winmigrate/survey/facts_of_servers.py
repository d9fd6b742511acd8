"""The facts of a file server: its shares, and who has which right on them and on the folders behind them."""

from __future__ import annotations

from dataclasses import dataclass, field

from winmigrate.facts import Unreadable
from winmigrate.survey.facts_of_hosts import Indexed, path_key
from winmigrate.windows.host import ComputerSystem
from winmigrate.windows.row import NOT_ASKED
from winmigrate.windows.share import AclEntry, LocalMember, ShareAccess, SmbServer, SmbShare


@dataclass(frozen=True, slots=True)
class FileServerFacts(Indexed):
    """All that was read on one file server, by its name in the inventory.

    ``acls``: the entries on share roots and folders of VMs, in the order of their lists. ``unread``: folder (by
    path_key) -> why its rights are not known; a folder that is not there is among them. ``incomplete``: as HostFacts'.
    """

    server: str
    version: str | Unreadable = NOT_ASKED
    computer_system: ComputerSystem | Unreadable = NOT_ASKED
    shares: tuple[SmbShare, ...] | Unreadable = NOT_ASKED
    share_access: tuple[ShareAccess, ...] | Unreadable = NOT_ASKED
    smb_server: SmbServer | Unreadable = NOT_ASKED
    administrators: tuple[LocalMember, ...] | Unreadable = NOT_ASKED
    acls: tuple[AclEntry, ...] | Unreadable = NOT_ASKED
    unread: dict[str, Unreadable] = field(default_factory=dict)
    incomplete: dict[str, str] = field(default_factory=dict)

    def share(self, server: str, name: str) -> SmbShare | Unreadable | None:
        """The share that a UNC path calls ``\\\\\\\\server\\\\name``; of several, that of the role of this name."""
        if isinstance(self.shares, Unreadable):
            return self.shares
        found = [one for one in self.shares if isinstance(one.name, str) and one.name.casefold() == name.casefold()]
        scope = server.partition(".")[0].casefold()
        mine = [one for one in found if isinstance(one.scope_name, str) and one.scope_name.casefold() == scope]
        if mine:
            return mine[0]
        if found:
            # Of a name that stands once there is no other to be mistaken for.
            return next((one.scope_name for one in found if len(found) > 1 and isinstance(one.scope_name, Unreadable)),
                        found[0])
        gap = self.incomplete.get("shares")
        if gap is not None:
            return Unreadable(f"part of it could not be read: {gap}")
        return next((one.name for one in self.shares if isinstance(one.name, Unreadable)), None)

    def access_to(self, wanted: SmbShare) -> tuple[ShareAccess, ...] | Unreadable:
        """The entries of one share."""
        for fact in (self.share_access, wanted.name, wanted.scope_name):
            if isinstance(fact, Unreadable):
                return fact
        assert not isinstance(self.share_access, Unreadable)
        gap = self.incomplete.get("share_access")
        if gap is not None:
            return Unreadable(f"part of it could not be read: {gap}")
        keys = [key for one in self.share_access for key in (one.name, one.scope_name)]
        odd = next((key for key in keys if isinstance(key, Unreadable)), None)
        if odd is not None:
            return odd
        return tuple(
            one
            for one in self.share_access
            if str(one.name).casefold() == str(wanted.name).casefold() and one.scope_name == wanted.scope_name
        )

    def rights_on(self, folder: str) -> tuple[AclEntry, ...] | Unreadable:
        """The entries of one folder, by its path on the server."""
        if isinstance(self.acls, Unreadable):
            return self.acls
        key = path_key(folder)
        if key in self.unread:
            return self.unread[key]
        acls = self.acls

        def by_folder() -> dict[str, list[AclEntry]]:
            found: dict[str, list[AclEntry]] = {}
            for entry in acls:
                found.setdefault(path_key(entry.folder) if isinstance(entry.folder, str) else "", []).append(entry)
            return found

        index = self._keep("acls", by_folder)
        if "" in index:
            return Unreadable(f"{len(index[''])} of the server's entries name no folder")
        found = index.get(key)
        return tuple(found) if found else Unreadable(f"{self.server} said nothing of {folder}")


def unreadable(name: str, reason: Unreadable) -> FileServerFacts:
    """A file server of which nothing is known."""
    return FileServerFacts(name, reason, reason, reason, reason, reason, reason, reason)
