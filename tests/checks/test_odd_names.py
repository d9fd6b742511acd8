"""Names that hold anything: evidence stays one readable line, and remedies stay PowerShell."""

from __future__ import annotations

import unicodedata
import uuid

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
