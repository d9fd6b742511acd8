"""The nouns of an inventory."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from winmigrate.marked import Place

NOWHERE = Place("", 0, 0)


@dataclass(frozen=True, slots=True)
class CredentialRef:
    """Where a credential is to be had, never the credential. ``str()`` is as written: ``keyring:corp-admin``.

    ``source`` is keyring, env, file, prompt or ticket; ``name`` its name or path (absolute), empty for the last two.
    """

    source: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.source}:{self.name}" if self.name else self.source


@dataclass(frozen=True, slots=True)
class SecondHop:
    """How hop B is passed: credssp, credential, jea (``endpoint`` names it) or none."""

    kind: str
    endpoint: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.endpoint}" if self.endpoint else self.kind


@dataclass(frozen=True, slots=True)
class Transport:
    """``kind`` psrp or winrs; ``scheme`` https or http (then with message encryption, always).

    ``tls`` is verified, pinned or unverified, and none over http; ``ca`` an absolute path of PEM certificates to trust
    instead of the system's; ``pin`` the SHA-256 of the certificate, 64 lower-case hex digits. ``client_certificate``
    and ``client_key`` (it may be in the same file) are absolute paths of PEM, for auth certificate.
    """

    kind: str = "psrp"
    scheme: str = "https"
    port: int = 5986
    tls: str = "verified"
    ca: str | None = None
    pin: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None


@dataclass(frozen=True, slots=True)
class Reserve:
    """What stays free at a destination, in bytes. ``memory`` None: the default. ``disks`` by drive letter: ``E``."""

    memory: int | None = None
    disks: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Moves at once on a host; None: the default, min(host's own limit, 2)."""

    live: int | None = None
    storage: int | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """A Hyper-V host. ``receive`` False: no VM is ever placed there.

    ``kerberos_name`` is what the domain calls it, where ``address`` is something else (an IP address, a tunnel): a
    ticket is for a name.
    """

    name: str
    address: str
    tags: tuple[str, ...] = ()
    auth: str = "kerberos"
    credential: CredentialRef = CredentialRef("ticket")
    second_hop: SecondHop = SecondHop("none")
    transport: Transport = Transport()
    reserve: Reserve = Reserve()
    receive: bool = True
    limits: Limits = Limits()
    kerberos_name: str | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A failover cluster. ``nodes`` None: found by asking it. ``keep_nodes``: nodes that stay up, None: all but one."""

    name: str
    address: str
    nodes: tuple[str, ...] | None = None
    keep_nodes: int | None = None
    place: Place = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class FileServer:
    """An SMB file server that holds files of VMs. ``aliases``: further names that UNC paths call it by.

    ``vendor``: what it is where it runs no Windows; it then takes no session, and is not asked.
    """

    name: str
    address: str
    aliases: tuple[str, ...] = ()
    vendor: str | None = None
    auth: str = "kerberos"
    credential: CredentialRef = CredentialRef("ticket")
    transport: Transport = Transport()
    kerberos_name: str | None = None
    place: Place = field(default=NOWHERE, compare=False)

    def named(self, server: str) -> bool:
        """Is this the server that a UNC path calls ``server``? A short name and a full one are of one machine."""
        known = {
            name.casefold()
            for name in (self.name, self.address, self.kerberos_name, *self.aliases)
            if name is not None
        }
        domains = {name.partition(".")[2] for name in known if "." in name and not _is_address(name)}
        if domains:
            # Where its domain is known, a short name is of that domain and no other.
            known |= {f"{name}.{domain}" for name in known if "." not in name for domain in domains}
            if "." in server:
                return server.casefold().rstrip(".") in known
        return any(same_computer(name, server) for name in known)

    def as_host(self) -> Host:
        """What a session to it is opened to; it passes no hop on."""
        return Host(
            self.name, self.address, auth=self.auth, credential=self.credential, transport=self.transport,
            receive=False, kerberos_name=self.kerberos_name, place=self.place,
        )  # fmt: skip


def same_computer(one: str, other: str) -> bool:
    """Do two names mean one computer, as far as names tell: equal, or one is the other without its domain?"""
    here, there = one.casefold().rstrip("."), other.casefold().rstrip(".")
    if here == there:
        return True
    if _is_address(here) or _is_address(there) or ("." in here) == ("." in there):
        return False
    return here.partition(".")[0] == there.partition(".")[0]


def _is_address(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()


@dataclass(frozen=True, slots=True)
class NetworkMap:
    """A logical network: the name of its switch by host, and on all other hosts (``default``; None: not there)."""

    name: str
    switches: dict[str, str] = field(default_factory=dict)
    default: str | None = None
    place: Place = field(default=NOWHERE, compare=False)

    def switch_on(self, host: str) -> str | None:
        """The switch's name on a host, or None."""
        return self.switches.get(host, self.default)


@dataclass(frozen=True, slots=True)
class Directory:
    """Active Directory, asked over LDAP (``server``) or by the AD cmdlets of a host (``via``).

    Over LDAP always inside TLS: ``ca`` an absolute path of PEM certificates to trust instead of the system's;
    ``credential`` None: the Kerberos ticket cache.
    """

    server: str | None = None
    credential: CredentialRef | None = None
    via: str | None = None
    ca: str | None = None
    port: int = 636


@dataclass(frozen=True, slots=True)
class Lab:
    """The control socket of a lab: ``host:port`` on loopback, and the word that opens it."""

    control: str
    token: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """All of an inventory.yml. Hosts, clusters and networks by name, in the order of the file."""

    file: str
    hosts: dict[str, Host]
    timezone: str = "UTC"
    clusters: dict[str, Cluster] = field(default_factory=dict)
    file_servers: dict[str, FileServer] = field(default_factory=dict)
    networks: dict[str, NetworkMap] = field(default_factory=dict)
    directory: Directory | None = None
    lab: Lab | None = None

    def zone(self) -> dt.tzinfo:
        """The time zone that times without one are meant in."""
        from zoneinfo import ZoneInfo

        return dt.timezone.utc if self.timezone == "UTC" else ZoneInfo(self.timezone)

    def host_names(self) -> tuple[str, ...]:
        """The hosts, and the nodes that clusters name and that have no entry of their own."""
        nodes = [node for cluster in self.clusters.values() for node in cluster.nodes or ()]
        return tuple(dict.fromkeys([*self.hosts, *nodes]))

    def spoken_to(self) -> dict[str, Host]:
        """What sessions are opened to, by name: the hosts, and the file servers that run Windows."""
        servers = {one.name: one.as_host() for one in self.file_servers.values() if one.vendor is None}
        return {**servers, **self.hosts}

    def file_server(self, server: str) -> FileServer | None:
        """The file server that a UNC path calls ``server``; None where no entry says so."""
        return next((one for one in self.file_servers.values() if one.named(server)), None)

    def tagged(self, tag: str) -> tuple[str, ...]:
        """The names of the hosts with a tag."""
        return tuple(name for name, host in self.hosts.items() if tag in host.tags)

    def tags(self) -> tuple[str, ...]:
        """Every tag, once."""
        return tuple(dict.fromkeys(tag for host in self.hosts.values() for tag in host.tags))

    def switch_for(self, source_host: str, switch_name: str, destination_host: str) -> str | None:
        """What the logical network that is ``switch_name`` on the source is called on the destination; None: no map.

        Windows takes switch names without regard to case. No two networks share a switch on a host: reading refuses it.
        """
        for network in self.networks.values():
            here = network.switch_on(source_host)
            if here is not None and here.casefold() == switch_name.casefold():
                return network.switch_on(destination_host)
        return None
