"""PSRP messages: fragments in any cut, redelivery, gaps, and what is no message at all."""

from __future__ import annotations

import contextlib
import struct
import uuid

import pypsrp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypsrp.exceptions import FragmentError
from pypsrp.powershell import RunspacePool
from pypsrp.wsman import _TransportHTTP

from winmigrate.errors import ClixmlError
from winmigrate.remoting.clixml import loads
from winmigrate.remoting.messages import (
    CREATE_PIPELINE,
    Reassembly,
    create_pipeline,
    ended,
    fragments,
    packed,
)
from winmigrate.request import PipelineState, Request, command, request, statement

POOL, PIPE = str(uuid.UUID(int=1)), str(uuid.UUID(int=2))


@given(st.lists(st.text(max_size=200), max_size=5), st.integers(1, 60))
def test_what_is_cut_is_put_together(texts: list[str], size: int) -> None:
    texts = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
    pieces = [
        piece
        for number, text in enumerate(texts)
        for piece in fragments(number + 1, packed(CREATE_PIPELINE, POOL, PIPE, text), size)
    ]
    reassembly = Reassembly()
    found = [message for piece in pieces for message in reassembly.feed(piece)]
    assert [message.clixml for message in found] == [text.removeprefix("\ufeff") for text in texts]
    assert [message.number for message in found] == list(range(1, len(texts) + 1))
    assert list(reassembly.feed(b"".join(pieces))) == []  # delivered again: not given again


def test_a_gap_is_an_error() -> None:
    pieces = list(fragments(1, packed(CREATE_PIPELINE, POOL, PIPE, "x" * 100), 30))
    reassembly = Reassembly()
    list(reassembly.feed(pieces[0] + pieces[1] + pieces[1]))
    with pytest.raises(FragmentError, match="fragment 3 of object 1 came, 2 was due"):
        list(reassembly.feed(pieces[3]))


@given(
    st.binary(max_size=120) | st.binary(max_size=60).map(lambda data: struct.pack(">QQBI", 1, 0, 3, len(data)) + data)
)
def test_any_bytes_give_messages_or_a_fragment_error(data: bytes) -> None:
    with contextlib.suppress(FragmentError):
        list(Reassembly().feed(data))


def test_a_request_is_what_powershell_itself_would_send() -> None:
    asked = request(
        statement(command("Get-VM", Name="web01"), command("Select-Object", Property=["Name"])),
        statement(command("whoami.exe", "/user")),
    )
    members = loads(create_pipeline(asked, (2, 3))).properties
    assert list(members) == [
        "PowerShell", "NoInput", "ApartmentState", "RemoteStreamOptions", "AddToHistory", "HostInfo", "IsNested",
    ]  # fmt: skip
    shell = members["PowerShell"].properties
    assert list(shell) == ["ExtraCmds", "Cmds", "IsNested", "History", "RedirectShellErrorOutputPipe"]
    first, second = (each.properties["Cmds"] for each in shell["ExtraCmds"])
    assert [each.properties["Cmd"] for each in first] == ["Get-VM", "Select-Object"]
    assert first == shell["Cmds"]
    (argument,) = second[0].properties["Args"]
    assert argument.properties == {"N": None, "V": "/user"}


@pytest.mark.parametrize(
    ("version", "merges"),
    [((2, 1), 0), ((2, 2), 4), ((2, 3), 5)],
)
def test_an_older_host_is_not_sent_what_it_does_not_know(version: tuple[int, ...], merges: int) -> None:
    text = create_pipeline(request(statement(command("Get-VM"))), version)
    later = ("MergeError", "MergeWarning", "MergeVerbose", "MergeDebug", "MergeInformation")
    assert sum(f'N="{name}"' in text for name in later) == merges


def test_an_empty_request_is_refused() -> None:
    with pytest.raises(ClixmlError, match="at least one command"):
        create_pipeline(Request(()), (2, 3))


def test_how_a_pipeline_ended() -> None:
    assert ended('<Obj RefId="0"><MS><I32 N="PipelineState">4</I32></MS></Obj>') == (PipelineState.COMPLETED, None)
    assert ended('<Obj RefId="0"><MS><I32 N="PipelineState">1</I32></MS></Obj>') is None
    with pytest.raises(ClixmlError):
        ended("<S>done</S>")


def test_an_error_that_leans_on_what_stands_before_it_is_written_anew() -> None:
    text = (
        '<Obj RefId="0"><MS><I32 N="PipelineState">5</I32><Obj N="x" RefId="1"><TN RefId="0"><T>E</T></TN></Obj>'
        '<Obj N="ExceptionAsErrorRecord" RefId="2"><TNRef RefId="0"/><ToString>é</ToString></Obj></MS></Obj>'
    )
    end = ended(text)
    assert end is not None
    assert end[1] is not None
    assert loads(end[1]) == loads(text).properties["ExceptionAsErrorRecord"]


def test_the_private_seams_of_pypsrp_are_where_we_left_them() -> None:
    """pypsrp is pinned; a new version has to be looked at here first."""
    from importlib.metadata import version

    assert version("pypsrp") == "0.9.1"
    assert pypsrp.__name__ == "pypsrp"
    for name in ("_receive", "_parse_responses", "exchange_keys"):
        assert callable(getattr(RunspacePool, name))
    assert callable(_TransportHTTP._build_session)
