"""The groups that hosts' computer accounts are in, however nested: what a right on a share or folder may hang on."""

from __future__ import annotations

from dataclasses import replace

from winmigrate.directory.asking import GROUPS, Directory, Question
from winmigrate.directory.filters import in_chain
from winmigrate.directory.nouns import Account, DirectoryFacts
from winmigrate.facts import Unreadable


def read_computer_groups(directory: Directory, facts: DirectoryFacts) -> DirectoryFacts:
    """The facts with the groups of every computer that is known. Whose groups cannot be read says why itself."""
    known = {name: account for name, account in facts.computers.items() if isinstance(account, Account)}
    if not known:
        return facts
    answers = directory.answers(
        [Question(f"groups of {account.sid}", GROUPS, in_chain("member", account.dn)) for account in known.values()]
    )
    names = dict(facts.group_names)
    computers = dict(facts.computers)
    for host, account in known.items():
        found = answers[f"groups of {account.sid}"]
        if isinstance(found, Unreadable):
            computers[host] = replace(account, groups=found)
            continue
        computers[host] = replace(account, groups=tuple(group.sid for group in found))
        names |= {group.sid: group.name for group in found}
    return replace(facts, computers=computers, group_names=names)


def names_of_groups(facts: DirectoryFacts, account: Account) -> frozenset[str] | Unreadable:
    """Every group that an account is in, by SID and as ``corp\\\\hv-hosts``, folded."""
    if isinstance(account.groups, Unreadable):
        return account.groups
    named = [facts.group_names[sid] for sid in account.groups if sid in facts.group_names]
    return frozenset(
        text.casefold() for text in (*account.groups, *(f"{facts.netbios}\\{name}" for name in named))
    )
