"""Documents that powershell.exe writes on a console."""

from __future__ import annotations

import pytest

from winmigrate.errors import ClixmlError
from winmigrate.remoting.clixml import loads
from winmigrate.remoting.console import values

OPENED = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">'


def document(inner: str) -> str:
    return f"#< CLIXML\r\n{OPENED}{inner}</Objs>"


def test_values_with_their_streams() -> None:
    text = document('<S S="Output">a</S><I32 S="Output">5</I32><S S="Error">oops_x000D__x000A_</S><Nil S="warning" />')
    read = [(stream, loads(clixml)) for stream, clixml in values(text)]
    assert read == [("output", "a"), ("output", 5), ("error", "oops\r\n"), ("warning", None)]


def test_references_are_made_whole() -> None:
    text = document(
        '<Obj S="Output" RefId="0"><TN RefId="0"><T>A.B</T><T>A</T></TN><MS><S N="X">1</S>'
        '<Obj N="In" RefId="1"><TN RefId="1"><T>C</T></TN><MS><S N="Y">2</S></MS></Obj></MS></Obj>'
        '<Obj S="Output" RefId="2"><TNRef RefId="0" /><MS><S N="X">3</S><Ref N="In" RefId="1" /></MS></Obj>'
    )
    first, second = (loads(clixml) for _, clixml in values(text))
    assert first.type_names == second.type_names == ("A.B", "A")
    assert second.properties["X"] == "3"
    assert second.properties["In"].properties == {"Y": "2"}
    assert second.properties["In"].type_names == ("C",)


def test_several_documents_in_one_stream() -> None:
    text = "\ufeff" + document('<S S="Error">a</S>') + "\r\n" + document('<S S="Error">b</S>')
    assert [loads(clixml) for _, clixml in values(text)] == ["a", "b"]
    assert list(values("")) == list(values(" \r\n")) == list(values(document(""))) == []


@pytest.mark.parametrize("text", [
    "'powershell.exe' is not recognized as an internal or external command,\r\noperable program or batch file.",
    "Loading profile...\r\n" + document('<S S="Output">a</S>'),
    "#< CLIXML\r\n<Objs", "#< CLIXML\r\n<!DOCTYPE a [<!ENTITY b 'c'>]><Objs>&b;</Objs>",
    document('<S S="Output">a</S><Ref S="Output" RefId="0" />'),
    document('<Obj S="Output" RefId="0"><TNRef RefId="9" /></Obj>'),
    document('<Obj S="Output" RefId="0"><MS><Ref N="A" RefId="9" /></MS></Obj>'),
    document('<Obj S="Output" RefId="0"><MS><Ref N="A" RefId="0" /></MS></Obj>'),
])
def test_what_is_no_document(text: str) -> None:
    with pytest.raises(ClixmlError):
        list(values(text))
