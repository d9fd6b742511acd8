"""A cluster of the lab as clients of its WinRM meet it, and every fault of one; each test says that it was met."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.lab.test_faults_seen import OPS, Seen, read_events
from winmigrate.errors import LabError
from winmigrate.remoting.clixml.values import PSObject
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.psrp import PsrpSession
from winmigrate.request import SWITCH, command, request, select, statement
from winmigrate.testing.serving import lab as served

FABRIC = r"""
seed: 5
users: {ops: {password: 'Spare key 0x2F!'}}
delegation: all
hosts:
  hv01:
    nic: 1 Gbit
    credssp: true
    vms: {web01: {clustered: true, memory: 4 GB}}
  hv02: {nic: 1 Gbit}
  hv03: {nic: 1 Gbit, vms: {away01: {memory: 1 GB}}}
clusters: {hvc1: {nodes: [hv01, hv02], csv: {Volume1: 1 TB}}}
"""
VOLUME = "C:\\ClusterStorage\\Volume1"


class Clients(Seen):
    """What clients see of the cluster."""

    def rows(self, *commands: Any, host: str = "hv01", **names: str) -> list[tuple[Any, ...]]:
        """Properties of the last command's objects as text; of ``said`` the errors."""
        found, errors = self.ask(*commands, select(*names.values()), host=host)
        assert errors == ""
        return [tuple(_plain(one[name]) for name in names.values()) for one in found]

    def group(self, host: str = "hv02") -> tuple[Any, ...]:
        (found,) = self.rows(command("Get-ClusterGroup", Name=["web01"]), host=host, a="State", b="OwnerNode")
        return found

    def node(self, name: str, host: str = "hv02") -> tuple[Any, ...]:
        (found,) = self.rows(command("Get-ClusterNode", Name=[name]), host=host, a="State", b="DrainStatus")
        return found

    def volume(self, host: str = "hv02") -> Any:
        (found,) = self.rows(command("Get-ClusterSharedVolume"), host=host, a="State")
        return found[0]

    def reached(self, host: str = "hv02") -> list[Any]:
        rows = self.rows(command("Get-ClusterSharedVolumeState"), host=host, a="StateInfo")
        return [row[0] for row in rows]

    def port(self, host: str) -> int:
        return int(self._ready["hosts"][host]["http"])

    def drain(self) -> str:
        """Drains hv01 and waits; what the cmdlet says against it."""
        return self.ask(command("Suspend-ClusterNode", Name=["hv01"], Drain=SWITCH, Wait=SWITCH), select("Name"))[1]

    def into_the_volume(self) -> str:
        """Move-VM of the machine outside onto the shared volume; what it says against it."""
        return read_events(list(self.session("hv03").start(request(statement(command("Get-VM"), command(
            "Move-VM", DestinationHost="hv02", DestinationCredential=OPS, IncludeStorage=SWITCH,
            DestinationStoragePath=VOLUME + "\\away01", Confirm=False))))))[1]


def _plain(value: Any) -> Any:
    if isinstance(value, PSObject) and value.to_string is not None:
        return value.to_string
    return getattr(value, "name", value)


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Clients]:
    fabric = tmp_path / "fabric.yml"
    fabric.write_text(FABRIC, encoding="utf-8")
    with served(fabric, tmp_path / "inventory.yml", http=True) as ready:
        made = Clients(ready)
        yield made
        made.close()


def test_a_node_is_drained_and_comes_back(seen: Clients) -> None:
    (one,) = seen.rows(command("Get-Cluster"), a="Name", b="ClusterFunctionalLevel", c="AdministrativeAccessPoint")
    assert one == ("HVC1", 10, "ActiveDirectoryAndDns")
    assert seen.group() == ("Online", "HV01")
    errors: list[str] = []
    mover = seen.clock.start(lambda: errors.append(seen.drain()), name="mover")
    seen.clock.sleep(5.0)
    assert seen.group() == ("Pending", "HV01")
    assert next(job["PercentComplete"] for job in seen.jobs()) > 0
    seen.clock.join(mover)
    assert errors == [""]
    assert (seen.group(), seen.node("hv01")) == (("Online", "HV02"), ("Paused", "Completed"))
    assert [vm["Name"] for vm in seen.vms("hv02")] == ["web01"]
    seen.ask(command("Resume-ClusterNode", Name=["hv01"], Failback="Immediate"))
    seen.clock.sleep(60.0)
    assert (seen.group(), seen.node("hv01")) == (("Online", "HV01"), ("Up", "NotInitiated"))


def test_a_session_with_credssp_moves_a_role_and_one_without_is_refused(seen: Clients) -> None:
    asked = command("Move-ClusterVirtualMachineRole", Name="web01", Node="hv02", MigrationType="Live")
    assert "You do not have administrative privileges on the cluster" in seen.ask(asked)[1]
    endpoint = Endpoint("127.0.0.1", seen.port("hv01"), "http", "credssp", OPS)
    with closing(PsrpSession("hv01", endpoint, seen.clock)) as session:
        events = list(session.start(request(statement(asked, select("Name", "State", "OwnerNode")))))
    found, errors = read_events(events)
    assert errors == ""
    assert [_plain(found[0][name]) for name in ("Name", "State", "OwnerNode")] == ["web01", "Online", "HV02"]


# --- faults ----------------------------------------------------------------------------------------------------------


def test_the_cluster_fails_a_role_over_in_mid_run(seen: Clients) -> None:
    seen.fault("fail-over", vm="web01", phase="memory", after=5)
    errors: list[str] = []
    mover = seen.clock.start(lambda: errors.append(seen.drain()), name="mover")
    seen.clock.sleep(12.0)
    assert seen.group() == ("Online", "HV02")
    assert [(vm["Name"], vm["State"].name) for vm in seen.vms("hv02")] == [("web01", "Running")]
    assert seen.vms("hv01") == []
    seen.clock.join(mover)
    assert seen.node("hv01") == ("Paused", "Failed")
    seen.met("fail-over")


def test_a_node_that_another_administrator_pauses(seen: Clients) -> None:
    seen.fault("pause-node", host="hv02", after=10, lasts=60)
    assert seen.node("hv02") == ("Up", "NotInitiated")
    seen.clock.sleep(11.0)
    assert seen.node("hv02") == ("Paused", "NotInitiated")
    _, errors = seen.ask(command("Move-ClusterGroup", Name="web01", Node="hv02"))
    assert "The remote server has been paused or is in the process of being started" in errors
    seen.clock.sleep(60.0)
    assert seen.node("hv02") == ("Up", "NotInitiated")
    seen.met("pause-node")


def test_a_node_that_is_drained(seen: Clients) -> None:
    seen.fault("pause-node", host="hv01", drain=True)
    assert seen.node("hv01") == ("Paused", "InProgress")
    seen.clock.sleep(60.0)
    assert (seen.node("hv01"), seen.group()) == (("Paused", "Completed"), ("Online", "HV02"))
    seen.met("pause-node")


def test_a_full_shared_volume(seen: Clients) -> None:
    seen.fault("fill-csv", volume="Volume1", free="1 GB", vm="away01", phase="negotiate")
    assert "0x80070070" in seen.into_the_volume()
    assert [vm["Name"] for vm in seen.vms("hv03")] == ["away01"]
    info = {"ExpandProperty": "SharedVolumeInfo"}
    found, _ = seen.ask(command("Get-ClusterSharedVolume"), command(select().name, **info),
                        command(select().name, ExpandProperty="Partition"))
    assert found[0]["FreeSpace"] == 1024**3
    seen.met("fill-csv")


def test_a_redirected_shared_volume(seen: Clients) -> None:
    assert seen.reached() == ["Direct", "Direct"]
    seen.fault("redirect-csv", volume="Volume1", host="hv02", reason="IncompatibleFileSystemFilter", lasts=600)
    assert seen.reached() == ["Direct", "FileSystemRedirected"]
    began = seen.clock.monotonic()
    assert seen.into_the_volume() == ""
    assert seen.clock.monotonic() - began > 80
    seen.clock.sleep(600.0)
    assert seen.reached() == ["Direct", "Direct"]
    seen.met("redirect-csv")


def test_a_shared_volume_that_is_gone_for_a_while(seen: Clients) -> None:
    def look() -> None:
        assert (seen.volume(), seen.reached()) == ("Failed", ["Unavailable", "Unavailable"])
        assert [vm["State"].name for vm in seen.vms("hv01")] == ["PausedCritical"]
        assert seen.group() == ("Failed", "HV01")
        assert "because it does not exist" in seen.ask(command("Get-Item", LiteralPath=[VOLUME + "\\web01"]))[1]

    said: list[str] = []
    seen.fault("csv-offline", volume="Volume1", after=5, lasts=60)
    mover = seen.clock.start(lambda: said.append(seen.drain()), name="mover")
    seen.clock.sleep(10.0)
    look()
    seen.clock.join(mover)
    assert (said, seen.node("hv01")) == ([""], ("Paused", "Failed"))
    seen.clock.sleep(60.0)
    assert (seen.volume(), seen.reached(), seen.group()) == ("Online", ["Direct", "Direct"], ("Online", "HV01"))
    seen.met("csv-offline")


def test_a_cluster_without_quorum(seen: Clients) -> None:
    seen.fault("lose-quorum", after=5, lasts=120)
    seen.clock.sleep(6.0)
    for host in ("hv01", "hv02"):
        _, errors = seen.ask(command("Get-ClusterGroup"), host=host)
        assert errors.startswith("The cluster service is not running.")
    assert [vm["State"].name for vm in seen.vms("hv01")] == ["Off"]
    seen.clock.sleep(120.0)
    assert seen.group() == ("Online", "HV01")
    assert [vm["State"].name for vm in seen.vms("hv01")] == ["Running"]
    seen.met("lose-quorum")


def test_power_loss_of_a_node(seen: Clients) -> None:
    seen.fault("crash", host="hv01", down=200)
    seen.clock.sleep(30.0)
    assert (seen.group(), seen.node("hv01")) == (("Online", "HV02"), ("Down", "NotInitiated"))
    seen.clock.sleep(200.0)
    assert (seen.group(), seen.node("hv01")) == (("Online", "HV02"), ("Up", "NotInitiated"))
    assert seen.vms("hv01") == []
    seen.met("crash")


#: What the control socket says against a fault.
REFUSED = [
    ({"kind": "fill-csv"}, "fill-csv needs volume"), ({"kind": "fail-over"}, "fail-over needs vm"),
    ({"kind": "fill-csv", "volume": "Volum1"}, 'did you mean "Volume1"'),
    ({"kind": "lose-quorum", "cluster": "hvc2"}, 'did you mean "hvc1"'),
    ({"kind": "pause-node", "host": "hv03"}, "no node of a cluster"),
    ({"kind": "fail-over", "vm": "away01"}, "no role of a virtual machine"),
    ({"kind": "redirect-csv", "volume": "Volume1", "reason": "NoDisk"}, "NoDiskConnectivity"),
]


def test_faults_that_make_no_sense_and_faults_drawn(seen: Clients) -> None:
    for fault, words in REFUSED:
        with pytest.raises(LabError, match=re.escape(words)):
            seen.control.ask("fault.add", fault=fault)
    drawn = [seen.control.ask("fault.random", random=300, seed=7)["faults"]]
    seen.control.ask("fault.clear")
    drawn.append(seen.control.ask("fault.random", random=300, seed=7)["faults"])
    assert drawn[0] == drawn[1]
    assert {"fail-over", "pause-node", "csv-offline", "lose-quorum"} <= {fault["kind"] for fault in drawn[0]}


def test_the_job_of_a_clusters_move_is_on_the_node_that_had_the_machine(seen: Clients) -> None:
    assert seen.drain() == ""
    (job,) = seen.jobs()
    assert (int(job["JobState"]), int(job["PercentComplete"])) == (7, 100)
    assert seen.group() == ("Online", "HV02")
