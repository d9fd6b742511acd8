"""A console program of the lab: what it finds around it, and how it speaks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from winmigrate.lab.engine.effects import Engine, Wait


@dataclass(frozen=True, slots=True)
class Out:
    """Text for "stdout" or "stderr"; lines end in CR LF."""

    stream: str
    text: str


#: A program at work: yields what it says and the waits it needs, returns its exit code.
Running: TypeAlias = "Generator[Out | Wait, None, int]"


class Stdin:
    """What a client sends to a program. Filled by one thread, read by another; ``ended`` once no more will come."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.ended = False

    def add(self, data: bytes, *, end: bool) -> None:
        if data:
            self._parts.append(data)
        self.ended = self.ended or end

    def whole(self) -> bytes:
        """All that has come so far."""
        return b"".join(self._parts)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a program runs in. ``build`` is Windows' own ("10.0.20348.2113"), ``codec`` Python's name of the code page.

    ``stopped`` tells whether the client wants it ended. ``variables``: the environment, names in upper case.
    """

    engine: Engine
    context: Any
    stdin: Stdin
    stopped: Callable[[], bool]
    build: str
    codepage: int = 437
    codec: str = "cp437"
    variables: dict[str, str] = field(default_factory=dict)

    def read_stdin(self) -> Generator[Wait, None, str]:
        """Everything up to the end of the input, or up to a stop."""
        while not self.stdin.ended and not self.stopped():
            yield Wait(ready=lambda: self.stdin.ended or self.stopped(), interruptible=True)
        return self.stdin.whole().decode(self.codec, "replace")


def codec_of(codepage: int) -> str:
    """Python's codec for a Windows code page. Raises LookupError where there is none."""
    if codepage == 65001:
        return "utf-8"
    name = f"cp{codepage}"
    "".encode(name)
    return name
