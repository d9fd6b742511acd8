"""What requirements of shares stand on: the share a ground is of, its two hosts, and what was read of its server."""

from __future__ import annotations

from dataclasses import dataclass

from winmigrate.checks.frame import Ground, Verdict, known, skipped
from winmigrate.checks.index import HostIndex
from winmigrate.checks.vms import of_candidate
from winmigrate.checks.words import name
from winmigrate.facts import Unreadable
from winmigrate.survey import FileServerFacts
from winmigrate.windows.share import share_of


@dataclass(frozen=True, slots=True)
class Shared:
    """A share of a ground, as UNC paths name it."""

    unc: str
    server: str
    name: str


def no_share(ground: Ground) -> Verdict:
    """For a VM that is on no share; one of whose files nothing is known raises Unread."""
    item = ground.candidate
    of_candidate(ground)
    known(ground.source.chain(item.vm_id), f"the virtual disks of {name(item.vm_name)}")
    return skipped(f"{name(item.vm_name)} has no file on a share: see smb-all-files-unc")


def share_named(unc: str) -> Shared | None:
    """The share that a UNC path is on; None for what is no UNC path."""
    parts = share_of(unc)
    return None if parts is None else Shared(f"\\\\{parts[0]}\\{parts[1]}", *parts)


def server_of(ground: Ground, server: str) -> FileServerFacts:
    """What was read on the server that a UNC path names."""
    what = f"the file server {server}"
    entry = ground.inventory.file_server(server)
    if entry is None:
        needs = f"an entry for {server} under file_servers in the inventory"
        return known(Unreadable("the inventory does not know it", needs), what)
    if entry.vendor is not None:
        reason = f"it is {entry.vendor}, which answers no PowerShell"
        return known(Unreadable(reason, f"somebody who looks on {server}, and accepts it"), what)
    facts = ground.survey.file_servers.get(entry.name)
    return known(Unreadable("nobody asked it") if facts is None else facts, what)


def hosts_of(ground: Ground) -> tuple[HostIndex, HostIndex]:
    """Source and destination."""
    return ground.source, ground.destination
