"""Local groups: who is in them, and how that changes what an account may do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab.cmdlets.asking import Answer, Site, select, site_of
from winmigrate.lab.fabric.identity import Logon

TEXT = """
users:
  ops: {password: p}
  junior: {password: j, administrator: false}
groups: {Movers: [junior]}
hosts:
  hv01: {hyperv_administrators: ['CORP\\HV02$'], remote_management_users: ['CORP\\Movers']}
  hv02: {}
"""
HYPER_V = {"SID": "S-1-5-32-578"}


@pytest.fixture
def site() -> Iterator[Site]:
    with site_of(TEXT) as made:
        yield made


def shown(answer: Answer) -> list[tuple[str, ...]]:
    return [tuple(str(getattr(one.get(name), "to_string", None) or one.get(name))
                  for name in ("Name", "ObjectClass", "PrincipalSource")) for one in answer.output]


def test_members_with_their_sids(site: Site) -> None:
    answer = site.run(("Get-LocalGroupMember", {"SID": "S-1-5-32-544"}), select("Name", "SID", "ObjectClass",
                                                                              "PrincipalSource"))
    assert shown(answer) == [
        ("HV01\\Administrator", "User", "Local"), ("CORP\\Domain Admins", "Group", "ActiveDirectory"),
        ("CORP\\ops", "User", "ActiveDirectory")]
    sids = [str(one.get("SID").to_string) for one in answer.output]
    assert sids[0].endswith("-500")
    assert sids[1] == f"{site.world.domain.sid}-512"


def test_a_computer_is_a_member_like_any(site: Site) -> None:
    answer = site.run(("Get-LocalGroupMember", {"Name": "hyper-v administrators"}), select("Name"))
    assert answer.column("Name") == ["CORP\\HV02$"]
    assert site.run(("Get-LocalGroup", {"Name": "*Admin*"}), select("Name")).column("Name") == [
        "Administrators", "Hyper-V Administrators"]
    piped = site.run(("Get-LocalGroup", HYPER_V), ("Get-LocalGroupMember", {}), select("Name"))
    assert piped.column("Name") == ["CORP\\HV02$"]


@pytest.mark.parametrize(("command", "given", "error_id"), [
    ("Get-LocalGroupMember", {"Name": "Nobodies"}, "GroupNotFound"), ("Get-LocalGroup", {"Name": "x"}, "GroupNotFound"),
    ("Add-LocalGroupMember", {**HYPER_V, "Member": ["CORP\\nobody"]}, "PrincipalNotFound"),
    ("Add-LocalGroupMember", {**HYPER_V, "Member": ["CORP\\HV02$"]}, "MemberExists"),
    ("Remove-LocalGroupMember", {**HYPER_V, "Member": ["CORP\\ops"]}, "MemberNotFound"),
])
def test_refusals(site: Site, command: str, given: dict[str, Any], error_id: str) -> None:
    answer = site.run((command, given))
    assert answer.ids == [f"{error_id},Microsoft.PowerShell.Commands.{command.replace('-', '')}Command"]


def test_a_new_member_may_manage_hyperv(site: Site) -> None:
    junior = site.as_user(Logon("CORP\\junior", host="hv01"))
    assert junior.run(("Get-VM", {})).errors[0].get("ErrorCategory_Category") == 18
    assert "Access is denied." in junior.run(("Add-LocalGroupMember", {**HYPER_V, "Member": ["CORP\\Movers"]})).said[0]
    assert site.run(("Add-LocalGroupMember", {**HYPER_V, "Member": ["CORP\\Movers"]})).said == []
    assert junior.run(("Get-VM", {})).errors == []
    site.run(("Remove-LocalGroupMember", {**HYPER_V, "Member": ["CORP\\Movers"]}))
    assert junior.run(("Get-VM", {})).errors != []
