"""Who we are, events, tables."""

from __future__ import annotations

import datetime as dt

import pytest

from winmigrate.facts import Unreadable
from winmigrate.remoting.clixml.values import PSObject
from winmigrate.windows import event, host, storage, vm
from winmigrate.windows.event import Blackout, EventProperty
from winmigrate.windows.host import Identity, administrator, hyper_v_administrator, identity


def csv(**properties: str) -> PSObject:
    return PSObject(("System.Management.Automation.PSCustomObject",), None, dict(properties))


def test_identity_leaves_out_groups_that_only_deny() -> None:
    who = identity(
        [csv(User="corp\\ops", Sid="S-1-5-21-1-2-3-1105")],
        [
            csv(
                Name="BUILTIN\\Administrators", Type="Alias", Sid="S-1-5-32-544", Attributes="Group used for deny only"
            ),
            csv(Name="BUILTIN\\Users", Type="Alias", Sid="S-1-5-32-545", Attributes="Mandatory group, Enabled group"),
            csv(Name="x", Type="", Sid=" ", Attributes=""),
        ],
    )
    assert who == Identity("corp\\ops", "S-1-5-21-1-2-3-1105", ("S-1-5-32-545",))
    assert administrator(who) is False


def test_no_answer_is_no_identity() -> None:
    assert identity([], []).user == Unreadable("whoami.exe answered nothing")


@pytest.mark.parametrize(
    ("groups", "admin", "hyper_v"),
    [
        (("S-1-5-32-544",), True, False),
        (("S-1-5-32-544", "S-1-16-12288"), True, False),
        (("S-1-5-32-544", "S-1-16-16384"), True, False),
        (("S-1-5-32-544", "S-1-16-8192"), False, False),
        (("S-1-5-32-578",), False, True),
        ((), False, False),
    ],
)
def test_rights_by_sid(groups: tuple[str, ...], admin: bool, hyper_v: bool) -> None:
    who = Identity("corp\\ops", "S-1-5-21-1", groups)
    assert administrator(who) is admin
    assert hyper_v_administrator(who) is hyper_v


def test_rights_nobody_could_read() -> None:
    reason = Unreadable("no such command")
    assert administrator(Identity("a", "b", reason)) == reason


def test_blackouts_come_from_the_ordered_properties_of_an_event() -> None:
    properties = [
        EventProperty(7, 20415, "web01"),
        EventProperty(7, 20415, "8E1C"),
        EventProperty(8, 20413, "db01"),
        EventProperty(8, 20413, "x"),
        EventProperty(8, 20413, "9"),
        EventProperty(7, 20415, "0.4"),
        EventProperty(9, 20417, "old"),
        EventProperty(Unreadable("x"), 20417, "old"),
    ]
    assert event.blackouts(properties) == (Blackout(7, 20415, "web01", "0.4"),)


def test_events_are_asked_for_by_log_id_and_time() -> None:
    since = dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)
    get, expand, flat = event.event_properties([20415], since).commands
    asked = get.parameter("FilterHashtable")
    assert (asked["LogName"], asked["StartTime"]) == ("Microsoft-Windows-Hyper-V-VMMS-Admin", since)
    assert expand.parameter("ExpandProperty") == "Properties"
    assert flat.parameter("Property") == ["EventRecordId", "EventId", "Value"]


def test_children_carry_their_parents_key_under_a_name_of_its_own() -> None:
    *_, expand, flat = vm.VLANS.statement("2019").commands
    assert expand.parameter("Property") == [
        {"Name": "AdapterId", "Expression": "Id"},
        {"Name": "OwnerId", "Expression": "VMId"},
    ]
    assert {"AdapterId", "OwnerId"} <= set(flat.parameter("Property"))


def test_members_are_asked_where_the_facts_are_thin() -> None:
    asked = vm.VMS.members("2012R2")
    assert asked is not None
    assert [item.name.rpartition("\\")[2] for item in asked.commands] == ["Get-VM", "Get-Member", "Select-Object"]
    assert vm.VMS.members("2016") is None
    assert host.COMPUTER_SYSTEM.members("2012") is None


def test_a_table_the_version_lacks() -> None:
    assert not host.SUPPORTED_VERSIONS.exists("2012R2")
    assert host.SUPPORTED_VERSIONS.exists("2016")


def test_files_are_asked_by_their_literal_path() -> None:
    get, _ = storage.files(["D:\\a [1].vhdx"], "2019").commands
    assert get.parameters == (("LiteralPath", ["D:\\a [1].vhdx"]),)
