"""The transcripts in fixtures/: whole, as they were made, and of use to the client."""

from __future__ import annotations

from typing import Any

import pytest

from tests import fixtures_documented, fixtures_generate
from winmigrate.facts import VERSIONS, Unreadable
from winmigrate.remoting.clixml import loads
from winmigrate.remoting.records import record_of
from winmigrate.request import Request, Stream
from winmigrate.transcript import Book, data_to_request, load_transcript, request_text, request_to_data
from winmigrate.windows import host, network, storage
from winmigrate.windows.migration import Incompatibility
from winmigrate.windows.register import TABLES
from winmigrate.windows.row import rows

AGAIN = "the lab answers otherwise than when the fixtures were made; if it should: python -m tests.fixtures_generate"
#: Of each version every so many requests are asked again, each version beginning with another.
SAMPLE = 6


@pytest.mark.parametrize("version", VERSIONS)
def test_every_request_of_the_register_is_there(version: str) -> None:
    kept = load_transcript(fixtures_generate.path_of(version))
    assert kept.header.origin == "lab"
    asked = [request_to_data(one) for one in fixtures_generate.requests(version)]
    assert [entry.request for entry in kept.entries] == asked


@pytest.mark.parametrize("version", VERSIONS)
def test_the_lab_still_answers_so(version: str) -> None:
    kept = load_transcript(fixtures_generate.path_of(version))
    sample = slice(VERSIONS.index(version) % SAMPLE, None, SAMPLE)
    fresh = fixtures_generate.transcript(version, sample)
    assert fresh.header == kept.header
    for old, new in zip(kept.entries[sample], fresh.entries, strict=True):
        assert new == old, f"{request_text(new.request)}\n{AGAIN}"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_client_reads_every_table_of_them(version: str) -> None:
    book = Book([load_transcript(fixtures_generate.path_of(version))], strict=False)
    session = book.connector()("hv01")
    for table in TABLES:
        if table.exists(version):
            reply = session.ask(Request((table.statement(version),)))
            assert [event for event in reply.events if event.stream is Stream.ERROR] == []
            table.rows([loads(event.clixml) for event in reply.events], version)
    assert book.missed == ()


def documented(name: str) -> tuple[list[Any], list[str]]:
    """What the one entry of a documented transcript brings, as the client reads it: (objects, texts of errors)."""
    path = fixtures_documented.FOLDER / f"{name}.jsonl"
    transcript = load_transcript(path)
    session = Book([transcript]).connector()(transcript.header.host)
    reply = session.ask(data_to_request(transcript.entries[0].request))
    objects = [loads(event.clixml) for event in reply.events if event.stream is Stream.OUTPUT]
    errors = [record_of(event.clixml).message for event in reply.events if event.stream is Stream.ERROR]
    return objects, errors


def test_documented_ones_are_as_their_sources_are_written_down() -> None:
    made = dict(fixtures_documented.transcripts())
    files = {str(path.relative_to(fixtures_documented.FOLDER)) for path in fixtures_documented.FOLDER.rglob("*.jsonl")}
    assert files == {f"{name}.jsonl" for name in made}
    for name, transcript in made.items():
        assert load_transcript(fixtures_documented.FOLDER / f"{name}.jsonl") == transcript
        assert transcript.header.origin == "documented"
        assert transcript.header.recorder


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("move-no-credentials/forge", "No credentials are available in the security package (0x8009030E)"),
        ("move-wrong-principal/hyper-v4", "The target principal name is incorrect. (0x80090322)"),
        ("move-not-enabled/hv01", "The source host is not configured for live migration"),
    ],
)
def test_documented_errors_are_read_as_errors(name: str, said: str) -> None:
    objects, [error] = documented(name)
    assert objects == []
    assert said in error


def test_documented_rows_are_read_and_what_nobody_showed_is_unreadable() -> None:
    found, _ = documented("compare-move/hvold01")
    *_, cause = rows(Incompatibility, found, "2019")
    assert cause.message_id == 33012
    assert "'ConvergedSwitch2'" in str(cause.message)
    objects, _ = documented("vhd-parent/w2k16-61")
    [disk] = rows(storage.VHD, objects, "2016")
    assert str(disk.parent_path).endswith("VM2.VHDX")
    assert isinstance(disk.size, Unreadable)
    objects, _ = documented("switch-after-boot/hv01")
    [switch] = network.SWITCHES.rows(objects, "2019")
    assert (switch.name, switch.switch_type) == ("vSwitch-SET", "External")
    objects, _ = documented("vm-host/hypervnode01")
    [node] = host.VM_HOST.rows(objects, "2019")
    assert node.virtual_machine_migration_authentication_type == "Kerberos"
    assert isinstance(node.memory_capacity, Unreadable)
