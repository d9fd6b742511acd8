"""A domain through the AD cmdlets of a host: each round of questions is one request.

The session's identity has to reach a domain controller from that host: that is a second hop, which CredSSP and an
endpoint with an account of its own pass, and plain Kerberos and NTLM sessions do not.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from winmigrate.directory.asking import COMPUTERS, GROUPS, HOLDERS, USERS, Answers, Directory, DomainFacts, Question
from winmigrate.directory.nouns import Account, Trust
from winmigrate.errors import HostError
from winmigrate.facts import Unreadable
from winmigrate.remoting.batch import Answer, Read
from winmigrate.remoting.connect import Connector
from winmigrate.remoting.reads import read_batch
from winmigrate.remoting.records import ErrorRecord
from winmigrate.request import Clock, Statement
from winmigrate.windows import directory as windows
from winmigrate.windows.row import rows

R = TypeVar("R")

_TIMEOUT = 180.0
_DOMAIN, _FOREST, _TRUSTS = "the domain", "the forest", "the trusts"
_STATEMENTS: dict[str, Callable[[str], Statement]] = {
    COMPUTERS: windows.computers,
    USERS: windows.users,
    GROUPS: windows.groups,
    HOLDERS: windows.holders,
}
_VERSION = "2012"


@contextmanager
def through(host: str, connector: Connector, clock: Clock) -> Iterator[Directory | Unreadable]:
    """The way to the domain of ``host``, by its name in the inventory."""
    yield CmdletDirectory(host, connector, clock)


class CmdletDirectory:
    """Asks in sessions of its own on one host, one a round."""

    def __init__(self, host: str, connector: Connector, clock: Clock) -> None:
        self._host = host
        self._connector = connector
        self._clock = clock

    @property
    def asked(self) -> str:
        return f"the AD cmdlets of {self._host}"

    def domain(self, questions: Sequence[Question]) -> tuple[DomainFacts | Unreadable, Answers]:
        """The domain is asked for alone, at first: where it does not answer, each further question would end a request
        of its own, after a wait of its own.
        """
        first = self._ask([Read(_DOMAIN, windows.domain())])
        own = first if isinstance(first, Unreadable) else self._rows(windows.ADDomain, first[_DOMAIN])
        if not isinstance(own, Unreadable) and not own:
            own = Unreadable(f"Get-ADDomain on {self._host} answered nothing")
        if isinstance(own, Unreadable):
            return own, dict.fromkeys((item.name for item in questions), own)
        fixed = [Read(_FOREST, windows.domains_of_forest()), Read(_TRUSTS, windows.trusts())]
        come = self._ask([*fixed, *_reads(questions)])
        if isinstance(come, Unreadable):
            return come, dict.fromkeys((item.name for item in questions), come)
        return self._domain(own[0], come), self._answers(questions, come)

    def answers(self, questions: Sequence[Question]) -> Answers:
        if not questions:
            return {}
        come = self._ask(_reads(questions))
        if isinstance(come, Unreadable):
            return dict.fromkeys((item.name for item in questions), come)
        return self._answers(questions, come)

    def _ask(self, reads: Sequence[Read]) -> dict[str, Answer | Unreadable] | Unreadable:
        try:
            return read_batch(self._connector, self._host, reads, self._clock, timeout=_TIMEOUT)
        except HostError as error:
            told = f"{error}; {error.hint}" if error.hint else str(error)
            return Unreadable(told, f"a connection to {self._host}")

    def _domain(self, own: windows.ADDomain, come: dict[str, Answer | Unreadable]) -> DomainFacts | Unreadable:
        if isinstance(own.dns_root, Unreadable):
            return own.dns_root
        forest = self._objects(come[_FOREST])
        trusts = self._rows(windows.ADTrust, come[_TRUSTS])
        return DomainFacts(
            name=own.dns_root,
            netbios=own.net_bios_name if isinstance(own.net_bios_name, str) else "",
            sid=own.domain_sid,
            forest=forest if isinstance(forest, Unreadable) else tuple(str(item) for item in forest),
            trusts=trusts if isinstance(trusts, Unreadable) else _trusts(trusts),
        )

    def _answers(self, questions: Sequence[Question], come: dict[str, Answer | Unreadable]) -> Answers:
        found: Answers = {}
        for item in questions:
            answer = come[item.name]
            found[item.name] = self._accounts(item.kind, answer)
        return found

    def _accounts(self, kind: str, answer: Answer | Unreadable) -> tuple[Account, ...] | Unreadable:
        made: list[Account | Unreadable]
        if kind == GROUPS:
            groups = self._rows(windows.ADGroup, answer)
            if isinstance(groups, Unreadable):
                return groups
            made = [_named(row.sam_account_name, row.distinguished_name, row.sid) for row in groups]
        elif kind == HOLDERS:
            holders = self._rows(windows.ADHolder, answer)
            if isinstance(holders, Unreadable):
                return holders
            made = [_holder(row) for row in holders]
        else:
            accounts = self._rows(windows.ADAccount, answer)
            if isinstance(accounts, Unreadable):
                return accounts
            made = [_account(row) for row in accounts]
        wrong = next((item for item in made if isinstance(item, Unreadable)), None)
        return wrong if wrong is not None else tuple(item for item in made if isinstance(item, Account))

    def _rows(self, row_type: type[R], answer: Answer | Unreadable) -> tuple[R, ...] | Unreadable:
        objects = self._objects(answer)
        return objects if isinstance(objects, Unreadable) else rows(row_type, objects, _VERSION)

    def _objects(self, answer: Answer | Unreadable) -> list[Any] | Unreadable:
        """What a read brought; beside an error nothing counts, for what is missing would be taken for not there."""
        if isinstance(answer, Unreadable):
            return self._explained(answer.reason, "")
        if answer.errors:
            return self._refused(answer.errors[0])
        return [inner for item in answer.objects for inner in (item if isinstance(item, list) else [item])]

    def _refused(self, error: ErrorRecord) -> Unreadable:
        return self._explained(str(error.message), f"{error.fqeid} {error.exception_type}")

    def _explained(self, said: str, what: str) -> Unreadable:
        text = f"{said} {what}".lower()
        if "commandnotfound" in text or "is not recognized" in text:
            return Unreadable(
                f"{self._host} has no AD cmdlets",
                f"on {self._host}: Install-WindowsFeature -Name RSAT-AD-PowerShell; or directory: {{server: ...}}",
            )
        if "unable to contact the server" in text or "addown" in text or "adserverdown" in text:
            return Unreadable(
                f"no domain controller answers a session on {self._host}: {said}",
                f"a session on {self._host} that passes a second hop (credssp, jea); or directory: {{server: ...}}",
            )
        return Unreadable(said)


def _reads(questions: Sequence[Question]) -> list[Read]:
    return [Read(item.name, _STATEMENTS[item.kind](item.filter)) for item in questions]


# --- rows --------------------------------------------------------------------------------------------------------


def _named(name: str | Unreadable | None, dn: str | Unreadable, sid: str | Unreadable) -> Account | Unreadable:
    if isinstance(dn, Unreadable):
        return dn
    if isinstance(sid, Unreadable):
        return sid
    if isinstance(name, Unreadable):
        return name
    return Account(name or dn, dn, sid)


def _holder(row: windows.ADHolder) -> Account | Unreadable:
    made = _named(row.sam_account_name, row.distinguished_name, "")
    if isinstance(made, Unreadable):
        return made
    return Account(made.name, made.dn, "", service_names=_listed(row.service_principal_name))


def _account(row: windows.ADAccount) -> Account | Unreadable:
    """Where the flags, which every account has, are not shown, the lists beside them are not shown either."""
    made = _named(row.sam_account_name, row.distinguished_name, row.sid)
    if isinstance(made, Unreadable):
        return made
    hidden = row.user_account_control if isinstance(row.user_account_control, Unreadable) else None
    return Account(
        name=made.name,
        dn=made.dn,
        sid=made.sid,
        flags=row.user_account_control,
        dns_name=row.dns_host_name if isinstance(row.dns_host_name, str) else None,
        service_names=_listed(row.service_principal_name),
        delegates_to=_listed(row.allowed_to_delegate_to) if hidden is None else hidden,
        trusts=_listed(row.principals_allowed) if hidden is None else hidden,
        changed=_aware(row.when_changed),
    )


def _aware(value: dt.datetime | Unreadable | None) -> dt.datetime | None:
    """A time that says which zone it is of; any other is of no use."""
    return value if isinstance(value, dt.datetime) and value.tzinfo is not None else None


def _listed(value: tuple[str, ...] | Unreadable | None) -> tuple[str, ...] | Unreadable:
    return () if value is None else value


#: ADTrustDirection by name or number.
_INBOUND = frozenset({"inbound", "bidirectional", "1", "3"})
_OUTBOUND = frozenset({"outbound", "bidirectional", "2", "3"})


def _trusts(found: Sequence[windows.ADTrust]) -> tuple[Trust, ...] | Unreadable:
    trusts = []
    for row in found:
        if isinstance(row.target, Unreadable):
            return row.target
        if isinstance(row.direction, Unreadable):
            return row.direction
        direction = row.direction.casefold()
        trusts.append(Trust(row.target, direction in _INBOUND, direction in _OUTBOUND, row.forest_transitive is True))
    return tuple(trusts)
