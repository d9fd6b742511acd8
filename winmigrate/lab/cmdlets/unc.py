"""Paths on file servers, as a session on a host gets at them: the second hop, then the rights there."""

from __future__ import annotations

from typing import Any

from winmigrate.lab.cmdlets.desk import Desk
from winmigrate.lab.engine.effects import Error
from winmigrate.lab.fabric.directory import can_be_delegated
from winmigrate.lab.fabric.identity import FILE_SERVICE, acting, may_act_for, passes_on
from winmigrate.lab.fabric.rights import MASKS
from winmigrate.lab.fabric.share import FileServer, mask_at, parts_of, place_of, server_named


def _server(desk: Desk, path: str) -> FileServer | None:
    parts = parts_of(path)
    return server_named(desk.world, parts[0]) if parts is not None else None


def _comes_as_user(desk: Desk, caller: Any, server: FileServer, *, by_service: bool) -> bool:
    """Does the session, or VMMS in its name (``by_service``), come to the server as somebody? A session without
    credentials of its own needs a delegation to the server's files, and Kerberos unless the service asks for it.
    """
    if server.host is desk.host or passes_on(caller):
        return True
    user = acting(desk.world, desk.host, caller, server.host)
    return (user is not None and can_be_delegated(desk.world, user)
            and (by_service or caller.protocol == "kerberos")
            and may_act_for(desk.world, desk.host, server.host, FILE_SERVICE))


def is_denied(desk: Desk, caller: Any, path: str, *, by_service: bool = False) -> bool:
    """May the session not read there? False for any path that is on no file server of the fabric. Where it may, the
    host is connected to that share for a while.
    """
    server = _server(desk, path)
    if server is None:
        return False
    if not _comes_as_user(desk, caller, server, by_service=by_service):
        return True
    place = place_of(desk.world, path)
    user = acting(desk.world, desk.host, caller, server.host)
    if place is None:
        return False  # not there, which is another error
    if user is None or mask_at(desk.world, place, user) & MASKS["Read"] != MASKS["Read"]:
        return True
    parts = parts_of(path)
    if parts is not None and server.host is not desk.host and not by_service:
        desk.host.smb.touched[parts[0], place.share.name, user.qualified] = desk.world.clock.monotonic()
    return False


def denied(path: str) -> Error:
    """What a file command writes first; that the path does not exist follows (posted for second hops)."""
    return Error("Access is denied", "ItemExistsUnauthorizedAccessError", "PermissionDenied",
                 "System.UnauthorizedAccessException", path)
