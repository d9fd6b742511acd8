"""The names in a playbook, held against the inventory's: targets, GUIDs, and what was probably meant."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from pathlib import PurePosixPath

from winmigrate.errors import did_you_mean
from winmigrate.inventory import Inventory
from winmigrate.marked import Shape, shown
from winmigrate.marked.shapes import parsed
from winmigrate.playbook import types


def near(word: str, known: tuple[str, ...]) -> str:
    """A did-you-mean that looks over case first."""
    for name in known:
        if name.casefold() == word.casefold():
            return f" (did you mean {shown(name)}?)"
    return did_you_mean(word, known)


def parse_id(text: str) -> str:
    """A GUID in any usual form, as lower-case text with hyphens. Raises ValueError."""
    try:
        if re.fullmatch(r"\{?[0-9A-Fa-f-]{32,36}\}?", text):
            return str(uuid.UUID(text))
    except ValueError:
        pass
    raise ValueError(f"{shown(text)} is no GUID; wanted: such as id:6f1c1b2a-0d0e-4c9b-9d6b-0b4f1f6f7a11")


@dataclass(frozen=True, slots=True)
class Names:
    """The names that an inventory has; with no inventory at hand every name is taken for a host's."""

    inventory: Inventory | None

    def target(self, text: str) -> types.Target:
        """A host, a cluster or ``tag:NAME``. Raises ValueError: not in the inventory."""
        kind, colon, tag = text.partition(":")
        if colon:
            if kind != "tag" or not tag:
                raise ValueError(f"{shown(text)} is no target; wanted: a host, a cluster or tag:NAME")
            return self._tag(tag)
        if self.inventory is None:
            return types.Target("host", text)
        hosts, clusters = self.inventory.host_names(), tuple(self.inventory.clusters)
        if text in hosts or text in clusters:
            return types.Target("host" if text in hosts else "cluster", text)
        tags = self.inventory.tags()
        hint = f" (did you mean tag:{text}?)" if text in tags else near(text, (*hosts, *clusters))
        raise ValueError(f"no host or cluster {shown(text)} in {self.file}{hint}")

    def _tag(self, tag: str) -> types.Target:
        if self.inventory is not None and tag not in self.inventory.tags():
            raise ValueError(f"no host in {self.file} has the tag {shown(tag)}{near(tag, self.inventory.tags())}")
        return types.Target("tag", tag)

    @property
    def file(self) -> str:
        """The inventory's name for a sentence."""
        return PurePosixPath(self.inventory.file).name if self.inventory is not None else "the inventory"

    @property
    def shape(self) -> Shape[types.Target]:
        return parsed("a host, a cluster or tag:NAME", self.target)
