"""The packed facts: cmdlets by version, first versions, enum numbers."""

from __future__ import annotations

import subprocess
import sys

import pytest

from winmigrate.facts import VERSIONS, since, types
from winmigrate.facts import cmdlets as facts


@pytest.mark.parametrize("version", VERSIONS)
def test_powershells_own_cmdlets_are_found_on_every_version(version: str) -> None:
    located = facts.locate("microsoft.powershell.utility\\select-object", version)
    assert located is not None
    assert (located.module, located.name) == ("Microsoft.PowerShell.Utility", "Select-Object")
    assert f"PowerShell {facts.meta()['powershell_of'][version]}" in located.raw["versions"]


def test_a_definition_is_the_versions_own() -> None:
    old, new = facts.definitions("Hyper-V", "Move-VM", "2012R2"), facts.definitions("Hyper-V", "Move-VM", "2016")
    assert old is not None
    assert new is not None
    assert "DestinationCredential" not in old["parameters"]
    assert "DestinationCredential" in new["parameters"]
    assert facts.find("Move-VM", "2016") is new
    assert facts.definitions("FailoverClusters", "Move-VM", "2016") is None
    assert facts.find("Move-Nothing", "2016") is None


def test_parameters_of_a_set() -> None:
    raw = facts.find("Move-VM", "2019")
    assert raw is not None
    entries = list(facts.parameters_of(raw, "VMSingleDestination"))
    assert entries[:2] == [("VM", True, 0), ("DestinationHost", True, 1)]
    assert ("IncludeStorage", False, None) in entries


def test_modules_and_their_cmdlets() -> None:
    assert "Hyper-V" in facts.modules()
    assert "Get-VMPartitionableGpu" not in facts.cmdlets("Hyper-V", "2012")
    assert len(facts.cmdlets("Hyper-V", "2019")) > 200
    assert facts.cmdlets("No-Module", "2019") == ()


def test_first_versions_and_enum_numbers() -> None:
    assert since.first_version("Hyper-V", "Move-VM") == "2012"
    assert since.first_version("Hyper-V", "Move-Nothing") is None
    assert types.enums("Hyper-V")["MigrationAuthenticationType"] == {"CredSSP": 0, "Kerberos": 1}
    assert types.enums("SmbShare")["ShareAccessRight"]["Full"] == 0
    assert types.enums("No-Module") == {}


def test_nothing_is_read_before_it_is_asked_for() -> None:
    code = (
        "from winmigrate.facts import cmdlets; assert cmdlets._document.cache_info().currsize == 0; "
        "cmdlets.find('Get-VM', '2019'); assert cmdlets._document.cache_info().currsize == 1"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
