"""Requirements of networks: where migrations arrive, and what the VM's adapters are plugged into."""

from __future__ import annotations

import difflib
import ipaddress
from typing import TypeAlias

from winmigrate.checks.finding import Scope, Severity
from winmigrate.checks.frame import Ground, Role, Verdict, failed, known, passed, requirement, skipped, surely
from winmigrate.checks.index import HostIndex
from winmigrate.checks.words import (
    administrator,
    by_hand,
    hyper_v_administrator,
    listed,
    name,
    powershell,
    quoted,
    several,
)
from winmigrate.facts import Unreadable

_SET_UP = (
    "https://learn.microsoft.com/windows-server/virtualization/hyper-v/deploy/"
    "set-up-hosts-for-live-migration-without-failover-clustering"
)
_KINDS = ("shared-smb", "shared-nothing")

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@requirement(
    "migration-listener-addresses",
    "The destination takes migrations on at least one address",
    Severity.BLOCKS,
    Scope.HOST,
    kinds=_KINDS,
    role=Role.DESTINATION,
    read_by="Msvm_VirtualSystemMigrationService: MigrationServiceListenerIPAddressList",
    mend="Add-VMMigrationNetwork, or Set-VMHost -UseAnyNetworkForMigration $true",
    page="https://learn.microsoft.com/windows/win32/hyperv_v2/msvm-virtualsystemmigrationservice",
)
def migration_listener_addresses(ground: Ground) -> Verdict:
    host = ground.source
    addresses = known(host.facts.listener_addresses, f"the addresses {host.name} takes migrations on")
    if addresses:
        return passed(f"{host.name} takes migrations on {several(addresses)}")
    subnets = [] if isinstance(host.facts.addresses, Unreadable) else _subnets(host)
    only = f"Add-VMMigrationNetwork -Subnet {quoted(str(subnets[0]))}, or " if subnets else ""
    return failed(
        f"{host.name} takes migrations on no address",
        wanted="one at least",
        remedy=powershell(f"{only}Set-VMHost -UseAnyNetworkForMigration $true", hyper_v_administrator(host.name)),
    )


@requirement(
    "migration-network-common-subnet",
    "The destination takes migrations on a subnet that the source is in",
    Severity.RISKS,
    Scope.PAIR,
    kinds=_KINDS,
    read_by="Msvm_VirtualSystemMigrationService of the destination; Get-NetIPAddress of the source",
    mend="Add-VMMigrationNetwork on the destination",
    page="https://learn.microsoft.com/powershell/module/hyper-v/add-vmmigrationnetwork",
)
def migration_network_common_subnet(ground: Ground) -> Verdict:
    source, destination = ground.source, ground.destination
    listening = known(destination.facts.listener_addresses, f"the addresses {destination.name} takes migrations on")
    if not listening:
        return skipped(f"{destination.name} takes migrations on no address: see migration-listener-addresses")
    mine = _subnets(source)
    for text in listening:
        address = _address(text)
        shared = next((net for net in mine if address is not None and address in net), None)
        if shared is not None:
            return passed(f"{text} of {destination.name} is in {shared}, as {source.name} is")
    surely(source, "addresses", f"the addresses of {source.name}")
    both = [net for net in mine if net in _subnets(destination)]
    remedy = (
        powershell(f"Add-VMMigrationNetwork -Subnet {quoted(str(both[0]))}", hyper_v_administrator(destination.name))
        if both
        else by_hand(
            f"give both hosts a network of their own for migrations, or see that TCP 6600 and 445 of "
            f"{destination.name} can be reached from {source.name} through the router",
            "whoever looks after the network",
        )
    )
    return failed(
        f"{destination.name} takes migrations on {several(listening)}; {source.name} is in "
        f"{several(map(str, mine), 'no subnet')}",
        wanted="one subnet that both are in: else the traffic is routed",
        remedy=remedy,
    )


def _subnets(host: HostIndex) -> list[Network]:
    """The subnets a host is in, IPv4 first, without those of one machine or one link alone."""
    what = f"the addresses of {host.name}"
    found: dict[Network, None] = {}
    for row in known(host.facts.addresses, what):
        address = _address(known(row.ip_address, what))
        if address is None or address.is_loopback or address.is_link_local:
            continue
        length = known(row.prefix_length, what)
        if not 0 <= length <= address.max_prefixlen:
            known(Unreadable(f"the host answered {address} with a prefix of {length} bits"), what)
        found[ipaddress.ip_network(f"{address}/{length}", strict=False)] = None
    return sorted(found, key=lambda net: net.version)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


@requirement(
    "migration-network-isolated",
    "Migrations are bound to named networks, for what they carry is not encrypted",
    Severity.INFORMS,
    Scope.HOST,
    read_by="Get-VMHost: UseAnyNetworkForMigration; Get-VMMigrationNetwork",
    mend="Add-VMMigrationNetwork, then Set-VMHost -UseAnyNetworkForMigration $false",
    page=_SET_UP,
)
def migration_network_isolated(ground: Ground) -> Verdict:
    host = ground.source
    what = f"which networks {host.name} uses for migrations"
    if not known(known(host.facts.vm_host, what).use_any_network_for_migration, what):
        named = known(host.facts.migration_networks, f"the migration networks of {host.name}")
        return passed(f"{host.name} uses {several(known(item.subnet, what) for item in named)}")
    subnets = [str(net) for net in _subnets(host)]
    return failed(
        f"{host.name} uses any of its networks for migrations ({several(subnets)})",
        wanted="networks named for it" + (f", such as {subnets[-1]} alone" if subnets else ""),
        remedy=powershell(
            f"Add-VMMigrationNetwork -Subnet {quoted(subnets[-1])}; Set-VMHost -UseAnyNetworkForMigration $false",
            hyper_v_administrator(host.name),
        )
        if subnets
        else by_hand("give it an address in a network for migrations", administrator(host.name)),
    )


@requirement(
    "net-switch-names",
    "Every switch the VM is on has its counterpart on the destination",
    Severity.BLOCKS,
    Scope.CANDIDATE,
    read_by="Get-VMNetworkAdapter of the VM: SwitchName; Get-VMSwitch of the destination: Name",
    mend="networks in the playbook or the inventory; Rename-VMSwitch or New-VMSwitch on the destination",
    page="https://learn.microsoft.com/powershell/module/hyper-v/compare-vm",
)
def net_switch_names(ground: Ground) -> Verdict:
    source, destination, item = ground.source, ground.destination, ground.candidate
    adapters = known(source.of("adapters", item.vm_id), f"the adapters of {name(item.vm_name)}")
    here = [known(adapter.switch_name, f"a switch of {name(item.vm_name)}") for adapter in adapters]
    mine = list(dict.fromkeys(switch for switch in here if switch))
    if not mine:
        return passed(f"{name(item.vm_name)} is on no switch")
    what = f"the switches of {destination.name}"
    theirs = [known(switch.name, what) for switch in known(destination.facts.switches, what)]
    there = {switch.casefold() for switch in theirs}
    missing: list[tuple[str, str]] = []
    for switch in mine:
        wanted = ground.migration.switch_for(ground.inventory, source.name, switch, destination.name)
        if (wanted or switch).casefold() not in there:
            missing.append((switch, wanted or switch))
    if not missing:
        return passed(f"{destination.name} has a counterpart for {listed(mine)}")
    surely(destination, "switches", what)
    switch, wanted = missing[0]
    mapped = "" if wanted == switch else f', which is mapped to "{wanted}"'
    others = _likely(wanted, theirs, mine, source)
    return failed(
        f"{name(item.vm_name)} is on {listed(old for old, _ in missing)}{mapped}; "
        f"{destination.name} has {listed(theirs, 'no switch')}",
        wanted=f"a switch for {listed(old for old, _ in missing)} on {destination.name}",
        place=item.place,
        remedy=powershell(
            f"map it in the playbook (networks: {{{_yaml(switch)}: {_yaml(others[0])}}}), or on {destination.name}: "
            f"Rename-VMSwitch -Name {quoted(others[0])} -NewName {quoted(wanted)}"
            if others
            else f"on {destination.name}: New-VMSwitch -Name {quoted(wanted)} -NetAdapterName 'the adapter it needs'",
            hyper_v_administrator(destination.name),
        ),
    )


def _likely(wanted: str, theirs: list[str], mine: list[str], source: HostIndex) -> list[str]:
    """Switches of the destination that may be meant, the likest name first; those that the source has too come last."""
    rows = () if isinstance(source.facts.switches, Unreadable) else source.facts.switches
    here = {name.casefold() for name in (*mine, *(row.name for row in rows)) if isinstance(name, str)}
    likeness = difflib.SequenceMatcher(b=wanted.casefold())

    def rank(other: str) -> tuple[bool, float]:
        likeness.set_seq1(other.casefold())
        return other.casefold() in here, -likeness.ratio()

    return sorted(theirs, key=rank)


def _yaml(text: str) -> str:
    """Text as it can stand in a YAML flow mapping."""
    plain = text and text[0].isalpha() and all(char.isalnum() or char in "-_ ." for char in text)
    if plain and text == text.strip() and text.lower() not in {"yes", "no", "on", "off", "true", "false", "null"}:
        return text
    return "'" + text.replace("'", "''") + "'"
