"""The text of an inventory for hosts that were asked: what was found stands beside it as comments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_PLAIN = re.compile(r"[A-Za-z_][\w.-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class SwitchFound:
    """A switch on a host; ``kind`` External, Internal or Private."""

    name: str
    kind: str = "External"


@dataclass(frozen=True, slots=True)
class VolumeFound:
    """A volume: ``name`` a drive letter with colon or a path; sizes in bytes."""

    name: str
    size: int
    free: int
    label: str = ""
    system: bool = False


@dataclass(frozen=True, slots=True)
class HostFound:
    """What `winmigrate init` learnt of one host. ``problem``: why it could not be asked; the rest is then empty."""

    name: str
    address: str
    version: str = ""
    clusters: tuple[str, ...] = ()
    switches: tuple[SwitchFound, ...] = ()
    volumes: tuple[VolumeFound, ...] = ()
    migration_networks: tuple[str, ...] = ()
    problem: str = ""


def render_inventory(
    found: Sequence[HostFound],
    *,
    timezone: str = "UTC",
    auth: str = "kerberos",
    credential: str = "ticket",
    second_hop: str = "none",
    transport: str = "{kind: psrp, port: 5986, tls: verified}",
) -> str:
    """YAML that :func:`winmigrate.inventory.read_inventory` reads. ``transport`` is a mapping in YAML's flow style."""
    lines = [
        "winmigrate: 1",
        f"timezone: {quoted(timezone)}",
        "",
        "defaults:",
        f"  auth: {quoted(auth)}".ljust(41) + "# kerberos | negotiate | ntlm | credssp | certificate",
        f"  credential: {quoted(credential)}".ljust(41) + "# keyring:NAME | env:NAME | file:PATH | prompt | ticket",
        f"  second_hop: {quoted(second_hop)}".ljust(41) + "# credssp | credential | jea:ENDPOINT | none",
        f"  transport: {transport}",
        "",
        "hosts:",
    ]
    for host in found:
        lines.extend(_host(host))
    clusters: dict[str, list[str]] = {}
    for host in found:
        for cluster in host.clusters:
            clusters.setdefault(cluster, []).append(host.name)
    if clusters:
        lines.extend(["", "clusters:"])
        for name, nodes in clusters.items():
            lines.append(f"  {quoted(name)}: {{address: {quoted(name)}}}".ljust(41) + f"# seen on {_listed(nodes)}")
    lines.extend(_networks(found))
    return "\n".join(lines) + "\n"


def _host(host: HostFound) -> list[str]:
    head = f"  {quoted(host.name)}: {{address: {quoted(host.address)}}}"
    if host.problem:
        return [head, f"    # could not be asked: {_comment(host.problem)}"]
    lines = [head + (f"    # Windows Server {_comment(host.version)}" if host.version else "")]
    for volume in host.volumes:
        label = f" ({_comment(volume.label)})" if volume.label else ""
        system = ", the system's" if volume.system else ""
        sizes = f"{in_units(volume.free)} free of {in_units(volume.size)}"
        head = f"{_comment(volume.name)}{label}".removesuffix(":")
        lines.append(f"    # {head}: {sizes}{system}")
    if host.switches:
        names = ", ".join(f"{_comment(switch.name)} ({_comment(switch.kind)})" for switch in host.switches)
        lines.append(f"    # switches: {names}")
    if host.migration_networks:
        lines.append(f"    # migration networks: {', '.join(_comment(one) for one in host.migration_networks)}")
    return lines


def _networks(found: Sequence[HostFound]) -> list[str]:
    """A line for each switch name; a name that some hosts do not have is left to the reader to map."""
    asked = [host for host in found if not host.problem]
    on: dict[str, list[str]] = {}
    for host in asked:
        for switch in host.switches:
            on.setdefault(switch.name, []).append(host.name)
    if not on:
        return []
    lines = ["", "networks:" if any(name.isprintable() for name in on) else "# networks:"]
    lines.append("  # what a logical network is called on each host")
    for name, hosts in on.items():
        if not name.isprintable():
            lines.append(f"  # {_comment(name)}, on {_listed(hosts)}, has a name that cannot stand in this file")
            continue
        if len(hosts) == len(asked):
            lines.append(f"  {quoted(name)}: {{default: {quoted(name)}}}")
            continue
        lacking = [host.name for host in asked if host.name not in hosts]
        here = ", ".join(f"{quoted(host)}: {quoted(name)}" for host in hosts)
        lines.append(f"  {quoted(name)}: {{{here}}}    # not on {_listed(lacking)}: what is it called there?")
    return lines


def quoted(text: str) -> str:
    """A YAML scalar that reads as this very text, in flow and in block style."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    if re.fullmatch(r"[\w+-]+(?:[:/.][\w+-]+)+", text) and not text[0].isdigit() and text[0] not in "+-":
        return text
    if all(char.isprintable() and char != "\ufeff" for char in text):
        return "'" + text.replace("'", "''") + "'"
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isprintable() and char != "\ufeff":
        return char
    return f"\\U{ord(char):08x}"


def _comment(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _listed(names: Sequence[str]) -> str:
    shown = [_comment(name) for name in names]
    return ", ".join(shown[:5]) + (f" and {len(shown) - 5} more" if len(shown) > 5 else "")


def in_units(size: int) -> str:
    """``1.8 TiB``: bytes for people, three digits."""
    amount = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            return f"{amount:.0f} {unit}" if amount >= 100 or unit == "B" else f"{amount:.3g} {unit}"
        amount /= 1024
    raise AssertionError("not reached")
