"""``python -m tests.fixtures_documented``: fixtures/transcripts/documented, what people published of Windows' answers.

Published are texts on a screen, no CLIXML: each is written here as the command of ours would bring it. What a source
does not show is not in it: a column that was not printed is missing, an error whose id nobody showed has none.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from winmigrate.remoting.clixml import PSObject, dumps
from winmigrate.request import Event, Request, Statement, Stream
from winmigrate.transcript import Entry, Header, Transcript, request_to_data, save_transcript
from winmigrate.windows import host, network, storage
from winmigrate.windows.move import OneFolder, compare_vm, move_vm

FOLDER = Path(__file__).parent.parent / "fixtures" / "transcripts" / "documented"
_ERROR = ("System.Management.Automation.ErrorRecord", "System.Object")
_CUSTOM = ("System.Management.Automation.PSCustomObject", "System.Object")
#: The same folder in all: no source says where the files were to go.
_THERE = OneFolder("D:\\VMs")


def row(kind: str | None = None, /, **columns: Any) -> Event:
    """One object of output; ``kind`` is what Select-Object took it from."""
    types = _CUSTOM if kind is None else (f"Selected.{kind}", *_CUSTOM)
    return Event(0.0, Stream.OUTPUT, dumps(PSObject(types, None, columns)))


def error(text: str) -> Event:
    """A non-terminating error of which only the text is known."""
    exception = PSObject(("System.Exception", "System.Object"), text, {"Message": text})
    return Event(0.0, Stream.ERROR, dumps(PSObject(_ERROR, text, {"Exception": exception})))


def entry(asked: Statement | Request, *events: Event) -> Entry:
    return Entry(request_to_data(asked if isinstance(asked, Request) else Request((asked,))), events)


def transcripts() -> Iterator[tuple[str, Transcript]]:
    """(folder and file, transcript); ``recorder`` of the header is the page."""
    yield "compare-move/hvold01", Transcript(
        Header("documented", "github.com/halvantic/hyperv-control-plane: agent/hyperv/movecompat_test.go", "hvold01"),
        (
            # Beside the entry with the cause stand always two of the VM, whose MessageIds the source does not give.
            entry(
                compare_vm("00000000-0000-0000-0000-000000000001", "HVNEW06", _THERE, "2019"),
                row(
                    Message="Virtual machine migration operation for 'HVNew01' failed at migration destination",
                    MessageId=None,
                    SourceType="VirtualMachine",
                ),
                row(
                    Message="The virtual machine 'HVNew01' is not compatible with physical computer 'HVNEW06'",
                    MessageId=None,
                    SourceType="VirtualMachine",
                ),
                row(
                    Message="The virtual machine 'HVNew01' is not compatible with physical computer 'HVNEW06'. "
                    "Could not find Ethernet switch 'ConvergedSwitch2'.",
                    MessageId=33012,
                    SourceType="VMNetworkAdapter",
                ),
            ),
        ),
    )
    yield "move-no-credentials/forge", Transcript(
        Header("documented", "technologytoolbox.com, notes on moving BANSHEE from FORGE to TT-HV02A", "forge"),
        (
            entry(
                move_vm("d46fd5cd-a9cb-40b1-acfb-5cc8c759e2d5", "TT-HV02A", _THERE, "2019"),
                error(
                    "Virtual machine migration operation for 'BANSHEE' failed at migration source 'FORGE'. (Virtual "
                    "machine ID D46FD5CD-A9CB-40B1-ACFB-5CC8C759E2D5)\n\n"
                    "The Virtual Machine Management Service failed to establish a connection for a Virtual Machine "
                    "migration with host 'TT-HV02A': No credentials are available in the security package "
                    "(0x8009030E).\n\n"
                    "Failed to authenticate the connection at the source host: no suitable credentials available."
                ),
            ),
        ),
    )
    yield "move-wrong-principal/hyper-v4", Transcript(
        Header("documented", "learn.microsoft.com, Q&A 66454", "hyper-v4"),
        (
            entry(
                move_vm("39d45f49-72d2-4d19-b98a-9f55481a8047", "hyper-v01", _THERE, "2019"),
                error(
                    "Virtual machine migration operation for 'WindowsAdminCenter' failed at migration source "
                    "'HYPER-V4'. (Virtual machine ID 39D45F49-72D2-4D19-B98A-9F55481A8047)\n\n"
                    "The Virtual Machine Management Service failed to establish a connection for a Virtual Machine "
                    "migration with host 'hyper-v01': The target principal name is incorrect. (0x80090322).\n\n"
                    "The Virtual Machine Management Service failed to authenticate the connection for a Virtual "
                    "Machine migration at the source host: The target principal name is incorrect. (0x80090322)."
                ),
            ),
        ),
    )
    yield "move-not-enabled/hv01", Transcript(
        Header("documented", "technologytoolbox.com, notes on live migration", "hv01"),
        (
            entry(
                move_vm("00000000-0000-0000-0000-000000000001", "hv02", _THERE, "2019"),
                error(
                    "The source host is not configured for live migration. Use the Enable-VMMigration cmdlet to modify "
                    "the Hyper-V settings on the source host to enable migration."
                ),
            ),
        ),
    )
    child = "C:\\ClusterStorage\\Volume1\\VMS\\VM2\\Virtual Hard Disks\\VM2_child.avhdx"
    yield "vhd-parent/w2k16-61", Transcript(
        Header("documented", "github.com/jpwinsup/blog: 2021/05/21/FailoverClustering, vm-backup-restore", "w2k16-61"),
        (
            # The page cuts the child's name to "...avhdx"; the parent is printed whole, in capitals as Hyper-V says it.
            entry(
                storage.vhds([child], "2016"),
                row(
                    "Microsoft.Vhd.PowerShell.VirtualHardDisk",
                    ParentPath="C:\\ClusterStorage\\Volume1\\VMS\\VM2\\VIRTUAL HARD DISKS\\VM2.VHDX",
                ),
            ),
        ),
    )
    yield "switch-after-boot/hv01", Transcript(
        Header("documented", "github.com/jpwinsup/blog: 2026/06/15, before and after a defective boot", "hv01"),
        tuple(
            entry(
                network.SWITCHES.statement("2019"),
                row("Microsoft.HyperV.PowerShell.VMSwitch", Name="vSwitch-SET", SwitchType=kind),
            )
            for kind in ("External", "Private")
        ),
    )
    yield "vm-host/hypervnode01", Transcript(
        Header("documented", "a blog's table of Get-VMHost, Name and authentication type", "hypervnode01"),
        (
            entry(
                host.VM_HOST.statement("2019"),
                row(
                    "Microsoft.HyperV.PowerShell.VMHost",
                    Name="HyperVNode01",
                    VirtualMachineMigrationAuthenticationType="Kerberos",
                ),
            ),
        ),
    )


def main() -> int:
    for name, transcript in transcripts():
        path = FOLDER / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_transcript(transcript, path)
        print(f"{path.relative_to(FOLDER)}: {len(transcript.entries)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
