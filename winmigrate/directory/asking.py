"""Questions to a domain, whichever way they go: over LDAP, or through the AD cmdlets of a host.

A question is data: what kind of object, and a filter. Both ways take the same filters, and answer the same nouns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from winmigrate.directory.nouns import Account, Trust
from winmigrate.facts import Unreadable

COMPUTERS = "computers"
USERS = "users"
GROUPS = "groups"
#: Whatever has a service principal name.
HOLDERS = "holders"


@dataclass(frozen=True, slots=True)
class Question:
    """Which accounts of a kind match a filter; ``name`` is unique among those asked together."""

    name: str
    kind: str
    filter: str


@dataclass(frozen=True, slots=True)
class DomainFacts:
    """The domain itself: DNS name, NetBIOS name, SID, the DNS names of its forest's domains, its trusts."""

    name: str
    netbios: str = ""
    sid: str | Unreadable = ""
    forest: tuple[str, ...] | Unreadable = ()
    trusts: tuple[Trust, ...] | Unreadable = ()


Answers: TypeAlias = "dict[str, tuple[Account, ...] | Unreadable]"


class Directory(Protocol):
    """A domain that answers. Nothing raises: what cannot be read is Unreadable, with what would make it readable."""

    @property
    def asked(self) -> str:
        """Whom the answers come from, in words."""

    def domain(self, questions: Sequence[Question]) -> tuple[DomainFacts | Unreadable, Answers]:
        """The domain, and the answers to some questions beside."""

    def answers(self, questions: Sequence[Question]) -> Answers:
        """Every question's answer, by its name."""


#: Opens the way to a domain; closing it ends what was opened. Unreadable where there is none.
Opener: TypeAlias = "Callable[[], AbstractContextManager[Directory | Unreadable]]"
