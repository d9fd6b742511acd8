"""What the bytes of a move pass through on their way from one host to another."""

from __future__ import annotations

from winmigrate.lab.fabric.files import letter_of
from winmigrate.lab.fabric.fluid import Resource
from winmigrate.lab.fabric.layout import Copy
from winmigrate.lab.fabric.world import Host


def network(source: Host, destination: Host) -> list[Resource]:
    """Between the hosts."""
    return [("out", source.key), ("in", destination.key)]


def memory(source: Host, destination: Host) -> list[Resource]:
    """Between the hosts: memory. Where it goes over SMB, the source's SMB limit for live migration counts."""
    over_smb = source.migration.performance == destination.migration.performance == "SMB"
    limited = over_smb and bool({"LiveMigration", "Default"} & source.smb.limits.keys())
    return network(source, destination) + ([("smb-limit", source.key)] if limited else [])


def disk(source: Host, destination: Host, way: Copy) -> list[Resource]:
    """From disk to disk: a file."""
    return network(source, destination) + _storage("read", source, way.source.path) + _storage(
        "write", destination, way.target)


def _storage(verb: str, host: Host, path: str) -> list[Resource]:
    """A volume of the host, or a shared one, which all its hosts' bytes pass; over the network where it is redirected.
    """
    space = host.space(path)
    if space is None:
        letter = letter_of(path)
        return [(verb, host.key, letter)] if letter is not None else []
    through: list[Resource] = [(f"shared-{verb}", space.key)]
    if host.key in space.redirected and space.owner and space.owner != host.key:
        over = [("in", host.key), ("out", space.owner)] if verb == "read" else [("out", host.key), ("in", space.owner)]
        through += over
    return through
