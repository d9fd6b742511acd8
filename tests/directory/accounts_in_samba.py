"""Run by the system's Python, which has Samba's modules: changes accounts in a domain's database while it is served.

``/usr/bin/python3 accounts_in_samba.py SMB.CONF``; a line of JSON ``[what, argument, ...]`` in, a line of JSON out:
``{"ok": value}`` or ``{"error": text}``. Imports nothing of this project.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import ldb
import samba.dckeytab  # noqa: F401 (gives Net its export_keytab)
from samba import dsdb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_pack
from samba.net import Net
from samba.param import LoadParm
from samba.samdb import SamDB

FLAGS = {
    "protocol_transition": dsdb.UF_TRUSTED_TO_AUTHENTICATE_FOR_DELEGATION,
    "sensitive": dsdb.UF_NOT_DELEGATED,
    "unconstrained": dsdb.UF_TRUSTED_FOR_DELEGATION,
    "disabled": dsdb.UF_ACCOUNTDISABLE,
    "password_never_expires": dsdb.UF_DONT_EXPIRE_PASSWD,
}


class Domain:
    """The database of one domain."""

    def __init__(self, configuration: str) -> None:
        self._parameters = LoadParm()
        self._parameters.load(configuration)
        path = self._parameters.private_path("sam.ldb")
        self._sam = SamDB(url=path, session_info=system_session(), lp=self._parameters)

    def user(self, name: str, password: str) -> None:
        self._sam.newuser(name, password)
        self.flag(name, "password_never_expires", True)

    def computer(self, name: str, password: str, names: list[str]) -> None:
        """``names``: its service principal names."""
        self._sam.newcomputer(name, service_principal_name_list=names)
        # RC4, AES 128 and 256, as Windows writes it when it joins; keys and tickets go by it
        self._replace(f"{name}$", "msDS-SupportedEncryptionTypes", ["28"])
        self._sam.setpassword(self._filter(f"{name}$"), password, False)

    def second(self, name: str, names: list[str]) -> None:
        """A computer with service principal names that another has already. Samba refuses that since 4.16, Windows
        since 2012 R2; what is older is written below the rules, into the file.
        """
        self._sam.newcomputer(name)
        folder = self._parameters.private_path("sam.ldb.d")
        change = ldb.Message(self._find(f"{name}$").dn)
        change["servicePrincipalName"] = ldb.MessageElement(names, ldb.FLAG_MOD_ADD, "servicePrincipalName")
        file = ldb.Ldb(f"tdb://{folder}/{str(self._sam.domain_dn()).upper()}.ldb")
        file.modify(change)

    def many(self, names: list[str]) -> None:
        """Computers that nobody logs on to."""
        self._sam.transaction_start()
        for name in names:
            self._sam.newcomputer(name)
        self._sam.transaction_commit()

    def group(self, name: str) -> None:
        self._sam.newgroup(name)

    def flag(self, account: str, flag: str, on: bool) -> None:
        self._sam.toggle_userAccountFlags(self._filter(account), FLAGS[flag], flags_str=flag, on=on)

    def put(self, account: str, attribute: str, values: list[str]) -> None:
        """Replaces an attribute by these values; none removes it."""
        self._replace(account, attribute, values)

    def trust(self, account: str, others: list[str]) -> None:
        """Resource-based delegation: these accounts may speak to ``account`` in anybody's name."""
        entries = "".join(f"(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;{self.sid(other)})" for other in others)
        packed = ndr_pack(security.descriptor.from_sddl(f"O:BAD:{entries}", security.dom_sid(self._sam.domain_sid)))
        self._replace(account, "msDS-AllowedToActOnBehalfOfOtherIdentity", [packed] if others else [])

    def member(self, group: str, account: str, on: bool) -> None:
        self._sam.add_remove_group_members(group, [account], add_members_operation=on)

    def password(self, account: str, password: str) -> None:
        self._sam.setpassword(self._filter(account), password, False)

    def expire(self, account: str) -> None:
        """Its password has to be changed at the next logon."""
        self.flag(account, "password_never_expires", False)
        self._replace(account, "pwdLastSet", ["0"])

    def delete(self, account: str) -> None:
        self._sam.delete(self._find(account).dn)

    def keytab(self, path: str, principal: str) -> None:
        Net(None, self._parameters).export_keytab(keytab=path, principal=principal)

    def sid(self, account: str) -> str:
        packed = self._find(account, "objectSid")["objectSid"][0]
        return str(self._sam.schema_format_value("objectSid", packed).decode())

    @staticmethod
    def _filter(account: str) -> str:
        return f"(sAMAccountName={ldb.binary_encode(account)})"

    def _find(self, account: str, *attributes: str) -> Any:
        found = self._sam.search(self._sam.domain_dn(), ldb.SCOPE_SUBTREE, self._filter(account), list(attributes))
        if len(found) != 1:
            raise LookupError(f"{len(found)} accounts are called {account}")
        return found[0]

    def _replace(self, account: str, attribute: str, values: list[Any]) -> None:
        change = ldb.Message(self._find(account).dn)
        change[attribute] = ldb.MessageElement(values, ldb.FLAG_MOD_REPLACE, attribute)
        self._sam.modify(change)


def main() -> None:
    domain = Domain(sys.argv[1])
    print(json.dumps({"ok": "ready"}), flush=True)
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        act: Callable[..., Any] = getattr(domain, what)
        try:
            answer = {"ok": act(*arguments)}
        except (ldb.LdbError, LookupError, RuntimeError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
