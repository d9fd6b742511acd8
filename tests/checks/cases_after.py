"""Cases of what only the move settles, and of what only the rehearsal does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.checks.world import (
    ACLS,
    ADAPTERS,
    CHECKPOINT_DISKS,
    DISKS,
    ISOLATION,
    MEMORY,
    NOW,
    PROCESSORS,
    SECURITY,
    SERVICES,
    VLANS,
    VM,
    WEB,
    AbsentExcept,
    Chains,
    Change,
    World,
    adapter,
    denied,
    drive,
    enum,
    isolation,
    memory,
    processor,
    security,
    service,
    vhd,
    vlan,
    vm_row,
)
from tests.survey.hosts import FakeHost, FakeSession
from winmigrate.checks import Outcome, Severity
from winmigrate.checks.aftermath import Aftermath
from winmigrate.facts import Unreadable
from winmigrate.remoting.batch import Answer, Read, ask_batch
from winmigrate.survey import PlannedChanges, difference, fingerprint
from winmigrate.survey.arriving import arrivals
from winmigrate.windows import event, storage
from winmigrate.windows.row import rows

P, F, U = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
OLD = "D:\\VMs\\web01\\web01.vhdx"
NEW = "D:\\VMs\\web01\\Virtual Hard Disks\\web01.vhdx"
EVENTS = "Get-WinEvent | expand Properties"


class Moved:
    """The world before a move and after it: web01 is on hv02, on its switch Ext."""

    def __init__(self) -> None:
        self.before, self.after = World(), World()
        for world in (self.before, self.after):
            world.put("hv01", ADAPTERS, MacAddress="00155D000001")
        self.after.pairs = [("hv02", "hv01")]  # where it is now, its security settings are asked
        there = self.after.answers["hv02"]
        there[VM] = [vm_row(WEB, "web01")]
        there[ADAPTERS] = [adapter(WEB, "Ext", MacAddress="00155D000001")]
        there[DISKS] = [drive(WEB, NEW)]
        there[CHECKPOINT_DISKS] = []
        there[VLANS], there[ISOLATION] = [vlan(WEB)], [isolation(WEB)]
        there[SERVICES] = [service(WEB, "Heartbeat"), service(WEB, "VSS")]
        there[PROCESSORS], there[MEMORY], there[SECURITY] = [processor(WEB)], [memory(WEB)], [security()]
        there["Get-VHD"] = Chains(vhd(NEW))
        here = self.after.answers["hv01"]
        here[VM], here[ADAPTERS], here[DISKS] = [], [], []
        here["Get-Item"] = AbsentExcept()
        here[EVENTS] = blackout(0.4)

    def aftermath(self) -> Aftermath:
        """As both hosts tell it, in CLIXML."""
        then, now = self.before.survey(), self.after.survey()
        source, destination = now.host("hv01"), now.host("hv02")
        old, new = fingerprint(then.host("hv01"), str(WEB)), fingerprint(destination, str(WEB))
        planned = PlannedChanges({OLD: NEW}, {"External": "Ext"}, "D:\\VMs\\web01")
        assert not isinstance(old, Unreadable)
        changes = new if isinstance(new, Unreadable) else difference(old, new, planned)
        session = FakeSession(FakeHost("hv01", self.after.answers["hv01"]))
        ids = (event.COMPLETED, event.COMPLETED_LATE)
        answers = ask_batch(
            session,
            [Read("files", storage.files([OLD], "2019")), Read("events", event.event_properties(ids, NOW))],
        )
        left = arrivals([OLD], answers["files"], "2019", "hv01")
        unread = next((item for item in left.values() if isinstance(item, Unreadable)), None)
        vm = source.vm(str(WEB))
        return Aftermath(
            str(WEB), "web01", "hv01", "hv02", "Running",
            source_vm=vm if isinstance(vm, Unreadable) else vm is not None,
            destination_vm=destination.vm(str(WEB)),
            adapters=destination.adapters_of(str(WEB)),
            switches={"External": "Ext"},
            changes=changes,
            blackout=_seconds(answers["events"]),
            leftovers=tuple(path for path, item in left.items() if item is not None) if unread is None else unread,
        )  # fmt: skip


def _seconds(answer: Answer | Unreadable) -> float | Unreadable | None:
    if isinstance(answer, Unreadable):
        return answer
    if answer.errors:
        return Unreadable(str(answer.errors[0].message))
    found = event.blackouts(rows(event.EventProperty, answer.objects, "2019"))
    return float(found[-1].blackout) if found else None


def blackout(seconds: float) -> list[dict[str, Any]]:
    """Event 20415 by its properties: the VM, the destination, the blackout."""
    values = ("web01", "hv02", str(seconds))
    return [{"EventRecordId": 7, "EventId": 20415, "Value": value} for value in values]


@dataclass(frozen=True)
class AfterCase:
    """``evidence`` and ``remedy`` are fragments."""

    requirement: str
    outcome: Outcome
    change: Callable[[Moved], None]
    evidence: str
    remedy: str | None = None
    severity: Severity | None = None
    wanted: str = field(default="")

    def __str__(self) -> str:
        return f"{self.requirement}: {self.outcome.value}: {self.evidence[:40]}"


def _as_it_was(moved: Moved) -> None:
    """A move that went well."""


def _on(change: Change) -> Callable[[Moved], None]:
    return lambda moved: change(moved.after)


def _answer(host: str, statement: str, *found: Any) -> Callable[[Moved], None]:
    return lambda moved: moved.after.set(host, statement, *found)


def _left(*paths: str) -> Callable[[Moved], None]:
    def change(moved: Moved) -> None:
        moved.after.answers["hv01"]["Get-Item"] = AbsentExcept(*paths)

    return change


def _ruled(kept: bool) -> Callable[[Moved], None]:
    """An ACL on the source's adapter, and on the destination's if it was kept."""
    acl = {
        "AdapterId": f"Microsoft:{WEB}\\A", "OwnerId": WEB, "LocalAddress": "ANY", "RemoteAddress": "10.9.0.0/16",
        "Action": enum("VMNetworkAdapterAclAction", "Deny"),
        "Direction": enum("VMNetworkAdapterAclDirection", "Inbound"),
    }  # fmt: skip

    def change(moved: Moved) -> None:
        moved.before.set("hv01", ACLS, acl)
        moved.after.set("hv02", ACLS, *([acl] if kept else []))

    return change


def _still_registered(moved: Moved) -> None:
    moved.after.set("hv01", VM, vm_row(WEB, "web01"))


CASES = [
    AfterCase("post-running", P, _as_it_was, "running on hv02"),
    AfterCase(
        "post-running", F, _answer("hv02", VM), f"hv02 has no VM with the Id {WEB}", severity=Severity.BLOCKS,
    ),
    AfterCase(
        "post-running", F, _answer("hv02", VM, vm_row(WEB, "web01", State=enum("VMState", "Paused"))),
        "web01 is paused on hv02", "look at web01 on hv02", Severity.RISKS,
    ),
    AfterCase("post-running", U, _answer("hv02", VM, denied()), "the VMs of hv02 cannot be read: access denied"),
    AfterCase("post-source-gone", P, _as_it_was, "not on hv01"),
    AfterCase(
        "post-source-gone", F, _still_registered, "web01 is still registered on hv01", "do not start it on hv01",
        Severity.BLOCKS,
    ),
    AfterCase("post-source-gone", U, _answer("hv01", VM, denied()), "the VMs of hv01 cannot be read"),
    AfterCase("post-network", P, _as_it_was, "as before, but for what the plan changes"),
    AfterCase(
        "post-network", F, _answer("hv02", ADAPTERS, adapter(WEB, "External", MacAddress="00155D000001")),
        "Network Adapter of web01 is on the switch it should have left", "", Severity.RISKS,
    ),
    AfterCase(
        "post-network", F, _answer("hv02", ADAPTERS, adapter(WEB, "Ext", MacAddress="00155D000002")),
        "mac_address: 00155D000001 > 00155D000002", "set it back on hv02",
    ),
    AfterCase(
        "post-network", F, _answer("hv02", VM, vm_row(WEB, "web01", ProcessorCount=4)),
        "settings/processor_count: 2 > 4", "set it back on hv02", Severity.RISKS,
    ),
    AfterCase("post-network", P, _ruled(True), "as before, but for what the plan changes"),
    AfterCase(
        "post-network", F, _ruled(False), "Inbound ANY 10.9.0.0/16/action: Deny > nothing", "set it back on hv02",
    ),
    AfterCase(
        "post-network", F, _answer("hv02", ISOLATION, isolation(WEB, "NativeVirtualSubnet")),
        "isolation_mode: nothing > NativeVirtualSubnet",
    ),
    AfterCase("post-network", U, _answer("hv02", ADAPTERS, denied()), "the adapters of web01 on hv02 cannot be read"),
    AfterCase("post-network", U, _answer("hv02", VM, denied()), "cannot be read"),
    AfterCase("post-blackout", P, _as_it_was, "0.4 s"),
    AfterCase("post-blackout", F, _answer("hv01", EVENTS, *blackout(2.6)), "2.6 s", severity=Severity.RISKS),
    AfterCase("post-blackout", U, _answer("hv01", EVENTS), "no event on either host tells"),
    AfterCase("post-blackout", U, _answer("hv01", EVENTS, denied("No.")), "the blackout of web01 cannot be read: No."),
    AfterCase("post-leftovers-source", P, _as_it_was, "nothing on hv01"),
    AfterCase(
        "post-leftovers-source", F, _left(OLD), "1 left on hv01", "Remove-Item -LiteralPath '", Severity.INFORMS,
    ),
    AfterCase(
        "post-leftovers-source", U, _answer("hv01", "Get-Item", denied()),
        "the old files of web01 on hv01 cannot be read",
    ),
]  # fmt: skip

