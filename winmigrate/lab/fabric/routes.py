"""What the bytes of a move pass through on their way from one host to another."""

from __future__ import annotations

from winmigrate.lab.fabric.files import letter_of
from winmigrate.lab.fabric.fluid import Resource
from winmigrate.lab.fabric.layout import Copy
from winmigrate.lab.fabric.world import Host


def network(source: Host, destination: Host) -> list[Resource]:
    """Between the hosts: memory."""
    return [("out", source.key), ("in", destination.key)]


def disk(source: Host, destination: Host, way: Copy) -> list[Resource]:
    """From disk to disk: a file."""
    route = network(source, destination)
    origin, target = letter_of(way.source.path), letter_of(way.target)
    if origin is not None:
        route.append(("read", source.key, origin))
    if target is not None:
        route.append(("write", destination.key, target))
    return route
