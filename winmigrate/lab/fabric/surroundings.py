"""What a host is in beside Hyper-V: its firewall, the names it finds, its updates, what policies and scanners do to it.

A healthy host is patched as the others of its version are, blocks no port, finds every name, and is touched by no
policy. All of it may be said in the fabric file.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from winmigrate.lab.fabric.primitives import FREE, NUMBER, RATE, either, table
from winmigrate.marked import Shape, choice, entries, listing, one_or_more, truth, whole, words

if TYPE_CHECKING:
    from winmigrate.lab.fabric.world import Host, World

MIGRATION, SMB, WINRM = 6600, 445, 5985
#: The rights that policies of a fabric can set.
RIGHTS = ("SeServiceLogonRight", "SeCreateSymbolicLinkPrivilege")

#: The update build revision of each version's lab hosts: of some month of 2025; none on 2012, which has no such value.
UPDATES = {"2012R2": 22620, "2016": 8246, "2019": 7558, "2022": 3932, "2025": 4652}


@dataclass(slots=True, eq=False)
class Antivirus:
    """Defender. ``automatic``: Windows leaves out what its roles have."""

    automatic: bool = True
    realtime: bool = True
    paths: list[str] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Surroundings:
    """``dns``: what the host finds for a name (folded): addresses, none for a name that it does not find; names that
    are not there it finds as they are. ``user_rights``: right -> accounts, of those that a policy sets.
    ``registry_pol``: None where no policy sets anything, else whether the file is intact. ``antivirus`` None: not
    there. ``computer_name``: as the registry has it, None for upper case. ``link_speeds``: alias -> bits a second.
    """

    blocked_ports: frozenset[int] = frozenset()
    dns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    update: int | None = None
    microcode: str = "00000000EA000000"
    speculation: int | None = None
    computer_name: str | None = None
    user_rights: dict[str, tuple[str, ...]] = field(default_factory=dict)
    registry_pol: bool | None = None
    antivirus: Antivirus | None = field(default_factory=Antivirus)
    modules: tuple[str, ...] = ()
    link_speeds: dict[str, int] = field(default_factory=dict)


# --- what may stand in a fabric file ---------------------------------------------------------------------------------


def _is_address(text: str) -> str | None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return f"{text} is no address"
    return None


_ADDRESSES: Shape[tuple[str, ...]] = Shape(
    lambda marked: () if marked.value is None else one_or_more(words("an address", _is_address), "addresses").read(
        marked),
    {"anyOf": [{"type": "null"}, one_or_more(words("an address"), "addresses").schema]})

_MICROCODE = words("16 hexadecimal digits", lambda text: None if len(text) == 16 and not set(
    text.lower()) - set("0123456789abcdef") else f"{text} is not 16 hexadecimal digits")

_ANTIVIRUS = either("present", truth(), table(
    "false, or a mapping such as {automatic: false, processes: [vmms.exe]}",
    present=truth(), automatic=truth(), realtime=truth(), paths=listing(FREE), processes=listing(FREE),
))

#: Keys of a host.
OF_A_HOST: dict[str, Shape[Any]] = {
    "blocked_ports": listing(whole(1, 65535)),
    "dns": entries(_ADDRESSES, "a mapping from names to addresses (nothing: the name is not found)"),
    "update": NUMBER, "microcode": _MICROCODE, "speculation": NUMBER, "computer_name": words(),
    "user_rights": entries(listing(FREE), f"a mapping from rights ({', '.join(RIGHTS)}) to accounts",
                           lambda key: None if key in RIGHTS else f"wanted: one of {', '.join(RIGHTS)}"),
    "registry_pol": choice("intact", "corrupt"), "antivirus": _ANTIVIRUS, "hyperv_modules": listing(words()),
    "link_speeds": entries(RATE, "a mapping from interfaces to rates"),
}


def surroundings_of(given: Mapping[str, Any], version: str) -> Surroundings:
    """What a host of a fabric file is in."""
    made = Surroundings(
        blocked_ports=frozenset(given["blocked_ports"] or ()),
        dns={name.lower().rstrip("."): found for name, found in (given["dns"] or {}).items()},
        update=UPDATES.get(version) if given["update"] is None else given["update"],
        speculation=given["speculation"], computer_name=given["computer_name"],
        user_rights=dict(given["user_rights"] or {}),
        registry_pol=None if given["registry_pol"] is None else given["registry_pol"] == "intact",
        link_speeds={alias.lower(): round(rate * 8) for alias, rate in (given["link_speeds"] or {}).items()},
    )
    if given["microcode"] is not None:
        made.microcode = given["microcode"]
    # Hosts of 2016 and later have both, for they drive older hosts too.
    both = ("1.1", "2.0.0.0")
    usual = {"2012": ("1.0",), "2012R2": ("1.1",)}.get(version, both)
    made.modules = usual if given["hyperv_modules"] is None else given["hyperv_modules"]
    one = given["antivirus"]
    if one is not None:
        made.antivirus = None if one.get("present") is False else Antivirus(
            one.get("automatic") is not False, one.get("realtime") is not False, list(one.get("paths") or ()),
            list(one.get("processes") or ()))
    return made


# --- what follows from it --------------------------------------------------------------------------------------------


def listens(host: Host, port: int) -> bool:
    """Does something on the host take connections on that port?"""

    def runs(service: str) -> bool:
        found = host.services.get(service)
        return found is None or found.state == "Running"

    if port == MIGRATION:
        return host.migration.enabled and host.migration.listening and runs("vmms")
    if port == SMB:
        return runs("LanmanServer")
    return port == WINRM and runs("WinRM")


def keeps_out(source: Host, destination: Host, port: int) -> bool:
    """Is nothing let in there, whatever the network does (which comes back)?"""
    if source is destination:
        return False
    return port in destination.surroundings.blocked_ports or not listens(destination, port)


def answer(world: World, source: Host, destination: Host, port: int) -> str:
    """What a connection from one host to another meets: "open", "refused" at once, or "silent" until it gives up."""
    if source is not destination:
        if not destination.reachable or world.apart(source.key, destination.key):
            return "silent"
        if port in destination.surroundings.blocked_ports:
            return "silent"
    return "open" if listens(destination, port) else "refused"


def addresses(world: World, host: Host, name: str) -> tuple[str, ...]:
    """What a host finds for a name or an address; none for a name that it does not find."""
    folded = name.lower().rstrip(".")
    if folded in host.surroundings.dns:
        return host.surroundings.dns[folded]
    if _is_address(folded) is None:
        return (folded,)
    found = world.host(folded)
    if found is None:
        found = next((one.host for one in world.file_servers.values()
                      if folded in (one.host.name.lower(), one.host.fqdn.lower())), None)
    return tuple(one.ip for one in found.addresses) if found is not None else ()


def behind(world: World, host: Host, name: str) -> Host | None:
    """The host that another meets under a name or an address; None where nobody is there."""
    found = addresses(world, host, name)
    if not found:
        return None
    if name.lower().rstrip(".") in host.surroundings.dns or _is_address(name) is None:
        return next((one for one in world.hosts.values() if any(own.ip in found for own in one.addresses)), None)
    return world.host(name)
