"""The commands a host has: definitions with their implementations, aliases, and the twins of sent scripts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from winmigrate.lab.engine.definitions import Definition
from winmigrate.lab.engine.effects import Implementation


@dataclass(frozen=True, slots=True)
class Twin:
    """The Python twin of a script. ``defines``: the text defines the function ``definition.name``; else it runs."""

    definition: Definition
    implementation: Implementation
    defines: bool = True


def script_digest(text: str) -> str:
    """SHA-256 of a script with line ends made LF and blanks at line ends and around the text taken away."""
    lines = (line.rstrip() for line in text.replace("\r\n", "\n").split("\n"))
    return hashlib.sha256("\n".join(lines).strip().encode("utf-8")).hexdigest()


class CommandTable:
    """Commands by name. A definition of None is a native command: its arguments come as the bound ``Arguments``.

    ``commands``: name -> (definition, implementation). ``aliases``: alias -> name. ``twins``: digest -> twin.
    """

    def __init__(
        self,
        commands: Mapping[str, tuple[Definition | None, Implementation]],
        aliases: Mapping[str, str] | None = None,
        twins: Mapping[str, Twin] | None = None,
    ) -> None:
        self._commands = {name.lower(): entry for name, entry in commands.items()}
        self._aliases = {alias.lower(): name for alias, name in (aliases or {}).items()}
        self._twins = dict(twins or {})

    def find(self, name: str) -> tuple[Definition | None, Implementation] | None:
        """The command by name in any case, ``Module\\Name``, or alias; native ones with or without ``.exe``."""
        module, _, plain = name.rpartition("\\")
        folded = plain.lower()
        found = self._commands.get(folded)
        if found is None and not module and folded in self._aliases:
            found = self._commands.get(self._aliases[folded].lower())
        if found is None:
            found = self._commands.get(folded + ".exe") if not folded.endswith(".exe") else None
        if found is None:
            return None
        definition = found[0]
        if module and (definition is None or definition.module.lower() != module.lower()):
            return None
        return found

    def names(self) -> Iterator[str]:
        """Every command's name, as its definition or implementation spells it."""
        for definition, implementation in self._commands.values():
            yield definition.name if definition is not None else implementation.name

    def aliases(self) -> dict[str, str]:
        """Alias -> the name it stands for."""
        return dict(self._aliases)

    def twins(self) -> Iterator[Twin]:
        """All of them."""
        return iter(self._twins.values())

    def twin(self, digest: str) -> Twin | None:
        """The twin of the script with this digest (:func:`script_digest`)."""
        return self._twins.get(digest)


def layered(tables: Iterable[CommandTable]) -> CommandTable:
    """One table of several; what stands in an earlier one goes before what stands in a later."""
    merged = CommandTable({})
    for table in reversed(list(tables)):
        merged._commands.update(table._commands)
        merged._aliases.update(table._aliases)
        merged._twins.update(table._twins)
    return merged
