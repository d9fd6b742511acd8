"""One transcript through both outlets: sessions in process, and real WinRM; whoever asks gets the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from winmigrate import stand
from winmigrate.inventory import load_inventory
from winmigrate.playbook import Playbook, load_playbook
from winmigrate.request import (
    SWITCH,
    Credential,
    Event,
    PipelineState,
    Reply,
    Request,
    Secret,
    Stream,
    Typed,
    command,
    request,
    select,
    statement,
)
from winmigrate.survey import Survey, call_roll, find_candidates, take_survey
from winmigrate.testing import Fabric, played, site
from winmigrate.transcript import (
    Book,
    Entry,
    Header,
    Transcript,
    TransportFault,
    load_book,
    request_to_data,
    save_transcript,
)
from winmigrate.verbs import Ground, Recording

PLAYBOOK = r"""
winmigrate: 1
inventory: inventory.yml
migrations: [{vm: web01, to: hv02, storage: {path: 'D:\In\{vm}'}}]
"""


def surveyed(ground: Ground, playbook: Playbook) -> Survey:
    roll = call_roll(ground.inventory, ground.connector, ground.clock)
    candidates = find_candidates(playbook, ground.inventory, roll)
    assert len(candidates.candidates) == 1
    return take_survey(
        ground.inventory, candidates, roll, ground.connector, ground.clock, credentials=ground.credential_for
    )


def untimed(survey: Survey) -> dict[str, Any]:
    return {name: dataclasses.replace(facts, asked_from=None, asked_at=None) for name, facts in survey.hosts.items()}


def test_a_survey_is_the_same_in_process_and_over_winrm(tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    fabric = Fabric().host("hv01", version="2019").vm("web01", on="hv01", memory="4 GB").host("hv02", version="2022")
    recording = Recording(redacted=False)
    with site(tmp_path / "lab", fabric.text(), playbook=PLAYBOOK) as place:
        playbook = load_playbook(place.playbook, load_inventory(place.inventory))
        real = surveyed(place.ground(recording=recording), playbook)
        recording.save(tmp_path / "book")
    book = load_book(tmp_path / "book")
    inside = surveyed(stand(tmp_path / "book" / "inventory.yml", replaying=book), playbook)
    book.close()
    with played(tmp_path / "book", tmp_path / "played.yml", http=True):
        outside = surveyed(stand(tmp_path / "played.yml"), playbook)
    at = real.taken_at
    for other in (inside, outside):
        assert untimed(dataclasses.replace(other, taken_at=at)) == untimed(real)
        assert other.pairs == real.pairs


# --- message by message ------------------------------------------------------------------------------------------

GUID = "3ab7ee4f-7f96-5d33-b85d-97b5826a0a02"
ROW = Event(0.0, Stream.OUTPUT, '<Obj RefId="0"><MS><S N="Name">a &amp; "b" 🎈_x000A_</S><I32 N="N">7</I32></MS></Obj>')
OOPS = Event(0.1, Stream.ERROR, '<Obj RefId="0"><ToString>oops</ToString><MS><S N="x">y</S></MS></Obj>')
ERROR = (
    '<Obj RefId="0"><TN RefId="0"><T>A</T></TN><ToString>no</ToString>'
    '<MS><Obj N="B" RefId="1"><TNRef RefId="0" /></Obj></MS></Obj>'
)
MOVE = request(
    statement(command("Get-VM", Id=GUID), select("Name", "Id")),
    statement(
        command(
            "Move-VM", DestinationHost="hv02", IncludeStorage=SWITCH, Confirm=False, Count=5, Big=2**40,
            Small=Typed("U16", 4), DestinationCredential=Credential("CORP\\ops", Secret("x")), Word=Secret("y"),
            Vhds=[{"SourceFilePath": "D:\\a", "DestinationFilePath": None}], Half=0.5,
        ),
    ),
    statement(command("whoami.exe", "/user", "/fo")),
)  # fmt: skip
ENTRIES = (
    Entry(request_to_data(MOVE), (ROW, OOPS, ROW), seconds=0.5),
    Entry(request_to_data(request(statement(command("Get-VM")))), (ROW,), PipelineState.FAILED, ERROR),
    Entry(request_to_data(request(statement(command("Get-VMHost")))), (), TransportFault("ConnectionLost", "gone")),
)


@pytest.fixture(scope="module")
def outlets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Ground]]:
    """The same transcript behind each outlet."""
    folder = tmp_path_factory.mktemp("outlets")
    (folder / "book").mkdir()
    transcript = Transcript(Header("invented", "a test", "hv01", 17763), ENTRIES)
    save_transcript(transcript, folder / "book" / "hv01.jsonl")
    (folder / "inventory.yml").write_text("winmigrate: 1\nhosts: {hv01: }\n")
    with played(folder / "book", folder / "played.yml", http=True):
        inside = stand(folder / "inventory.yml", replaying=Book([transcript]))
        yield {"in process": inside, "over WinRM": stand(folder / "played.yml")}


def asked(ground: Ground, what: Request) -> Reply:
    session = ground.connector("hv01")
    try:
        return session.ask(what)
    finally:
        session.close()


@pytest.mark.parametrize("outlet", ["in process", "over WinRM"])
def test_events_come_verbatim(outlets: dict[str, Ground], outlet: str) -> None:
    ground = outlets[outlet]
    reply = asked(ground, MOVE)
    assert [(event.stream, event.clixml) for event in reply.events] == [
        (event.stream, event.clixml) for event in ENTRIES[0].events
    ]
    assert (reply.state, reply.error) == (PipelineState.COMPLETED, None)
    failed = asked(ground, request(statement(command("get-vm"))))
    assert failed.state is PipelineState.FAILED
    assert failed.error is not None
    assert failed.error.replace(' N="ExceptionAsErrorRecord"', "") == ERROR


def test_a_client_of_somebody_else_gets_them_too(tmp_path: Path) -> None:
    asked = request(statement(command("Get-VMSwitch", Name="a", Count=5)))
    entry = Entry(request_to_data(asked), (Event(0.0, Stream.OUTPUT, "<S>External</S>"),))
    save_transcript(Transcript(Header("invented", "a test", "hv01"), (entry,)), tmp_path / "hv01.jsonl")
    with played(tmp_path / "hv01.jsonl", tmp_path / "played.yml") as ready:
        known = yaml.safe_load((tmp_path / "played.credential.yml").read_text("utf-8"))
        wsman = WSMan(
            "127.0.0.1", port=ready["hosts"]["hv01"]["http"], ssl=False, auth="ntlm", username=known["username"],
            password=known["password"], no_proxy=True,
        )  # fmt: skip
        with RunspacePool(wsman) as pool:
            shell = PowerShell(pool)
            shell.add_cmdlet("Get-VMSwitch").add_parameter("Name", "a").add_parameter("Count", 5)
            assert shell.invoke() == ["External"]
            assert not shell.had_errors


def test_a_miss_over_winrm_says_what_is_nearest(outlets: dict[str, Ground]) -> None:
    ground = outlets["over WinRM"]
    reply = asked(ground, request(statement(command("Get-VMHost", Name="hv02"))))
    assert reply.state is PipelineState.FAILED
    assert "nearest is entry 3: Get-VMHost" in (reply.error or "")
    lost = asked(ground, request(statement(command("Get-VMHost"))))
    assert lost.state is PipelineState.FAILED
    assert "recorded: ConnectionLost: gone" in (lost.error or "")
