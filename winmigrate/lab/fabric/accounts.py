"""What a directory holds beside its users: groups, the accounts of computers, and the trusts between domains.

Names are qualified (``DOMAIN\\name``, a computer's with its ``$``) and compared without regard to case.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

_EPOCH = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)


@dataclass(slots=True, eq=False)
class Group:
    """A group of a domain. ``members``: qualified names of users, computers and groups."""

    name: str
    domain: str
    sid: str
    members: list[str] = field(default_factory=list)
    scope: str = "Global"  # Global, Universal, DomainLocal
    created: dt.datetime = _EPOCH
    changed: dt.datetime = _EPOCH

    @property
    def qualified(self) -> str:
        return f"{self.domain}\\{self.name}"


@dataclass(slots=True, eq=False)
class ComputerAccount:
    """The account of a computer. ``key``: of its host or file server in the fabric file, "" for any other computer.

    ``spns``: its service principal names as registered. What it may delegate to stands in its domain
    (``Domain.delegation``, ``Domain.rbcd``, both by key): winmigrate.lab.fabric.directory reads them.
    ``trusted_for_delegation``: unconstrained.
    """

    name: str
    domain: str
    dns_name: str
    sid: str
    key: str = ""
    spns: list[str] = field(default_factory=list)
    enabled: bool = True
    trusted_for_delegation: bool = False
    created: dt.datetime = _EPOCH
    changed: dt.datetime = _EPOCH
    password_set: dt.datetime = _EPOCH
    version: str = ""  # of its Windows, as in the fabric file
    caption: str = ""  # OperatingSystem

    @property
    def sam(self) -> str:
        """sAMAccountName, such as HV01$."""
        return f"{self.name}$"

    @property
    def qualified(self) -> str:
        return f"{self.domain}\\{self.sam}"


@dataclass(frozen=True, slots=True)
class Trust:
    """``trusting`` lets accounts of ``trusted`` log on; NetBIOS names. ``kind``: Forest (holds between all domains of
    both forests) or External (these two only).
    """

    trusting: str
    trusted: str
    kind: str = "Forest"
    two_way: bool = True


#: Groups that every domain has: name -> last part of the SID.
WELL_KNOWN = {"Domain Admins": 512, "Domain Users": 513, "Domain Computers": 515, "Domain Controllers": 516,
              "Protected Users": 525}


def default_spns(name: str, fqdn: str, hyperv: bool) -> list[str]:
    """What a Windows machine registers on its account (``setspn -L``); there is no cifs, which HOST covers."""
    services = ["WSMAN", "TERMSRV", "RestrictedKrbHost", "HOST"]
    if hyperv:
        services = ["Microsoft Virtual System Migration Service", "Hyper-V Replica Service",
                    "Microsoft Virtual Console Service", *services]
    return [f"{service}/{spelled}" for service in services for spelled in (name, fqdn)]
