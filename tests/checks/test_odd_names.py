"""Names that hold anything: evidence stays one readable line, and remedies stay PowerShell."""

from __future__ import annotations

import unicodedata
import uuid

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.checks.clustered import (
    GROUPS,
    INTERFACES,
    NETWORKS,
    PARAMETERS,
    POSSIBLE,
    PREFERRED,
    QUORUM,
    RESOURCES,
    STATES,
    VOLUMES,
    clustered,
    group,
    of,
    told,
)
from tests.checks.commands import literals
from tests.checks.world import ADAPTERS, CHECKPOINTS, DB, VM, WEB, World, adapter, vm_row
from winmigrate.checks import Outcome, RemedyKind

_NAMES = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("'\u2018\u2019\"`$(){}[];|&\n\r\t\\"),
    min_size=1,
    max_size=40,
)


@given(_NAMES, _NAMES, _NAMES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_names_of_vms_switches_and_checkpoints(vm: str, switch: str, other: str) -> None:
    world = World()
    world.rename(vm)
    world.set("hv01", VM, vm_row(WEB, vm), vm_row(DB, vm, Path=None))
    world.set("hv01", ADAPTERS, adapter(WEB, switch))
    world.set("hv02", "Get-VMSwitch", {"Name": other})
    world.set("hv01", CHECKPOINTS, {"Id": uuid.UUID(int=5), "VMId": WEB, "VMName": vm, "Name": other})
    findings = world.findings()
    told = {item.requirement for item in findings.all if item.outcome is Outcome.FAIL}
    assert {"vm-exists-unique", "disk-checkpoints"} <= told
    assert ("net-switch-names" in told) is (switch.casefold() != other.casefold())
    for item in findings.all:
        said = item.evidence if item.outcome is not Outcome.PASS else ""
        assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in said), said
        if item.remedy is not None and item.remedy.kind is RemedyKind.POWERSHELL:
            if item.requirement == "net-switch-names":
                _, _, rest = item.remedy.text.partition("), or on hv02: ")
                assert [value for _, value in literals(rest) if value is not None] == [other, switch]
            else:
                assert list(literals(item.remedy.text))


@given(_NAMES, _NAMES, _NAMES)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_names_of_roles_volumes_and_networks(vm: str, volume: str, network: str) -> None:
    world = World()
    clustered(world)
    world.rename(vm)
    machine = f"Virtual Machine {vm}"
    failed = of("ClusterResourceState", "Failed")
    for change in (
        told(GROUPS, Name=vm, State=of("ClusterGroupState", "Failed"), AutoFailbackType=1, AntiAffinityClassNames=[vm]),
        told(RESOURCES, 0, Name=machine, OwnerGroup=vm),
        told(RESOURCES, 1, OwnerGroup=vm),
        told(RESOURCES, 2, Name=volume, State=failed),
        told(QUORUM, QuorumResource=volume),
        told(POSSIBLE, 0, ClusterObject=machine, OwnerNodes=["HV01"]),
        told(PREFERRED, ClusterObject=vm, OwnerNodes=["HV01"]),
        told("Get-ClusterResource | Where-Object | Get-ClusterParameter", ClusterObject=machine),
        told(VOLUMES, Name=volume, State=failed),
        told("Get-ClusterSharedVolume | expand SharedVolumeInfo", SharedVolume=volume),
        told(STATES, 1, Name=volume, StateInfo=of("ClusterSharedVolumeState", "Paused")),
        told(NETWORKS, 1, Name=network, State=of("ClusterNetworkState", "Down")),
        told(INTERFACES, 3, Network=network, State=of("ClusterNetworkInterfaceState", "Failed")),
        told(PARAMETERS, Value=""),
    ):
        change(world)
    for answers in world.answers.values():
        answers[GROUPS].append(group(f"{vm}2", "HV02", AntiAffinityClassNames=[vm]))
    findings = world.findings()
    told_of = {item.requirement for item in findings.all if item.outcome is Outcome.FAIL}
    assert told_of >= {
        "cl-group-settled",
        "cl-possible-owners",
        "cl-failback",
        "cl-csv-online",
        "cl-csv-direct",
        "cl-anti-affinity",
        "cl-quorum",
        "cl-port-3343",
    }
    for item in findings.all:
        assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in item.evidence), item.evidence
        if item.remedy is not None and item.remedy.kind is RemedyKind.POWERSHELL:
            assert list(literals(item.remedy.text))
