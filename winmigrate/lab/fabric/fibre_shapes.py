"""What a fabric file may say of Fibre Channel: virtual SANs, the machines' adapters, and zones."""

from __future__ import annotations

from winmigrate.lab.fabric.primitives import FREE, either, parsed, table
from winmigrate.marked import Key, Shape, choice, entries, listing, shown, words


def world_wide_name(text: str) -> str:
    """A name of Fibre Channel as Hyper-V writes it: 16 hex digits, upper case. Raises ValueError."""
    digits = text.replace(":", "").replace("-", "").upper()
    if len(digits) != 16 or set(digits) - set("0123456789ABCDEF"):
        raise ValueError(f"{shown(text)} is no world wide name; wanted: 16 hex digits")
    return digits


WWN = parsed("a world wide name", world_wide_name)
#: Also nothing: an adapter that has no such name.
_OPTIONAL: Shape[str] = Shape(lambda marked: "" if marked.text == "" else WWN.read(marked), WWN.schema)

FIBRE_CHANNEL = either("san", FREE, table(
    "a SAN's name, or a mapping such as {san: Production}", san=Key(FREE, True), name=FREE, wwpn_a=_OPTIONAL,
    wwpn_b=_OPTIONAL, wwnn_a=_OPTIONAL, wwnn_b=_OPTIONAL, active=choice("A", "B"),
))

PORT = table("a mapping such as {node: 2000001B32A0F1C2, port: 2100001B32A0F1C2}", node=Key(WWN, True),
             port=Key(WWN, True))

SAN = either("name", FREE, table(
    "a name, or a mapping such as {name: Production, fabric: A}",
    name=Key(FREE, True), note=FREE, fabric=words(), ports=listing(PORT),
))

ZONE = either("members", listing(WWN), table(
    "a list of port names, or a mapping such as {fabric: A, members: [...]}", fabric=words(),
    members=Key(listing(WWN), True),
))
ZONES = entries(ZONE, "a mapping from names of zones to the port names in them, of machines and of storage")
