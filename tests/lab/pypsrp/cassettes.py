"""pypsrp's recordings of Windows hosts (tests/tests_pypsrp/responses of its sdist, MIT), as a book for the wire.

An entry is a pipeline: its CREATE_PIPELINE, and every message that the host sent to it, verbatim. It is found by its
text and by all that the same shell was asked before, for some answers (Get-History) depend on that.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from tests.lab.wire.scripted import state
from winmigrate.lab.engine.effects import Message, Wait
from winmigrate.lab.wire.psrp import CREATE_PIPELINE, GET_COMMAND_METADATA, KINDS, Assembler

RSP = "{http://schemas.microsoft.com/wbem/wsman/1/windows/shell}"
NAMES = {number: name for name, number in KINDS.items()}
_STOPPED = '<I32 N="PipelineState">3</I32>'
_ENDS = {"3": "Stopped", "4": "Completed", "5": "Failed"}
_STATE = re.compile(r'<I32 N="PipelineState">(\d)</I32>')


@dataclass
class _Asked:
    """One command of a recording on its way together."""

    to_host: Assembler = field(default_factory=Assembler)
    from_host: Assembler = field(default_factory=Assembler)
    question: str = ""
    messages: list[tuple[int, str]] = field(default_factory=list)


def _command(element: ElementTree.Element) -> str:
    return (element.get("CommandId") or "").upper()


def pipelines(path: Path) -> Iterator[tuple[str, str, list[tuple[int, str]]]]:
    """(shell, CREATE_PIPELINE or GET_COMMAND_METADATA, messages) of a recording, in order."""
    content = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    commands: dict[tuple[str, str], _Asked] = {}  # the latest of an id: one may be used again
    everything: list[tuple[str, _Asked]] = []
    for exchange in content["messages"]:
        request = ElementTree.fromstring(exchange["request"])
        shell = next((one.text or "" for one in request.iter() if one.get("Name") == "ShellId"), "")
        answer = ElementTree.fromstring(exchange["response"]) if exchange["response"] else None
        for element in request.iter():
            command = _command(element)
            if element.tag == RSP + "CommandLine":
                # an older host chose the id itself
                chosen = answer.findtext(f".//{RSP}CommandId") if answer is not None else None
                command = (chosen or command).upper()
                asked = commands[shell, command] = _Asked()
                everything.append((shell, asked))
                _take_question(asked, element.findtext(RSP + "Arguments", ""))
            elif element.tag == RSP + "Stream" and command:
                _take_question(commands[shell, command], element.text or "")
        if answer is not None:
            for element in answer.iter(RSP + "Stream"):
                if (shell, _command(element)) in commands:
                    asked = commands[shell, _command(element)]
                    data = base64.b64decode(element.text or "")
                    asked.messages += [(one.kind, one.text) for one in asked.from_host.feed(data)]
    for shell, asked in everything:
        if asked.question:
            yield shell, asked.question, asked.messages


def _take_question(asked: _Asked, text: str) -> None:
    for message in asked.to_host.feed(base64.b64decode(text)):
        if message.kind in (CREATE_PIPELINE, GET_COMMAND_METADATA):
            asked.question = message.text


def _alike(clixml: str) -> str:
    return ElementTree.canonicalize(clixml)


class CassetteEngine:
    """Answers what was recorded."""

    def __init__(self, folder: Path) -> None:
        self._entries: dict[tuple[str, ...], list[tuple[int, str]]] = {}
        self.unknown: list[str] = []
        for path in sorted(folder.glob("test_psrp_*.yml")):
            before: dict[str, tuple[str, ...]] = {}
            for shell, question, messages in pipelines(path):
                key = (*before.get(shell, ()), _alike(question))
                before[shell] = key
                self._entries.setdefault(key, messages)

    def __len__(self) -> int:
        return len(self._entries)

    def messages(self) -> int:
        return sum(map(len, self._entries.values()))

    def run(self, create_pipeline: str, context: Any, stopping: Callable[[], bool] = lambda: False,
            *_rest: Any) -> Iterator[Message | Wait]:
        asked = (*context.state.get("asked", ()), _alike(create_pipeline))
        context.state["asked"] = asked
        found = self._entries.get(asked)
        if found is None:
            self.unknown.append(create_pipeline)
            yield Message("PIPELINE_STATE", state(5, "not recorded"), "Failed")
            return
        for kind, clixml in found:
            name = NAMES[kind]
            if name == "PIPELINE_STATE" and _STOPPED in clixml:
                yield Wait(ready=stopping, interruptible=True)
            end = _STATE.search(clixml) if name == "PIPELINE_STATE" else None
            yield Message(name, clixml, _ENDS[end[1]] if end is not None else None)

    def describe(self, get_command_metadata: str, context: Any) -> Iterator[Message | Wait]:
        yield from self.run(get_command_metadata, context)


def first_output(path: Path) -> str:
    """The CLIXML of the first object that a recording has."""
    return next(clixml for _, _, messages in pipelines(path) for kind, clixml in messages
                if NAMES[kind] == "PIPELINE_OUTPUT")


__all__ = ["CassetteEngine", "first_output", "pipelines"]
