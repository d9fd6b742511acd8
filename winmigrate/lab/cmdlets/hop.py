"""The hosts that a call works on: the one it was made on, or others by -ComputerName, as the session may reach them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from winmigrate.lab.cmdlets.desk import Desk, each, refusal
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Error
from winmigrate.lab.fabric import failures, surroundings
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.identity import hop_b
from winmigrate.lab.fabric.world import Host


def error_of(desk: Desk, failure: MigrationFailure, target: Any = None) -> Error:
    """The error that a Hyper-V cmdlet writes for a refusal or failure."""
    exception = failure.exception
    if not desk.modern:
        exception = "Microsoft.HyperV.PowerShell.VirtualizationOperationFailedException"
    return Error(failure.message, failure.error_id, failure.category, exception, target, failure.hresult)


def credential_of(value: Any) -> tuple[str, str] | None:
    """User name and password of a -Credential; None for none, and for PSCredential.Empty."""
    if not isinstance(value, net.PSCredential) or not value.username:
        return None
    return value.username, value.password.text


def _is_local(name: str, host: Host) -> bool:
    folded = name.lower().rstrip(".")
    if folded in (".", "localhost", "127.0.0.1", "::1", host.name.lower(), host.fqdn.lower(), host.key.lower()):
        return True
    return any(address.ip == folded for address in host.addresses)


def reach(desk: Desk, caller: Any, name: str, credential: tuple[str, str] | None = None) -> Desk | Error:
    """The desk at another host, or why this session does not get there."""
    if _is_local(name, desk.host) and credential is None:
        return local(desk, caller)
    host = surroundings.behind(desk.world, desk.host, name)
    if host is None and surroundings.addresses(desk.world, desk.host, name):
        return error_of(desk, failures.unreachable(name), name)
    if host is None:
        return error_of(desk, failures.unknown_host(name), name)
    try:
        hop_b(desk.world, desk.host, host, caller, credential)
    except MigrationFailure as failure:
        return error_of(desk, failure)
    return _ready(desk, Desk(desk.world, host))


def local(desk: Desk, caller: Any) -> Desk | Error:
    """This desk, if the session may manage Hyper-V here."""
    try:
        hop_b(desk.world, desk.host, desk.host, caller)
    except MigrationFailure as failure:
        return error_of(desk, failure)
    return _ready(desk, desk)


def desks(desk: Desk, call: Call) -> Iterator[Desk | Error]:
    """The hosts of -ComputerName and -Credential, in order; this one where none is named."""
    names = each(call.get("ComputerName"))
    if not names:
        yield local(desk, call.context)
        return
    credentials = [credential_of(item) for item in each(call.get("Credential"))]
    for number, name in enumerate(names):
        # One credential serves all computers; several are taken in turn.
        given = credentials[number % len(credentials)] if credentials else None
        yield reach(desk, call.context, str(name), given)


def _ready(asking: Desk, there: Desk) -> Desk | Error:
    service = there.host.services.get("vmms")
    if service is None or service.state == "Running":
        return there
    return refusal(asking, "ObjectNotFound", "Hyper-V encountered an error trying to access an object on computer "
                   f"'{there.host.name}' because the object was not found. The object might have been deleted. Verify "
                   "that the Virtual Machine Management service on the computer is running.")


def has_hyperv(host: Host) -> bool:
    """Are the Hyper-V cmdlets there? A fabric that names no features has them."""
    feature = host.features.get("Hyper-V-PowerShell")
    return feature is None or feature.install_state == "Installed"
