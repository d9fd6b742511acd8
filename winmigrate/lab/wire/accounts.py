"""The accounts that may log on, and the file from which the NTLM acceptor of pyspnego reads them.

pyspnego takes NTLM users from one file a process (environment variable NTLM_USER_FILE), and compares domain and name
with what the client sends. So every account stands there in each form in which a client may write it; as NT hash,
never as the password itself (smbpasswd's format, which also allows a colon in a password).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from spnego._ntlm_raw.crypto import ntowfv1

from winmigrate.errors import LabError
from winmigrate.request import Secret

#: Read by pyspnego's NTLM acceptor.
USER_FILE = "NTLM_USER_FILE"


@dataclass(frozen=True, slots=True)
class Account:
    """A user of a domain, or of one host (``domain`` is its name then). ``dns_domain`` is for user@dns.domain."""

    domain: str
    name: str
    password: Secret
    dns_domain: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.domain}\\{self.name}"

    def spellings(self) -> Iterator[tuple[str, str]]:
        """(domain, name) as NTLM clients send them: with either domain in front or behind, and bare."""
        yield self.domain, self.name
        yield "", self.name
        yield "", f"{self.name}@{self.domain}"
        if self.dns_domain:
            yield self.dns_domain, self.name
            yield "", f"{self.name}@{self.dns_domain}"


class Accounts:
    """Those who may log on at one host. ``host_name``: a bare name means this host's own account first."""

    def __init__(self, accounts: Iterable[Account], host_name: str = "") -> None:
        self._accounts = tuple(accounts)
        self._host_name = host_name

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts)

    def resolve(self, principal: str | None) -> Account | None:
        """The account behind ``DOMAIN\\name``, ``name@domain`` or ``name``, in any case."""
        if not principal:
            return None
        domain, name = "", principal
        if "\\" in principal:
            domain, name = principal.split("\\", 1)
        wanted = (domain.lower(), name.lower())
        found = [
            account
            for account in self._accounts
            if wanted in [(given.lower(), word.lower()) for given, word in account.spellings()]
        ]
        found.sort(key=lambda account: account.domain.lower() != self._host_name.lower())
        return found[0] if found else None

    def check(self, principal: str, password: str) -> Account | None:
        """The account if this is its password."""
        account = self.resolve(principal)
        return account if account is not None and account.password == Secret(password) else None


def install_user_file(accounts: Iterable[Account], folder: str | None = None) -> str:
    """Writes the file (mode 0600) and names it in this process's environment; returns its path.

    Call it before any server starts; call it again when accounts change. The caller removes the file at the end.
    Raises LabError for a name that the format cannot hold.
    """
    lines: dict[tuple[str, str], str] = {}
    for account in accounts:
        digest = ntowfv1(account.password.reveal()).hex().upper()
        for domain, name in account.spellings():
            if set(":\r\n") & set(domain + name):
                raise LabError(f"account {account.full_name!r}: a name of the lab may not hold colons or line ends")
            written = f"{domain}\\{name}" if domain else name
            lines.setdefault((domain.lower(), name.lower()), f"{written}:0:{'0' * 32}:{digest}:[U]:LCT-00000000")
    descriptor, path = tempfile.mkstemp(prefix="winmigrate-lab-", suffix=".users", dir=folder)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines.values()) + "\n")
    os.environ[USER_FILE] = path
    return path
