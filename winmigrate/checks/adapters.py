"""Requirements of the VM's adapters and the switches at both ends: what the VM meets where it arrives."""

from __future__ import annotations

from collections.abc import Iterator

from winmigrate.checks.finding import Resolver, Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, skipped, surely
from winmigrate.checks.index import HostIndex
from winmigrate.checks.words import (
    administrator,
    by_hand,
    count,
    hyper_v_administrator,
    name,
    powershell,
    quoted,
    several,
)
from winmigrate.checks.words import vm as get_vm
from winmigrate.facts import Unreadable
from winmigrate.windows.adapters import SwitchExtension
from winmigrate.windows.network import Switch
from winmigrate.windows.row import NOT_ON_THIS_BUILD
from winmigrate.windows.vm import Adapter, AdapterVlan

_HYPER_V = "https://learn.microsoft.com/powershell/module/hyper-v/"
_LOST = "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/troubleshoot-live-migration-issues"
_NETWORKS = "whoever looks after the network"


def _adapters(ground: Ground) -> tuple[Adapter, ...]:
    item, host = ground.candidate, ground.source
    found: tuple[Adapter, ...] = known(host.of("adapters", item.vm_id), f"the network adapters of {name(item.vm_name)}")
    return found


def _switches(host: HostIndex) -> dict[str, Switch]:
    """The switches of a host by their folded names."""
    what = f"the switches of {host.name}"
    return {known(switch.name, what).casefold(): switch for switch in known(host.facts.switches, what)}


def _ends(ground: Ground) -> Iterator[tuple[Adapter, Switch, Switch]]:
    """Each adapter that is plugged in, its switch and the one it would be plugged into. What has no counterpart is
    told by net-switch-names."""
    here, there = _switches(ground.source), _switches(ground.destination)
    for adapter in _adapters(ground):
        plugged = known(adapter.switch_name, f"the switch of an adapter of {name(ground.candidate.vm_name)}")
        if not plugged:
            continue
        mapped = ground.migration.switch_for(ground.inventory, ground.source.name, plugged, ground.destination.name)
        to = (mapped or plugged).casefold()
        if plugged.casefold() in here and to in there:
            yield adapter, here[plugged.casefold()], there[to]


@requirement(
    "net-switch-type",
    "The switches of the VM are of the same kind at both ends",
    Severity.RISKS,
    Scope.CANDIDATE,
    read_by="Get-VMSwitch of both: SwitchType, NetAdapterInterfaceDescription; Get-VMNetworkAdapter of the VM",
    mend="map the switch to one of the same kind, or make one: New-VMSwitch",
    page=_LOST,
)
def net_switch_type(ground: Ground) -> Verdict:
    item, destination = ground.candidate, ground.destination
    told = []
    for _, here, there in _ends(ground):
        old = known(here.switch_type, f"the kind of the switch {name(str(here.name))} of {ground.source.name}")
        new = known(there.switch_type, f"the kind of the switch {name(str(there.name))} of {destination.name}")
        if old != new:
            told.append(f"{name(str(here.name))} is {old} on {ground.source.name}, {name(str(there.name))} is {new} on "
                        f"{destination.name}")  # fmt: skip
        elif new == "External" and not known(
            there.net_adapter_interface_description, f"the uplink of {name(str(there.name))} of {destination.name}"
        ):
            told.append(f"{name(str(there.name))} of {destination.name} is External and has no uplink")
    told = list(dict.fromkeys(told))
    if not told:
        return passed(f"of the same kind on {destination.name}")
    return failed(
        f"{several(told)}: {name(item.vm_name)} loses who it talks to",
        wanted="the same kind at both ends, External with an uplink",
        place=item.place,
        remedy=by_hand(
            f"map it to another switch of {destination.name} (networks: in the playbook), or there make one of the "
            "kind that is wanted (New-VMSwitch)",
            hyper_v_administrator(destination.name),
        ),
    )


@requirement(
    "net-sriov",
    "Adapters with SR-IOV find a switch with SR-IOV",
    Severity.INFORMS,
    Scope.CANDIDATE,
    read_by="Get-VMNetworkAdapter of the VM: IovWeight; Get-VMSwitch of the destination: IovEnabled",
    mend="none needed: without it traffic takes the synthetic path; or a switch made with -EnableIov $true",
    page=_HYPER_V + "set-vmnetworkadapter",
)
def net_sriov(ground: Ground) -> Verdict:
    item, destination = ground.candidate, ground.destination
    what = f"the SR-IOV weight of an adapter of {name(item.vm_name)}"
    if not any(known(adapter.iov_weight, what) > 0 for adapter in _adapters(ground)):
        return skipped(f"no adapter of {name(item.vm_name)} asks for SR-IOV")
    without = [
        there
        for adapter, _, there in _ends(ground)
        if known(adapter.iov_weight, what) > 0
        and not known(there.iov_enabled, f"whether {name(str(there.name))} of {destination.name} has SR-IOV")
    ]
    if not without:
        return passed(f"the switches of {destination.name} have SR-IOV")
    switch = str(without[0].name)
    return failed(
        f"{name(item.vm_name)} asks for SR-IOV; the switch {name(switch)} of {destination.name} has none: its traffic "
        "takes the synthetic path there, which is slower",
        wanted="SR-IOV on it",
        remedy=powershell(
            f"nothing, if the slower path will do; or, once no VM is on it: Remove-VMSwitch -Name {quoted(switch)}; "
            f"New-VMSwitch -Name {quoted(switch)} -NetAdapterName 'the adapter it had' -EnableIov $true",
            administrator(destination.name),
        ),
    )


@requirement(
    "net-mac-pool",
    "The pools that the hosts take MAC addresses from do not overlap, and no MAC is there twice",
    Severity.RISKS,
    Scope.PAIR,
    read_by="Get-VMHost of both: MacAddressMinimum, MacAddressMaximum; Get-VMNetworkAdapter of both",
    mend="Set-VMHost -MacAddressMinimum -MacAddressMaximum on one of them",
    page=_HYPER_V + "set-vmhost",
)
def net_mac_pool(ground: Ground) -> Verdict:
    source, destination = ground.source, ground.destination
    (low, high), (least, most) = _pool(source), _pool(destination)
    if max(low, least) <= min(high, most):
        return failed(
            f"{source.name} gives {_mac(low)} to {_mac(high)}, {destination.name} {_mac(least)} to {_mac(most)}: a VM "
            "keeps the address it got, and the other host may give it once more",
            wanted="pools of their own",
            remedy=powershell(
                f"on {destination.name}: Set-VMHost -MacAddressMinimum {_free(low, high, most)[0]} "
                f"-MacAddressMaximum {_free(low, high, most)[1]}",
                hyper_v_administrator(destination.name),
                "for adapters that start later; those that run keep theirs",
            ),
        )
    here, there = _users(source), _users(destination)
    twice = [mac for mac, (vm_id, _) in here.items() if mac in there and there[mac][0] != vm_id]
    if twice:
        (_, mine), (other, theirs) = here[twice[0]], there[twice[0]]
        return failed(
            f"{_mac(twice[0])} is of {name(mine)} on {source.name} and of {name(theirs)} on {destination.name}"
            + (f", and {len(twice) - 1} more are there twice" if len(twice) > 1 else ""),
            wanted="each address once",
            remedy=powershell(
                f"once it is off, on {destination.name}: {get_vm(other)} | Get-VMNetworkAdapter | "
                "Set-VMNetworkAdapter -DynamicMacAddress",
                hyper_v_administrator(destination.name),
                "when it starts again",
            ),
        )
    return passed(f"{source.name} gives {_mac(low)} to {_mac(high)}, {destination.name} {_mac(least)} to {_mac(most)}")


def _users(host: HostIndex) -> dict[int, tuple[str, str]]:
    """Each MAC address of a host's VMs, with the Id and the name of the one that has it; none yet is all zeros."""
    what = f"the network adapters of {host.name}"
    surely(host, "adapters", what)
    found: dict[int, tuple[str, str]] = {}
    for row in known(host.facts.adapters, what):
        number = _number(known(row.mac_address, what) or "0", what)
        if number:
            found[number] = (known(row.vm_id, what), known(row.vm_name, what))
    return found


def _number(text: str, what: str) -> int:
    try:
        return int(text.replace("-", "").replace(":", ""), 16)
    except ValueError:
        return known(Unreadable(f"the host answered {text!r}, which is no MAC address"), what)


def _pool(host: HostIndex) -> tuple[int, int]:
    what = f"the MAC addresses that {host.name} gives"
    settings = known(host.facts.vm_host, what)
    ends = []
    for end in (settings.mac_address_minimum, settings.mac_address_maximum):
        ends.append(_number(known(end, what) or "", what))
    return ends[0], ends[1]


def _mac(number: int) -> str:
    text = f"{number:012X}"
    return "-".join(text[at : at + 2] for at in range(0, 12, 2))


def _free(low: int, high: int, most: int) -> tuple[str, str]:
    """A pool of 256 above both."""
    begin = ((max(high, most, low) >> 8) + 1) << 8
    return f"{begin:012X}", f"{begin + 255:012X}"


@requirement(
    "net-vlan-isolation",
    "What the VM's adapters are tagged with is known, so that the destination's uplink can be made to carry it",
    Severity.RISKS,
    Scope.CANDIDATE,
    resolvers=(Resolver.SURVEY, Resolver.AFTER),
    read_by="Get-VMNetworkAdapter of the VM: VlanSetting, IsolationSetting",
    mend="the VLAN on the port of the physical switch that the destination's uplink is in",
    page="https://learn.microsoft.com/troubleshoot/windows-server/virtualization/"
    "hyper-v-virtual-machine-input-migration-integration",
)
def net_vlan_isolation(ground: Ground) -> Verdict:
    item, host, destination = ground.candidate, ground.source, ground.destination
    vlans = known(host.of("vlans", item.vm_id), f"the VLANs of {name(item.vm_name)}")
    tags = [tag for vlan in vlans if (tag := _tag(vlan, item.vm_name))]
    isolation = host.of("isolation", item.vm_id)
    if isolation != NOT_ON_THIS_BUILD:
        what = f"the isolation of the adapters of {name(item.vm_name)}"
        for row in known(isolation, what):
            mode = known(row.isolation_mode, what)
            if mode not in ("None", "Vlan"):
                tags.append(f"isolation {mode}, {known(row.default_isolation_id, what) or 0}")
    if not tags:
        return passed(f"{name(item.vm_name)} has no tagged adapter")
    return failed(
        f"{name(item.vm_name)} is on {several(dict.fromkeys(tags))}; Windows does not show whether the uplink of "
        f"{destination.name} carries it",
        wanted=f"the same on the physical port of {destination.name}",
        severity=Severity.INFORMS,
        remedy=by_hand(
            f"see that the ports of the uplinks of {destination.name} carry {several(dict.fromkeys(tags))}; "
            "post-network shows after the move whether the guest is reached",
            _NETWORKS,
        ),
    )


def _tag(vlan: AdapterVlan, vm_name: str) -> str:
    what = f"a VLAN of {name(vm_name)}"
    mode = known(vlan.operation_mode, what)
    if mode == "Access":
        return f"VLAN {known(vlan.access_vlan_id, what)}"
    if mode == "Trunk":
        allowed = known(vlan.allowed_vlan_id_list_string, what)
        return f"VLANs {allowed}, native {known(vlan.native_vlan_id, what)}"
    if mode == "Private":
        return f"private VLAN {known(vlan.primary_vlan_id, what)}, {known(vlan.secondary_vlan_id, what)}"
    return ""


@requirement(
    "net-extended-acls",
    "The ACLs of the VM's adapters are read, to be compared after the move",
    Severity.INFORMS,
    Scope.VM,
    since="2012R2",
    read_by="Get-VMNetworkAdapter of the VM: AclList, ExtendedAclList",
    mend="none needed: what differs after the move is told, with what it was",
    page=_HYPER_V + "get-vmnetworkadapterextendedacl",
)
def net_extended_acls(ground: Ground) -> Verdict:
    item, host = ground.candidate, ground.source
    what = f"the ACLs of the adapters of {name(item.vm_name)}"
    plain, extended = (known(host.of(table, item.vm_id), what) for table in ("acls", "extended_acls"))
    for row in (*plain, *extended):
        known(row.action, what)
        known(row.direction, what)
    if not plain and not extended:
        return passed(f"{name(item.vm_name)} has none")
    return failed(
        f"{name(item.vm_name)} has {count(len(plain), 'ACL')} and {count(len(extended), 'extended ACL')}: they go "
        "along with Move-VM, and other tools have lost them",
        wanted="the same after the move, which the report compares",
        remedy=powershell(
            f"nothing now; to keep a copy: {get_vm(item.vm_id)} | Get-VMNetworkAdapterExtendedAcl",
            hyper_v_administrator(host.name),
        ),
    )


@requirement(
    "net-switch-extensions",
    "Extensions that are enabled on the VM's switches run on those of the destination",
    Severity.RISKS,
    Scope.CANDIDATE,
    read_by="Get-VMSwitchExtension of both hosts: Name, Enabled, Running",
    mend="Enable-VMSwitchExtension on the destination, where it is installed",
    page=_HYPER_V + "enable-vmswitchextension",
)
def net_switch_extensions(ground: Ground) -> Verdict:
    item, source, destination = ground.candidate, ground.source, ground.destination
    ends = {(str(here.name), str(there.name)) for _, here, there in _ends(ground)}
    if not ends:
        return skipped(f"{name(item.vm_name)} is on no switch that {destination.name} has a counterpart of")
    missing: list[tuple[str, str, bool]] = []
    for here, there in sorted(ends):
        running = {ext.name: ext for ext in _extensions(destination, there)}
        for wanted in _extensions(source, here):
            if not known(wanted.enabled, f"the extensions of {name(here)}"):
                continue
            found = running.get(wanted.name)
            if found is None or not known(found.enabled, f"the extensions of {name(there)} of {destination.name}"):
                missing.append((str(wanted.name), there, found is not None))
    if not missing:
        return passed(f"enabled on {destination.name} as on {source.name}")
    surely(destination, "switch_extensions", f"the extensions of {destination.name}")
    extension, switch, installed = missing[0]
    named = several(f"{name(each)} ({name(on)})" for each, on, _ in missing)
    return failed(
        f"{source.name} has extensions enabled that {destination.name} has not: {named}",
        wanted="the same extensions",
        remedy=powershell(
            f"on {destination.name}: Enable-VMSwitchExtension -VMSwitchName {quoted(switch)} -Name {quoted(extension)}",
            administrator(destination.name),
        )
        if installed
        else by_hand(f"install {name(extension)} on {destination.name} and enable it on {name(switch)}",
                     administrator(destination.name)),
    )  # fmt: skip


def _extensions(host: HostIndex, switch: str) -> list[SwitchExtension]:
    what = f"the extensions of the switches of {host.name}"
    rows = known(host.facts.switch_extensions, what)
    return [
        row for row in rows if known(row.switch_name, what).casefold() == switch.casefold() and known(row.name, what)
    ]
