"""The roll: every host is an entry, whatever happens on it."""

from __future__ import annotations

import threading

import pytest
from pydantic import TypeAdapter

from tests.survey.hosts import (
    PERMISSION_DENIED,
    Failure,
    FakeConnector,
    FakeHost,
    Row,
    host,
    identify,
    inventory,
    running,
)
from winmigrate.errors import AuthenticationFailed, CannotConnect, HostError, Refused, TimedOut
from winmigrate.facts import Unreadable
from winmigrate.inventory.types import Cluster
from winmigrate.request import Statement, SystemClock
from winmigrate.survey import Roll, RollEntry, RollVM, call_roll


class QuickClock(SystemClock):
    """The machine's clock, in which pauses between attempts take no time."""

    def sleep(self, seconds: float) -> None:
        pass


def roll_of(*hosts: FakeHost) -> tuple[Roll, FakeConnector]:
    connector = FakeConnector({each.name: each for each in hosts})
    return call_roll(inventory(*connector.hosts), connector, QuickClock()), connector


def entry_of(one: FakeHost) -> RollEntry:
    return roll_of(one)[0].entries[one.name]


def test_a_host_that_answers_says_who_we_are_and_what_it_has() -> None:
    one = host("hv01", "2016", Get_VM=[running(1, "web01"), running(2, "db01")])
    entry = entry_of(one)
    assert (entry.reached, entry.why_not) == (True, "")
    assert (entry.computer, entry.fqdn) == ("HV01", "hv01.corp.example")
    assert (entry.version, entry.build) == ("2016", 14393)
    assert not isinstance(entry.identity, Unreadable)
    assert entry.identity.user == "corp\\ops"
    assert entry.administrator is True
    assert entry.hyper_v_administrator is False
    assert entry.vms == (
        RollVM(str(identify(1)), "web01", "Running"),
        RollVM(str(identify(2)), "db01", "Running"),
    )
    assert len(one.requests) == 1


@pytest.mark.parametrize(
    ("error", "needs"),
    [
        (CannotConnect("hv02", "nobody listens on port 5986"), "a connection to hv02"),
        (AuthenticationFailed("hv02", "the password is wrong"), "a credential that hv02 takes"),
        (TimedOut("hv02", "no answer in 60 s"), ""),
        (Refused("hv02", "access denied", code=5), "Administrators or Remote Management Users on hv02"),
        (Refused("hv02", "too many shells", code=2150859173), ""),
    ],
)
def test_a_dead_host_is_data_and_touches_no_other(error: HostError, needs: str) -> None:
    dead = host("hv02")
    dead.down = error
    roll, _ = roll_of(host("hv01", Get_VM=[running(1, "web01")]), dead, host("hv03", Get_VM=[running(3, "app")]))
    assert list(roll.entries) == ["hv01", "hv02", "hv03"]
    assert [entry.host for entry in roll.reached()] == ["hv01", "hv03"]
    entry = roll.entries["hv02"]
    assert entry.why_not == str(error)
    assert entry.vms == Unreadable(str(error), needs)
    assert roll.where(str(identify(3))) == ("hv03",)


def test_a_refused_credential_is_not_tried_again() -> None:
    dead = host("hv02")
    dead.down = AuthenticationFailed("hv02", "the password is wrong")
    assert roll_of(dead)[1].made == ["hv02"]


def test_a_node_without_an_entry_is_told() -> None:
    known = inventory("hv01")
    with_cluster = type(known)(known.file, known.hosts, clusters={"clu": Cluster("clu", "clu", nodes=("hv01", "hv11"))})
    roll = call_roll(with_cluster, FakeConnector({"hv01": host("hv01")}), QuickClock())
    assert roll.entries["hv11"].why_not == "the inventory has no entry for this node under hosts"


def test_an_empty_answer_to_one_who_would_be_shown_nothing_is_no_answer() -> None:
    vms = entry_of(host("hv01", admin=False, Get_VM=[])).vms
    assert isinstance(vms, Unreadable)
    assert "corp\\ops is neither administrator nor Hyper-V administrator" in vms.reason
    assert vms.needs == "Hyper-V Administrators on hv01"
    assert entry_of(host("hv01", Get_VM=[])).vms == ()


def test_a_refused_read_is_unreadable_and_the_rest_is_known() -> None:
    refused = Failure("You do not have the required permission.", "AccessDenied,GetVM", PERMISSION_DENIED)
    entry = entry_of(host("hv01", Get_VM=refused))
    assert entry.vms == Unreadable(
        "access denied: You do not have the required permission. (AccessDenied)", "Hyper-V Administrators on hv01"
    )
    assert entry.version == "2019"


def test_a_host_without_hyper_v_still_answers_the_rest() -> None:
    one = host("hv01", Get_VM=Failure("The term 'Get-VM' is not recognized", terminating=True))
    entry = entry_of(one)
    assert entry.reached
    assert entry.vms == Unreadable("The term 'Get-VM' is not recognized")


def test_an_endpoint_without_whoami_leaves_rights_unknown() -> None:
    one = host("hv01", Get_VM=[])
    one.answers["whoami /user"] = Failure("not recognized", terminating=True)
    one.answers["whoami /groups"] = Failure("not recognized", terminating=True)
    entry = entry_of(one)
    assert entry.administrator == Unreadable("not recognized")
    assert entry.vms == ()
    assert entry.version == "2019"


@pytest.mark.parametrize(
    ("build", "version"),
    [
        ("7601", Unreadable("build 7601 is older than Windows Server 2012")),
        ("26100", "2025"),
        ("x", Unreadable("expected an integer, the host answered 'x'")),
    ],
)
def test_builds(build: str, version: str | Unreadable) -> None:
    one = host("hv01")
    one.answers["Win32_OperatingSystem"] = [{"BuildNumber": build}]
    assert entry_of(one).version == version


def test_a_workgroup_host_has_no_domain_in_its_name() -> None:
    one = host("hv01")
    one.answers["Win32_ComputerSystem"] = [
        {"Name": "HV01", "DNSHostName": "hv01", "Domain": "WORKGROUP", "PartOfDomain": False}
    ]
    assert entry_of(one).fqdn == "hv01"


def test_a_roll_survives_json() -> None:
    dead = host("hv02")
    dead.down = CannotConnect("hv02", "no")
    roll, _ = roll_of(host("hv01", Get_VM=[running(1, "web01")]), dead)
    adapter = TypeAdapter(Roll)
    assert adapter.validate_json(adapter.dump_json(roll), strict=True) == roll


def test_an_error_of_ours_is_no_fact_about_a_host() -> None:
    broken = FakeConnector({})
    with pytest.raises(KeyError):
        call_roll(inventory("hv01"), broken, QuickClock())


def test_hosts_are_asked_at_once() -> None:
    """Each host answers only when the other has been asked: one after the other would stand still."""
    meeting = threading.Barrier(2, timeout=10)

    def meet(asked: Statement) -> list[Row]:
        meeting.wait()
        return [running(1, "web01")]

    roll, _ = roll_of(host("hv01", Get_VM=meet), host("hv02", Get_VM=meet))
    assert roll.where(str(identify(1))) == ("hv01", "hv02")
