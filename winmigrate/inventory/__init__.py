"""The inventory: hosts, clusters, file servers, networks, and how each is reached. YAML in, typed values out."""

from winmigrate.inventory.reading import inventory_schema, load_inventory, read_inventory
from winmigrate.inventory.render import HostFound, SwitchFound, VolumeFound, render_inventory
from winmigrate.inventory.types import (
    Cluster,
    CredentialRef,
    Directory,
    FileServer,
    Host,
    Inventory,
    Lab,
    Limits,
    NetworkMap,
    Reserve,
    SecondHop,
    Transport,
)

__all__ = [
    "Cluster",
    "CredentialRef",
    "Directory",
    "FileServer",
    "Host",
    "HostFound",
    "Inventory",
    "Lab",
    "Limits",
    "NetworkMap",
    "Reserve",
    "SecondHop",
    "SwitchFound",
    "Transport",
    "VolumeFound",
    "inventory_schema",
    "load_inventory",
    "read_inventory",
    "render_inventory",
]
