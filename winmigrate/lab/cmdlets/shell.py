"""Commands called by a function of ours while it runs: bound like any other, with $ErrorActionPreference = 'Stop'."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from typing import Any

from winmigrate.lab.cmdlets.desk import Desk
from winmigrate.lab.engine.binder import Binder, BindingFailure
from winmigrate.lab.engine.conversion_types import TypeTable
from winmigrate.lab.engine.definitions import Definition
from winmigrate.lab.engine.effects import Call, Effect, Error, Implementation, Output, Terminate

_AUTOMATION = "System.Management.Automation."


@dataclass(frozen=True, slots=True)
class Shell:
    """What a function's twin works with on its host."""

    desk: Desk
    find: Callable[[str], tuple[Definition | None, Implementation] | None]
    types: TypeTable

    def run(self, name: str, context: Any, **parameters: Any) -> Generator[Effect, Any, list[Any]]:
        """Calls a command; gives what it put out. Raises Terminate at its first error, as that command's own."""
        definition, implementation = self.find(name) or (None, None)
        if definition is None or implementation is None:
            raise Terminate(Error(f"The term '{name}' is not recognized as the name of a cmdlet, function, script "
                                  "file, or operable program. Check the spelling of the name, or if a path was "
                                  "included, verify that the path is correct and try again.",
                                  "CommandNotFoundException", "ObjectNotFound",
                                  _AUTOMATION + "CommandNotFoundException", name, origin=("", None)))
        origin = (definition.name, implementation.class_name)
        try:
            binder = Binder(definition, self.types, terse_set_errors=True)
            bound = binder.bind_command_line(list(parameters.items()), False).finish()
        except BindingFailure as refused:
            kind = refused.exception_type if "." in refused.exception_type else _AUTOMATION + refused.exception_type
            raise Terminate(Error(refused.message, refused.error_id, refused.category, kind, refused.target,
                                  origin=origin)) from refused
        call = Call(definition.name, bound.parameter_set, bound.values, context)
        outputs: list[Any] = []
        for block in (implementation.begin, implementation.process, implementation.end):
            if block is not None:
                yield from _strict(block(call), origin, outputs)
        return outputs


def _strict(effects: Iterable[Effect], origin: tuple[str, str | None],
            outputs: list[Any]) -> Generator[Effect, Any, None]:
    """Passes effects on, but for outputs, which are kept, and errors, which end it."""
    running = iter(effects)
    answer: Any = None
    try:
        while True:
            try:
                effect = running.send(answer) if isinstance(running, Generator) else next(running)
            except StopIteration:
                return
            answer = None
            if isinstance(effect, Output):
                outputs.append(effect.value)
            elif isinstance(effect, Error):
                raise Terminate(replace(effect, origin=effect.origin or origin))
            else:
                answer = yield effect
    except Terminate as ended:
        if ended.error.origin is None:
            raise Terminate(replace(ended.error, origin=origin)) from ended
        raise
    finally:
        if isinstance(running, Generator):
            running.close()
