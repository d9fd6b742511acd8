"""Requirements of the ways between two hosts: names, ports, listeners, the speed of the link."""

from __future__ import annotations

from winmigrate.checks.finding import Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, skipped, surely, unknown
from winmigrate.checks.index import HostIndex
from winmigrate.checks.networks import _address, _subnets
from winmigrate.checks.words import administrator, by_hand, powershell, quoted, several
from winmigrate.facts import Unreadable
from winmigrate.survey.nouns import NameAsked, PortProbe
from winmigrate.windows import ports
from winmigrate.windows.ports import NetAdapter

_TROUBLE = "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/troubleshoot-live-migration-issues"
_SET_UP = (
    "https://learn.microsoft.com/windows-server/virtualization/hyper-v/deploy/"
    "set-up-hosts-for-live-migration-without-failover-clustering"
)
_KINDS = ("shared-smb", "shared-nothing")
_NETWORK = "whoever looks after the network"
_GIGABIT = 10**9


# --- names -----------------------------------------------------------------------------------------------------------


@requirement(
    "dns-forward-both",
    "Each host finds the other by the name that the other's account has",
    Severity.BLOCKS,
    Scope.PAIR,
    read_by="Resolve-DnsName, on the source of the destination's name and the other way; Get-NetIPAddress of both",
    mend="Register-DnsClient on the host that is not found; the stale record deleted; Clear-DnsClientCache",
    page=_TROUBLE,
)
def dns_forward_both(ground: Ground) -> Verdict:
    source, destination, pair = ground.source, ground.destination, ground.pair
    wrong = _misled(source, destination, pair.name_there) or _misled(destination, source, pair.name_back)
    if wrong is not None:
        return wrong
    return passed(
        f"{source.name} finds {pair.name_there.name} at {several(_found(source, pair.name_there))}, "
        f"{destination.name} finds {pair.name_back.name} at {several(_found(destination, pair.name_back))}"
    )


def _found(host: HostIndex, asked: NameAsked) -> tuple[str, ...]:
    return known(asked.addresses, f"what {host.name} finds for the other's name")


def _misled(host: HostIndex, other: HostIndex, asked: NameAsked) -> Verdict | None:
    found = _found(host, asked)
    register = powershell(
        f"on {other.name}: Register-DnsClient; then on {host.name}: Clear-DnsClientCache",
        f"administrator on {other.name} and {host.name}",
        "as soon as the record has reached the server that is asked",
    )
    if not found:
        return failed(f"{host.name} finds no {asked.name}", wanted=f"an address of {other.name}", remedy=register)
    what = f"the addresses of {other.name}"
    rows = known(other.facts.addresses, what)
    own = {known(row.ip_address, what).partition("%")[0].casefold() for row in rows}
    strange = [address for address in found if address.partition("%")[0].casefold() not in own]
    if not strange:
        return None
    surely(other, "addresses", what)
    some = len(strange) < len(found)
    return failed(
        f"{host.name} finds {asked.name} at {several(found)}; {several(strange)} is no address of {other.name}, "
        f"which has {several(_plain(own))}",
        wanted=f"addresses of {other.name} alone",
        remedy=by_hand(
            f"delete the record {several(strange)} of {asked.name} (in DNS, or in the hosts file of {host.name}), then "
            f"Clear-DnsClientCache on {host.name}",
            "whoever looks after DNS",
            "as soon as no cache holds it",
        ),
        severity=Severity.RISKS if some else None,
    )


def _plain(addresses: set[str]) -> list[str]:
    """Those that tell hosts apart."""
    return sorted(item for item in addresses if not item.startswith(("127.", "fe80:")) and item != "::1")


# --- ports -----------------------------------------------------------------------------------------------------------


@requirement(
    "listener-6600",
    "VMMS listens for migrations on TCP 6600",
    Severity.BLOCKS,
    Scope.HOST,
    kinds=_KINDS,
    read_by="Get-NetTCPConnection: LocalPort 6600, State Listen",
    mend="Enable-VMMigration; Restart-Service -Name vmms; look for a policy that forbids it (Registry.pol)",
    page=_TROUBLE,
)
def listener_6600(ground: Ground) -> Verdict:
    host = ground.source
    what = f"what {host.name} listens on"
    listening = [
        known(row.local_address, what)
        for row in known(host.facts.listeners, what)
        if known(row.local_port, what) == ports.MIGRATION and known(row.state, what) in ("Listen", "2")
    ]
    if listening:
        return passed(f"{host.name} listens on {several(_at(address, ports.MIGRATION) for address in listening)}")
    surely(host, "listeners", what)
    return failed(
        f"nothing on {host.name} listens on TCP 6600",
        wanted="VMMS listening on TCP 6600",
        remedy=powershell("Enable-VMMigration; Restart-Service -Name vmms", administrator(host.name)),
        # It is the destination that listens; the way back needs the source to.
        severity=None if ground.is_destination else Severity.RISKS,
    )


def _at(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _probes(ground: Ground, port: int) -> list[PortProbe]:
    return [probe for probe in ground.pair.ports if probe.port == port]


def _tried(ground: Ground, probe: PortProbe) -> bool:
    return known(
        probe.reached,
        f"whether {ground.source.name} reaches {_at(probe.address, probe.port)} of {ground.destination.name}",
    )


def _to_one_port(ground: Ground, port: int, group: str, wanted: str) -> Verdict:
    """The verdict on a port that the destination's name is tried at."""
    source, destination = ground.source, ground.destination
    probes = _probes(ground, port)
    if not probes:
        return unknown(
            f"it was not tried whether {source.name} reaches port {port} of {destination.name}",
            needs=f"a connection to {source.name}",
        )
    probe = probes[0]
    if _tried(ground, probe):
        return passed(f"{source.name} reaches {_at(probe.address, port)}")
    said = f": {probe.said}" if probe.said else ""
    return failed(
        f"{source.name} does not reach {_at(probe.address, port)}{said}",
        wanted=wanted,
        remedy=powershell(
            f"on {destination.name}: Enable-NetFirewallRule -DisplayGroup {quoted(group)}",
            f"administrator on {destination.name}; {_NETWORK}, if a firewall stands between",
        ),
    )


@requirement(
    "port-6600-reachable",
    "The source reaches TCP 6600 of the destination",
    Severity.BLOCKS,
    Scope.PAIR,
    kinds=_KINDS,
    read_by="Test-NetConnection on the source, to each address that the destination takes migrations on",
    mend="Enable-NetFirewallRule -DisplayGroup Hyper-V on the destination; TCP 6600 opened between the hosts",
    page=_TROUBLE,
)
def port_6600_reachable(ground: Ground) -> Verdict:
    source, destination = ground.source, ground.destination
    listening = known(destination.facts.listener_addresses, f"the addresses {destination.name} takes migrations on")
    if not listening:
        return skipped(f"{destination.name} takes migrations on no address: see migration-listener-addresses")
    probes = _probes(ground, ports.MIGRATION)
    if not probes:
        return unknown(
            f"it was not tried whether {source.name} reaches port 6600 of {destination.name}",
            needs=f"a connection to {source.name}",
        )
    open_ = [probe for probe in probes if _tried(ground, probe)]
    shut = [probe for probe in probes if probe not in open_]
    if not shut:
        return passed(f"{source.name} reaches {several(_at(probe.address, probe.port) for probe in open_)}")
    remedy = powershell(
        f"on {destination.name}: Enable-NetFirewallRule -DisplayGroup 'Hyper-V'",
        f"administrator on {destination.name}; {_NETWORK}, if a firewall stands between",
    )
    evidence = f"{source.name} does not reach {several(_at(probe.address, probe.port) for probe in shut)}"
    if open_:
        evidence += f", but {several(_at(probe.address, probe.port) for probe in open_)}"
    return failed(
        f"{evidence} of {destination.name}",
        wanted="every address that it takes migrations on",
        remedy=remedy,
        severity=Severity.RISKS if open_ else None,
    )


@requirement(
    "port-445-reachable",
    "The source reaches TCP 445 of the destination, where files and memory over SMB go",
    Severity.BLOCKS,
    Scope.PAIR,
    read_by="Test-NetConnection on the source, to the destination's name",
    mend="Enable-NetFirewallRule -DisplayGroup 'File and Printer Sharing' on the destination",
    page=_SET_UP,
)
def port_445_reachable(ground: Ground) -> Verdict:
    if ground.kind != "shared-nothing":
        options = [_option(host) for host in (ground.source, ground.destination)]
        if options != ["SMB", "SMB"]:
            return skipped("no file is copied, and memory does not go over SMB")
    return _to_one_port(ground, ports.SMB, "File and Printer Sharing", "TCP 445 open, for files are copied over SMB")


def _option(host: HostIndex) -> str:
    what = f"the performance option of {host.name}"
    if host.facts.version == "2012":
        return "TCPIP"
    return known(known(host.facts.vm_host, what).virtual_machine_migration_performance_option, what)


@requirement(
    "port-winrm-reachable",
    "The source reaches WinRM of the destination, which Move-VM reads its settings through",
    Severity.BLOCKS,
    Scope.PAIR,
    kinds=_KINDS,
    since="2016",
    read_by="Test-WSMan on the source, to the destination's name",
    mend="Enable-NetFirewallRule -DisplayGroup 'Windows Remote Management' on the destination; Enable-PSRemoting",
    page="https://learn.microsoft.com/troubleshoot/windows-server/virtualization/"
    "hyper-v-virtual-machine-live-migration",
)
def port_winrm_reachable(ground: Ground) -> Verdict:
    return _to_one_port(ground, ports.WINRM, "Windows Remote Management", "an answer of WinRM")


# --- speed -----------------------------------------------------------------------------------------------------------


@requirement(
    "migration-link-speed",
    "Migrations go over a link of 1 Gbit/s at least",
    Severity.INFORMS,
    Scope.HOST,
    read_by="Get-NetAdapter -Physical: Speed, Status; Get-VMMigrationNetwork, Get-NetIPAddress, Get-VMSwitch",
    mend="move the migration network to a faster adapter",
    page="https://learn.microsoft.com/windows-server/virtualization/hyper-v/best-practices-analyzer/"
    "at-least-one-network-for-live-migration-traffic-should-have-a-link-speed-at-least",
)
def migration_link_speed(ground: Ground) -> Verdict:
    host = ground.source
    what = f"the network adapters of {host.name}"
    up = [row for row in known(host.facts.net_adapters, what) if known(row.status, what) == "Up"]
    if not up:
        surely(host, "net_adapters", what)
        return unknown(f"{host.name} named no physical adapter that is up")
    mine = _carrying(host, up) or up
    fastest = max(mine, key=lambda row: known(row.speed, what) or 0)
    shown = several(f"{known(row.name, what)} {_rate(known(row.speed, what) or 0)}" for row in mine)
    if (known(fastest.speed, what) or 0) >= _GIGABIT:
        return passed(f"{host.name}: {shown}")
    surely(host, "net_adapters", what)
    return failed(
        f"migrations of {host.name} go over {shown}",
        wanted="1 Gbit/s at least",
        remedy=by_hand(
            "put the migration network on a faster adapter, and see that its cable and the port of the switch are "
            "meant for more",
            _NETWORK,
        ),
    )


def _carrying(host: HostIndex, up: list[NetAdapter]) -> list[NetAdapter]:
    """The adapters with an address in a migration network, by their own name or that of the switch they belong to."""
    what = f"the migration networks of {host.name}"
    if known(known(host.facts.vm_host, what).use_any_network_for_migration, what):
        return up
    wanted = {known(row.subnet, what) for row in known(host.facts.migration_networks, what)}
    nets = [net for net in _subnets(host) if str(net) in wanted or str(net.network_address) in wanted]
    aliases = set()
    for row in known(host.facts.addresses, what):
        address = _address(known(row.ip_address, what))
        if address is not None and any(address in net for net in nets) and isinstance(row.interface_alias, str):
            aliases.add(row.interface_alias.casefold())
    switches = () if isinstance(host.facts.switches, Unreadable) else host.facts.switches
    described = {
        switch.net_adapter_interface_description
        for switch in switches
        if isinstance(switch.name, str) and f"vethernet ({switch.name.casefold()})" in aliases
    }
    return [
        row
        for row in up
        if (isinstance(row.name, str) and row.name.casefold() in aliases)
        or (isinstance(row.interface_description, str) and row.interface_description in described)
    ]


def _rate(bits: int) -> str:
    for unit, size in (("Gbit/s", 10**9), ("Mbit/s", 10**6)):
        if bits >= size:
            return f"{bits / size:g} {unit}"
    return f"{bits} bit/s"
