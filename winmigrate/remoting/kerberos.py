"""Kerberos on our side: what a user is called there, and what its errors mean, in one line each.

MIT's and Heimdal's libraries number their errors alike (RFC 4120 section 7.5.9, and the library's own above 128), so
that the texts, which depend on library and language, need not be read.
"""

from __future__ import annotations

import importlib
import re
import sys
from typing import NamedTuple

from winmigrate.remoting.endpoint import Endpoint

#: The number of the first error of libkrb5's table.
_BASE = -1765328384
_SIZE = 256
#: GSSAPI's own words (RFC 2744 section 3.9.1) for what libkrb5 has no number for.
_MAJOR = {7 << 16: 141, 11 << 16: 32}

_NUMBERED = re.compile(r"Major \((\d+)\)(?:.*?Minor \((\d+)\))?", re.DOTALL)


class Explained(NamedTuple):
    """One line, and what to do."""

    message: str
    hint: str


_AS_PRINCIPAL = "write the user as user@REALM; the realm is the domain's DNS name in capitals"
_UNLOCK = "a domain administrator sees which: Get-ADUser NAME -Properties Enabled,LockedOut,AccountExpirationDate"
_CLOCKS = "here: timedatectl; on Windows: w32tm /query /status; mend the one that is off"

#: By number in libkrb5's table. ``{user}``, ``{ticket}``, ``{where}`` are filled in.
_KNOWN: dict[int, Explained] = {
    1: Explained("the account of {user} has expired", _UNLOCK),
    6: Explained("the domain knows no user {user}", _AS_PRINCIPAL),
    7: Explained(
        'the domain knows no service "{ticket}"',
        "address the host by the name the domain knows, or give that as kerberos_name in the inventory; on a domain "
        "controller: setspn -Q {ticket}",
    ),
    12: Explained("the domain's policy refuses {user} a ticket", "logon hours or an authentication policy say so"),
    14: Explained(
        "this machine and the domain share no kind of encryption for {user}",
        "look at permitted_enctypes in krb5.conf, and at msDS-SupportedEncryptionTypes of the account",
    ),
    18: Explained("the account of {user} is disabled, locked or expired", _UNLOCK),
    23: Explained("the password of {user} has expired", "change it first: kpasswd, or at a Windows logon"),
    24: Explained("the domain refuses the password of {user}", "check it; a few wrong ones lock the account"),
    32: Explained("the Kerberos ticket has expired", "kinit; or give a credential with a password, which gets its own"),
    33: Explained("the Kerberos ticket is not valid yet", _CLOCKS),
    37: Explained("the clocks of this machine, {where} and the domain differ by more than five minutes", _CLOCKS),
    41: Explained(
        "{where} cannot open a ticket for {ticket}",
        "another machine answers at that address, two accounts have that name (setspn -X), or an old ticket (kdestroy)",
    ),
    141: Explained("there is no Kerberos ticket to use", "kinit user@REALM; klist shows what there is"),
    154: Explained(
        "no domain controller is known for the realm of {user}",
        f"{_AS_PRINCIPAL}; it is found by DNS (_kerberos._tcp) or named under [realms] in krb5.conf",
    ),
    156: Explained("no domain controller answers for {user}", "is its port 88 open from here?"),
    195: Explained("there is no Kerberos ticket to use", "kinit user@REALM; klist shows what there is"),
}


def _library_errors() -> tuple[type[Exception], ...]:
    """What libkrb5 raises while a ticket is had for a password, where the extra "kerberos" is installed."""
    try:
        return (importlib.import_module("krb5").Krb5Error,)
    except ImportError:
        return ()


#: No part of pyspnego's errors: raised before it has a context.
KERBEROS_ERRORS = _library_errors()


def number_of(error: BaseException) -> int | None:
    """The error's number in libkrb5's table; None if it is about something else."""
    code = getattr(error, "err_code", None)
    if isinstance(code, int) and 0 <= code - _BASE < _SIZE:
        return code - _BASE
    for major, minor in _NUMBERED.findall(str(error)):  # an error of Negotiate quotes those of its parts
        offset = int(minor or 0) - 2**32 - _BASE
        if 0 <= offset < _SIZE:
            return offset
        if int(major) in _MAJOR:
            return _MAJOR[int(major)]
    return None


def explained(endpoint: Endpoint, error: BaseException) -> Explained | None:
    """What a Kerberos error means at this endpoint; None for one that is not known here."""
    known = _KNOWN.get(number := -1 if (found := number_of(error)) is None else found)
    if known is None:
        return None
    user = endpoint.whom
    if endpoint.credential is not None and number not in (7, 41):
        user = principal_of(endpoint.credential.username, endpoint.kerberos_name or endpoint.address)
    facts = {"user": user, "ticket": endpoint.ticket_for, "where": endpoint.where}
    return Explained(*(text.format(**facts) for text in known))


#: What has to be there before pip can build the extra.
BUILDING = "on Debian first: apt-get install libkrb5-dev gcc python3-dev; elsewhere krb5-devel or the like"


def principal_of(username: str, host_name: str) -> str:
    """A Windows user name as libkrb5 wants it: ``user@REALM``, the realm in capitals.

    ``DOMAIN\\user`` names its domain by a NetBIOS name, which is no realm; the host's full name shows which domain it
    is, if that begins with the same word (CORP, hv01.corp.example). Otherwise it is taken for a realm, and the library
    will say that it knows none of that name. On Windows (SSPI) names are left alone.
    """
    if sys.platform == "win32":
        return username
    domain, slash, user = username.partition("\\")
    if not slash:
        user, at, realm = username.rpartition("@")
        return f"{user}@{realm.upper()}" if at else username
    labels = host_name.split(".")[1:]
    if labels and labels[0].lower() == domain.lower():
        return f"{user}@{'.'.join(labels).upper()}"
    return f"{user}@{domain.upper()}"
