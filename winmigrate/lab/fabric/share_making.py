"""The file servers of a fabric file, and the shares of its Hyper-V hosts.

A share with nothing said of its rights has those that Hyper-V needs: all of them for the administrators of the server
and the domain, and for the account of every host, on the share and in the file system.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from winmigrate.errors import Fault, did_you_mean
from winmigrate.facts.versions import BUILDS, at_least
from winmigrate.lab.fabric import directory, enrolling
from winmigrate.lab.fabric.files import FileEntry, join, letter_of
from winmigrate.lab.fabric.host import Address, Feature, Host, Service, Space, Volume
from winmigrate.lab.fabric.machine import GIB
from winmigrate.lab.fabric.rights import FULL, AccessRule, ShareAccess
from winmigrate.lab.fabric.share import FileServer, Share
from winmigrate.lab.fabric.share_shapes import relative
from winmigrate.lab.fabric.world import World
from winmigrate.marked import Marked, Misfit, shown

_SIZE = 4096 * GIB
#: Who is on every machine, and so in no directory.
BUILTIN = ("Everyone", "NT AUTHORITY\\Authenticated Users", "NT AUTHORITY\\NETWORK", "NT AUTHORITY\\SYSTEM",
           "BUILTIN\\Administrators", "BUILTIN\\Users", "CREATOR OWNER", "Administrators")
_DIALECTS = {"2012": "3.0", "2012R2": "3.0.2"}


def dialect_of(version: str) -> str:
    """The highest SMB dialect that a Windows version speaks."""
    return _DIALECTS.get(version, "3.1.1")


def populate(world: World, found: Mapping[str, Any]) -> list[Fault]:
    """Makes the servers and shares, and shows them to all hosts; done before any machine stands on them."""
    faults: list[Fault] = []
    for key, given in found["hosts"].items():
        host = world.hosts.get(key)
        if host is None:
            continue
        _client(host, given["smb"])
        if given["shares"]:
            server = FileServer(key, host, dialect=dialect_of(host.version))
            faults.extend(_shares(world, server, given["shares"]))
            world.file_servers[key] = server
    for number, (key, given) in enumerate((found["file_servers"] or {}).items()):
        try:
            server = _server(world, key, given, number)
        except Misfit as misfit:
            faults.extend(misfit.faults)
            continue
        faults.extend(_shares(world, server, given["shares"] or []))
        world.file_servers[key] = server
    for server in world.file_servers.values():
        for share in server.shares:
            for host in world.hosts.values():
                host.attach(share.space)
            if server.host.key not in world.hosts:
                server.host.attach(share.space)
            server.host.files.mount(share.path, share.space.files, share.space.root)
        server.settle()
    return faults


def _client(host: Host, given: Mapping[str, Any] | None) -> None:
    """A host's SMB client; 2025 requires signing by default (Microsoft's list of SMB features of that version)."""
    host.smb.require_signing = at_least(host.version, "2025")
    if given is None:
        return
    for field in ("require_signing", "require_encryption"):
        if given[field] is not None:
            setattr(host.smb, field, given[field])
    host.smb.rdma = set(given["rdma"] or ())
    host.smb.limits = {name: int(rate) for name, rate in (given["limits"] or {}).items()}
    if host.smb.limits:
        host.features["FS-SMBBW"] = Feature("FS-SMBBW", "Installed", "SMB Bandwidth Limit")


def _server(world: World, key: str, given: Mapping[str, Any], number: int) -> FileServer:
    at: Marked = given["_at"]
    if key in world.hosts:
        raise Misfit(at.fault(f"{shown(key)} is a host of this fabric: its shares stand there"))
    nas = given["vendor"] or ("NAS" if given["kind"] == "nas" else None)
    version = given["version"] or "2022"
    name = (given["name"] or key).upper()
    domain = enrolling.domain_for(world, given, world.domain)
    in_domain = not given["workgroup"]
    host = Host(
        key=key, name=name, fqdn=given["fqdn"] or (f"{name.lower()}.{domain.name}" if in_domain else name.lower()),
        version=version, build=BUILDS[version], domain=domain.name if in_domain else "WORKGROUP", in_domain=in_domain,
        caption=f"Microsoft Windows Server {version.replace('R2', ' R2')} Datacenter" if nas is None else nas,
        boot_time=world.clock.date(0.0) - dt.timedelta(days=30), memory=32 * GIB)
    host.addresses = [Address(ip, prefix, "Management" if index == 0 else f"Network {index + 1}",
                              "IPv6" if ":" in ip else "IPv4")
                      for index, (ip, prefix) in enumerate(given["addresses"] or [(f"10.0.1.{10 + number}", 24)])]
    host.reachable = given["reachable"] is not False
    host.credssp_enabled = bool(given["credssp"])
    for name_, title in (("LanmanServer", "Server"), ("WinRM", "Windows Remote Management (WS-Management)")):
        host.services[name_] = Service(name_, "Running", "Auto", title)
    host.services["vmms"] = Service("vmms", "Stopped", "Manual", "Hyper-V Virtual Machine Management")
    for feature in ("Hyper-V", "Hyper-V-PowerShell"):
        host.features[feature] = Feature(feature, "Available")
    host.features["FS-FileServer"] = Feature("FS-FileServer", "Installed", "File Server")
    host.volumes = {"C": Volume("C", 200 * GIB, 60 * GIB)}
    for field in ("administrators", "remote_management_users"):
        getattr(host, field).update(given[field] or ())
    host.smb.require_signing = at_least(version, "2025")
    enrolling.enrol(world, host, 500 + number, hyperv=False)
    return FileServer(key, host, nas=nas, scale_out=bool(given["scale_out"]),
                      dialect=given["dialect"] or dialect_of(version), encrypt=bool(given["encrypt"]),
                      signing=given["signing"] or "offered", aliases=tuple(given["aliases"] or ()))


def _shares(world: World, server: FileServer, many: list[dict[str, Any]]) -> list[Fault]:
    faults: list[Fault] = []
    for given in many:
        at: Marked = given["_at"]
        try:
            if server.share(given["name"]) is not None:
                raise Misfit(at.fault(f"two shares of the name {shown(given['name'])}"))
            server.shares.append(_share(world, server, given))
        except Misfit as misfit:
            faults.extend(misfit.faults)
    return faults


def _share(world: World, server: FileServer, given: Mapping[str, Any]) -> Share:
    at: Marked = given["_at"]
    name = given["name"]
    path = given["path"] or f"D:\\Shares\\{name}"
    letter = letter_of(path)
    if letter is None:
        raise Misfit((at.child("path") or at).fault("wanted: a path on the server itself, such as D:\\Shares\\VMs"))
    volume = Volume("", given["size"] or _SIZE, given["used"] or 0)
    for field, key in (("read_rate", "read"), ("write_rate", "write")):
        if given[key] is not None:
            setattr(volume, field, given[key])
    _disk(server.host, letter, volume)
    root = f"\\\\{server.host.name.lower()}\\{name}"
    spelled = dict.fromkeys(f"\\\\{one.lower()}\\{name}" for one in server.names)
    space = Space(f"share/{server.key}/{name}", root, volume, aliases=tuple(one for one in spelled if one != root))
    space.files.make_folder(root)
    for below, size in (given["files"] or {}).items():
        space.files.add(FileEntry(join(root, below), size, "iso" if below.lower().endswith(".iso") else "file"))
    ca = given["continuously_available"]
    return Share(name, path, space, list(_access(given["access"])), *_rules(at, given["ntfs"]),
                 given["owner"] or "BUILTIN\\Administrators", server.scale_out if ca is None else ca,
                 bool(given["encrypt"]), given["online"] is not False, given["description"] or "",
                 given["caching"] or ("None" if server.scale_out else "Manual"))


def _disk(host: Host, letter: str, volume: Volume) -> None:
    """The server's volume holds all that is shared from it."""
    held = host.volumes.setdefault(letter, Volume(letter, 0, 0, label="Data"))
    if held.label == "Data" and letter != "C":
        held.size += volume.size
        held.other += volume.other


def _access(given: Mapping[str, Mapping[str, Any]] | None) -> Iterator[ShareAccess]:
    for account, one in (given or {}).items():
        yield ShareAccess(account, one["right"], one.get("kind") or "Allow")


def _rules(at: Marked, given: Mapping[str, Mapping[str, Any]] | None) -> tuple[dict[str, list[AccessRule]], set[str]]:
    rules: dict[str, list[AccessRule]] = {}
    closed: set[str] = set()
    for folder, one in (given or {}).items():
        key = relative(one["_at"], folder)
        rules[key] = [AccessRule(account, rule["right"], rule.get("kind") or "Allow", rule.get("inherits") is not False)
                      for account, rule in (one["rules"] or {}).items()]
        if one["inherit"] is False:
            closed.add(key)
    return rules, closed


# --- rights, once all accounts are there -----------------------------------------------------------------------------


def settle(world: World, found: Mapping[str, Any]) -> list[Fault]:
    """Gives shares their rights where the file says nothing, and finds the accounts that nobody knows."""
    faults: list[Fault] = []
    given = {key: one["shares"] for key, one in (*found["hosts"].items(), *(found["file_servers"] or {}).items())}
    for server in world.file_servers.values():
        for one in given[server.key] or []:
            share = server.share(one["name"])
            if share is None:
                continue  # its own fault is told already
            if one["access"] is None:
                share.access = [ShareAccess(one) for one in ("BUILTIN\\Administrators", *_needed(world, server))]
            if one["ntfs"] is None:
                share.rules[""] = [AccessRule(account) for account in _needed(world, server)]
            if "" not in share.closed:
                share.rules.setdefault("", []).extend([
                    AccessRule("NT AUTHORITY\\SYSTEM"), AccessRule("BUILTIN\\Administrators"),
                    AccessRule("CREATOR OWNER", 0x10000000, inherit_only=True)])
            faults.extend(_unknown(world, server, one))
    return faults


def _needed(world: World, server: FileServer) -> list[str]:
    """Who must have all rights: the domain's administrators and every host."""
    domain = world.domain_of(server.host)
    found = [f"{domain.netbios}\\Domain Admins"] if domain is not None else []
    accounts = (directory.account_of(world, host) for host in world.hosts.values())
    return found + [one.qualified for one in accounts if one is not None]


def _unknown(world: World, server: FileServer, given: Mapping[str, Any]) -> list[Fault]:
    at: Marked = given["_at"]
    named: list[tuple[Marked, str]] = [(one["_at"], account) for account, one in (given["access"] or {}).items()]
    for folder in (given["ntfs"] or {}).values():
        named += [(one["_at"], account) for account, one in (folder["rules"] or {}).items()]
    known = [*(one.qualified for one in directory.everybody(world)), *BUILTIN]
    faults = []
    for place, account in named:
        if account.upper().startswith("S-1-") or account.lower() in {one.lower() for one in known}:
            continue
        if account.partition("\\")[0].lower() != server.host.name.lower():  # its own accounts are not in the fabric
            words = f"no account {shown(account)} in this fabric{did_you_mean(account, known)}"
            faults.append((place or at).fault(words))
    return faults


__all__ = ["BUILTIN", "FULL", "dialect_of", "populate", "settle"]
