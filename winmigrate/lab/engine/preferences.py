"""Common parameters (about_CommonParameters): what a command's streams do. They are taken off before it is bound."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from winmigrate.lab.engine.statements import NO_ARGUMENT
from winmigrate.lab.engine.values import EnumValue, Switch

ACTIONS = ("SilentlyContinue", "Stop", "Continue", "Inquire", "Ignore", "Suspend", "Break")
_COMMON = {
    "verbose": "verbose", "vb": "verbose", "debug": "debug", "db": "debug",
    "erroraction": "error", "ea": "error", "warningaction": "warning", "wa": "warning",
    "informationaction": "information", "infa": "information", "progressaction": "progress", "proga": "progress",
    "errorvariable": "", "ev": "", "warningvariable": "", "wv": "", "informationvariable": "", "iv": "",
    "outvariable": "", "ov": "", "outbuffer": "", "ob": "", "pipelinevariable": "", "pv": "",
}


class BadPreference(Exception):
    """A value that is no action; ``parameter`` and ``value`` as they came."""

    def __init__(self, parameter: str, value: Any) -> None:
        super().__init__(f"{parameter}: {value}")
        self.parameter = parameter
        self.value = value


@dataclass(frozen=True, slots=True)
class Preferences:
    """One action (a name of ACTIONS) a stream; ``confirm`` and ``what_if`` come from the bound parameters."""

    error: str = "Continue"
    warning: str = "Continue"
    verbose: str = "SilentlyContinue"
    debug: str = "SilentlyContinue"
    information: str = "SilentlyContinue"
    progress: str = "Continue"


def split_common(
    arguments: Iterable[tuple[str | None, Any]], declared: frozenset[str],
) -> tuple[Preferences, list[tuple[str | None, Any]]]:
    """The preferences, and the arguments that are left. ``declared``: the command's own names (lower case) go first."""
    chosen: dict[str, str] = {}
    rest: list[tuple[str | None, Any]] = []
    pending = list(arguments)
    while pending:
        name, value = pending.pop(0)
        folded = name.lower() if name is not None else ""
        if folded in declared or folded not in _COMMON:
            rest.append((name, value))
            continue
        stream = _COMMON[folded]
        if value is NO_ARGUMENT and stream not in ("verbose", "debug") and pending and pending[0][0] is None:
            value = pending.pop(0)[1]
        if stream in ("verbose", "debug"):
            on = value is NO_ARGUMENT or value is None or bool(value)
            chosen[stream] = "Continue" if on else "SilentlyContinue"
        elif stream:
            chosen[stream] = _action(name or "", value)
    return Preferences(**chosen), rest


def _action(name: str, value: Any) -> str:
    if isinstance(value, EnumValue):
        return value.name
    if isinstance(value, int) and not isinstance(value, bool | Switch) and 0 <= value < len(ACTIONS):
        return ACTIONS[value]
    if isinstance(value, str):
        fitting = [each for each in ACTIONS if each.lower() == value.strip().lower()]
        fitting = fitting or [each for each in ACTIONS if each.lower().startswith(value.strip().lower())]
        if len(fitting) == 1:
            return fitting[0]
    raise BadPreference(name, value)
