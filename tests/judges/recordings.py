"""The judge of the engine: requests recorded from a real PowerShell engine, run by the lab's with the same stand-ins.

Every message is compared as a tree: kinds, order, type names, elements, names and text. What no lab can know is left
out by name (:data:`VOLATILE`): stack traces and what else .NET puts into a thrown exception, times, process numbers.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import tarfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.judges import Verdict
from tests.judges._standins import load_standins, standin_restriction, standin_table
from winmigrate.lab.engine.editions import POWERSHELL_7_6
from winmigrate.lab.engine.effects import Message, Wait
from winmigrate.lab.engine.engine import Engine

CORPUS = Path(__file__).parents[2] / "fixtures" / "engine" / "recordings.tar.gz"

#: Recordings of free script text or of what is not the engine's: name -> why they are not run.
EXCEPTED: dict[str, str] = {
    "big_string": "free script text: an expression",
    "many_objects": "free script text: a range",
    "exit_code": "free script text: exit",
    "host_name": "free script text: automatic variables",
    "parse_error": "free script text: the parser's message",
    "script_merge_errors": "free script text: a redirection and a script block",
    "set_variable_then_use": "free script text: reading a variable",
    "function_errors": "free script text: error positions inside a function",
    "scriptblock_command": "free script text: a script block with parameters and a calculated property",
}
#: Members whose text differs from run to run, or that hold what .NET knows of its own code.
VOLATILE = frozenset({
    "TimeGenerated", "User", "Computer", "ProcessId", "NativeThreadId", "ManagedThreadId",
})
#: Properties of an exception that are compared; the rest is the class's own and the thrower's.
EXCEPTION_MEMBERS = ("Message", "HResult")


@dataclass(slots=True)
class Recording:
    """One recorded request."""

    name: str
    create_pipeline: str
    events: list[dict[str, Any]]

    @property
    def restricted(self) -> bool:
        """Was it recorded on the restricted endpoint?"""
        return self.name.startswith("jea_")


def recordings(path: Path = CORPUS) -> Iterator[Recording]:
    """All recordings of a folder or a tar file, in the order of their names."""
    for name, text in sorted(_texts(path)):
        if name.startswith("_") or name == "standins":
            continue
        entry = json.loads(text)
        yield Recording(name, entry["create_pipeline"], entry["events"])


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    if path.is_dir():
        for file in path.glob("*.json"):
            yield file.stem, file.read_text(encoding="utf-8")
        return
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None and member.name.endswith(".json"):
                yield Path(member.name).stem, content.read().decode("utf-8")


def play(engine: Engine, recording: Recording) -> list[tuple[str, str]]:
    """Runs the request as the recorded client did: it answers host calls, and stops where it stopped."""
    answers = {index + 1: event["clixml"] for index, event in enumerate(
        event for event in recording.events if event.get("message") == "PIPELINE_HOST_RESPONSE")}
    stop_after = _messages_before_stop(recording)
    messages: list[tuple[str, str]] = []

    def stopping() -> bool:
        return stop_after is not None and len(messages) >= stop_after

    for step in engine.run(recording.create_pipeline, None, stopping, _unsealed, None, answers.get):
        if isinstance(step, Message):
            messages.append((step.kind, step.clixml))
        else:
            assert isinstance(step, Wait)
    return messages


def _unsealed(text: str) -> str:
    return base64.b64decode(text).decode("utf-16-le")


def _messages_before_stop(recording: Recording) -> int | None:
    count = 0
    for event in recording.events:
        if event.get("packet") == "Signal":
            return count
        if event["from"] == "server":
            count += 1
    return None


def expected(recording: Recording) -> list[tuple[str, str]]:
    return [(event["message"], event["clixml"]) for event in recording.events
            if event["from"] == "server" and event.get("message")]


# --- comparing ---


def tree(clixml: str) -> Any:
    """The message as nested tuples, with its type names written out and the volatile parts taken away."""
    if not clixml:
        return None
    return _tree(ElementTree.fromstring(clixml), {})


def _tree(element: ElementTree.Element, types: dict[str, tuple[str, ...]]) -> Any:
    name = element.get("N")
    if name in VOLATILE:
        return (element.tag, name)
    if element.tag != "Obj":
        return (element.tag, name, element.text or "", tuple(_tree(child, types) for child in element))
    names: tuple[str, ...] = ()
    for child in element:
        if child.tag == "TN":
            names = tuple(item.text or "" for item in child)
            types[child.get("RefId", "")] = names
        elif child.tag == "TNRef":
            names = types[child.get("RefId", "")]
    exception = "System.Exception" in names
    parts: list[Any] = []
    for child in element:
        if child.tag in ("TN", "TNRef"):
            continue
        if exception and child.tag == "ToString":
            parts.append(("ToString", (child.text or "").partition("_x000A_   at ")[0].partition("_x000A_ --->")[0]))
        elif child.tag in ("Props", "MS", "LST", "IE", "DCT", "STK", "QUE", "En"):
            members = [_tree(item, types) for item in child]
            if exception and child.tag == "Props":
                members = [each for each in members if each[1] in EXCEPTION_MEMBERS]
            parts.append((child.tag, tuple(sorted(members, key=repr) if child.tag == "DCT" else members)))
        elif child.tag == "ToString":
            parts.append(("ToString", child.text or ""))
        else:
            parts.append(_tree(child, types))
    return ("Obj", name, names, tuple(parts))


def first_difference(meant: Any, got: Any, path: str = "") -> str | None:
    """Where two trees part, or None."""
    if isinstance(meant, tuple) and isinstance(got, tuple) and len(meant) == len(got):
        label = path
        if len(meant) > 1 and isinstance(meant[1], str):
            label = f"{path}/{meant[1]}"
        for left, right in zip(meant, got, strict=True):
            found = first_difference(left, right, label)
            if found:
                return found
        return None
    return None if meant == got else f"{path}: {str(meant)[:300]} was recorded, the lab has {str(got)[:300]}"


def difference(meant: list[tuple[str, str]], got: list[tuple[str, str]]) -> str | None:
    """The first difference between two answers, in words."""
    for place, ((kind, clixml), (got_kind, got_clixml)) in enumerate(zip(meant, got, strict=False)):
        if kind != got_kind:
            return f"message {place}: {kind} was recorded, the lab has {got_kind} {got_clixml[-600:]}"
        found = first_difference(tree(clixml), tree(got_clixml))
        if found:
            return f"message {place} ({kind}): {found}"
    if len(meant) != len(got):
        return f"{len(meant)} messages were recorded, the lab has {len(got)}: {[kind for kind, _ in got][-5:]}"
    return None


def make_engine(
    change: Callable[[Any], Any] | None = None, *, restricted: bool = False, path: Path = CORPUS,
) -> Engine:
    """The engine with the stand-in cmdlets; ``change`` alters the stand-ins' machines first.

    ``path``: the recordings that they belong to. ``restricted``: the engine of the endpoint of the recordings jea_*.
    """
    standins = load_standins(_beside(path))
    if change is not None:
        change(standins)
    table, types = standin_table(standins)
    return Engine(
        POWERSHELL_7_6, table, types, user="root", computer="vm",
        now=lambda: dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc),
        restriction=standin_restriction(standins) if restricted else None)


def _beside(path: Path) -> Path:
    """Where the stand-ins of these recordings are declared: in their archive or folder, beside it, or ours."""
    if not path.is_dir():
        return path
    return next((each for each in (path, path.parent) if (each / "standins.json").exists()), CORPUS)


def judge(path: Path = CORPUS) -> Verdict:
    """Runs every recording but the excepted ones."""
    engines = {each: make_engine(restricted=each, path=path) for each in (False, True)}
    total = agree = 0
    differences: list[tuple[str, str]] = []
    for recording in recordings(path):
        if recording.name in EXCEPTED:
            continue
        total += 1
        found = difference(expected(recording), play(engines[recording.restricted], recording))
        if found is None:
            agree += 1
        else:
            differences.append((recording.name, found))
    return Verdict(agree, total, differences)


