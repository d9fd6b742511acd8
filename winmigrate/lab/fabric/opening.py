"""Whether VMMS of a host can open a machine's files on a share: it comes as the host's computer account.

A share on the host itself is refused as loopback: there the host comes to itself as SYSTEM, not as that account, and
posts of that setting show access denied.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from winmigrate.lab.fabric import failures, fibre
from winmigrate.lab.fabric.compatibility import Problem
from winmigrate.lab.fabric.directory import account_of
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.identity import Caller, may_copy
from winmigrate.lab.fabric.layout import MoveSettings, lay_out
from winmigrate.lab.fabric.share import has_all, parts_of, place_of, server_named
from winmigrate.lab.fabric.world import VM, Disk, Host, World

_DENIED = "General access denied error"


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a path does not open: Win32's sentence and code. ``slug``: ours."""

    cause: str
    code: int
    slug: str


def closed(world: World, host: Host, path: str) -> Closed | None:
    """Why the host cannot open that file or folder on a share as Hyper-V does; None where it can, and for a path that
    is on no file server of the fabric.
    """
    parts = parts_of(path)
    server = server_named(world, parts[0]) if parts is not None else None
    if server is None:
        return None
    place = place_of(world, path)
    if not server.host.reachable or world.apart(host.key, server.key):
        return Closed("The network path was not found.", 0x80070035, "share-unreachable")
    if place is None or not place.share.online:
        return Closed("The network name cannot be found.", 0x80070043, "share-missing")
    if server.host is host:
        return Closed(_DENIED, failures.ACCESS_DENIED, "share-loopback")
    if server.dialect.startswith("2."):
        # That Hyper-V wants SMB 3 is documented; its words for a server that has not are not.
        return Closed("The request is not supported.", 0x80070032, "share-dialect")
    if server.signing == "unsupported" and host.smb.require_signing:
        return Closed("The cryptographic signature is invalid.", 0xC000A000, "share-signing")
    account = account_of(world, host)
    if account is None or not has_all(world, place, account):
        return Closed(_DENIED, failures.ACCESS_DENIED, "share-denied")
    return None


def at_destination(world: World, vm: VM, source: Host, destination: Host, settings: MoveSettings) -> list[Problem]:
    """What the destination could not open of the machine as it would be there."""
    layout = lay_out(source, vm, settings)
    found: list[Problem] = []
    for item, path in (*((None, path) for path in dict.fromkeys((layout.config, layout.snapshots, layout.paging))),
                       *((disk, layout.target(disk.path)) for disk in vm.disks if disk.path is not None)):
        reason = closed(world, destination, path)
        if reason is not None:
            words = _words(vm, item, path, reason)
            failure = failures.not_opened(vm, destination, words, reason.code, reason.slug)
            found.append(Problem(failure, words, vm if item is None else item))
    return found


def _words(vm: VM, item: Disk | None, path: str, reason: Closed) -> str:
    said = failures.not_registered if item is None else failures.attachment
    return said(vm, path, reason.cause, reason.code)


def may_write(world: World, source: Host, destination: Host, caller: Caller, path: str) -> bool:
    """Can the source write a file of a move there on behalf of the caller: at the destination, or on the file server
    that a UNC path leads to?
    """
    place = place_of(world, path)
    return may_copy(world, source, destination if place is None else place.server.host, caller)


def to_start(world: World, host: Host, vm: VM) -> MigrationFailure | None:
    """Why the machine does not start on its host; None where its files open."""
    for disk, reason in _of_disks(world, host, vm):
        assert disk.path is not None
        return failures.not_started(vm, failures.attachment(vm, disk.path, reason.cause, reason.code), reason.code,
                                    reason.slug)
    config = closed(world, host, vm.config_path)
    if config is None:
        return fibre.start_refusal(world, vm, host)
    words = failures.not_registered(vm, vm.config_path, config.cause, config.code)
    return failures.not_started(vm, words, config.code, config.slug)


def _of_disks(world: World, host: Host, vm: VM) -> Iterator[tuple[Disk, Closed]]:
    for disk in vm.disks:
        reason = closed(world, host, disk.path) if disk.path is not None else None
        if reason is not None:
            yield disk, reason
