"""``python -m tests.fixtures_generate``: fixtures/transcripts/lab, every request of the register as the lab answers it.

One transcript a Windows version. They are the lab's own words: good to test against without a lab, no proof of what
Windows says. A request that changes something has a world of its own; all others share one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.lab.cmdlets.asking import Site
from tests.lab.fabric.worlds import ops, world_of
from winmigrate.facts import VERSIONS
from winmigrate.facts.versions import BUILDS
from winmigrate.lab.engine.effects import Wait
from winmigrate.remoting.messages import create_pipeline, ended
from winmigrate.request import Event, PipelineState, Request, Statement, Stream
from winmigrate.transcript import Entry, Header, Transcript, request_to_data, save_transcript
from winmigrate.windows.register import statements

FOLDER = Path(__file__).parent.parent / "fixtures" / "transcripts" / "lab"
FABRIC = r"""
fabric: fixtures
seed: 1
now: 2026-03-02T08:00:00Z
domain: corp.example
users:
  ops: {password: "word", administrator: true}
  user: {password: "", administrator: true}
delegation: {hv01: [hv02]}
hosts:
  hv01:
    version: VERSION
    features: {RSAT-AD-PowerShell: Installed}
    volumes: {C: 1 TB, D: 1 TB}
    switches: [a]
    addresses: [10.0.0.1/24]
    sans: [san1]
    migration: {any_network: false, networks: [10.0.0.0/24]}
    vms:
      web01:
        id: 00000000-0000-0000-0000-000000000001
        memory: 4 GB
        disks: [{path: 'C:\a.vhdx', size: 40 GB, used: 10 GB}]
        adapters: [{switch: a, vlan: 20}]
        checkpoints: [before]
      off01:
        state: 'Off'
        disks: [{path: 'D:\VMs\off01\a.vhdx'}, {physical: 2}]
        dvds: ['D:\iso\a.iso']
        fibre_channel: [san1]
        devices: [{name: GPU, location_path: 'PCIROOT(0)#PCI(0300)'}]
  hv02: {version: VERSION, volumes: {C: 1 TB, D: 1 TB}, switches: [a, b], addresses: [10.0.0.2/24]}
"""
_CHANGING = ("Move-VM", "Invoke-CimMethod")
_STREAMS = {
    "PIPELINE_OUTPUT": Stream.OUTPUT,
    "ERROR_RECORD": Stream.ERROR,
    "WARNING_RECORD": Stream.WARNING,
    "VERBOSE_RECORD": Stream.VERBOSE,
    "DEBUG_RECORD": Stream.DEBUG,
    "INFORMATION_RECORD": Stream.INFORMATION,
    "PROGRESS_RECORD": Stream.PROGRESS,
}


def requests(version: str) -> Iterator[Request]:
    """The register's statements as they are sent: a function's definition goes with its call."""
    held: tuple[Statement, ...] = ()
    seen: set[str] = set()
    for one in statements(version):
        if one.commands[0].is_script:
            held = (one,)
            continue
        found = Request((*held, one))
        held = ()
        text = repr(request_to_data(found))
        if text not in seen:
            seen.add(text)
            yield found


def changes(asked: Request) -> bool:
    """Does it change the world, or may it?"""
    return any(one.is_script or one.name.startswith(_CHANGING) for each in asked.statements for one in each.commands)


def entry(site: Site, asked: Request) -> Entry:
    """What the lab's host answers, with the fabric's time."""
    clock = site.world.clock
    began = clock.monotonic()
    events: list[Event] = []
    sent = create_pipeline(asked, (2, 3), lambda secret: secret.reveal())
    for item in site.engine.run(sent, site.caller, lambda: False, lambda sealed: sealed):
        at = round(clock.monotonic() - began, 6)
        if isinstance(item, Wait):
            with clock.parked():
                clock.wait(item.deadline, item.ready)
        elif item.kind == "PIPELINE_STATE":
            end = ended(item.clixml)
            assert end is not None
            return Entry(request_to_data(asked), tuple(events), end[0], end[1], at)
        else:
            events.append(Event(at, _STREAMS[item.kind], item.clixml))
    raise AssertionError(f"no end: {asked}")


def transcript(version: str, only: slice = slice(None)) -> Transcript:
    """The transcript of one version, or some of its entries."""
    text = FABRIC.replace("VERSION", version)
    entries = []
    with world_of(text) as world:
        shared = Site(world, caller=ops("credssp"))
        for asked in list(requests(version))[only]:
            if changes(asked):
                with world_of(text) as own:
                    entries.append(entry(Site(own, caller=ops("credssp")), asked))
            else:
                entries.append(entry(shared, asked))
        began = shared.world.clock.date(0.0).isoformat(timespec="seconds")
    header = Header("lab", "tests.fixtures_generate", "hv01", BUILDS[version], "en-US", at=began)
    return Transcript(header, tuple(entries))


def path_of(version: str) -> Path:
    """Where a version's transcript is kept."""
    return FOLDER / version / "hv01.jsonl.gz"


def main() -> int:
    for version in VERSIONS:
        made = transcript(version)
        path_of(version).parent.mkdir(parents=True, exist_ok=True)
        save_transcript(made, path_of(version))
        failed = sum(one.end is not PipelineState.COMPLETED for one in made.entries)
        size = path_of(version).stat().st_size
        print(f"{version}: {len(made.entries)} requests, {failed} of them fail, {size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
