"""One domain for all tests that need a real KDC."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.directory.samba import DNS, NETBIOS, PASSWORD, Directory, directory
from winmigrate.lab.wire import Account
from winmigrate.request import Secret

HOSTS = ("HV01", "HV02", "HV03")
USERS = ("ops", "guarded", "protected", "locked", "outdated")
OPS = Account(NETBIOS, "ops", Secret(PASSWORD), DNS)


@pytest.fixture(scope="session")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory]:
    """CORP.EXAMPLE with three Hyper-V hosts; its accounts may be changed, and have to be put back."""
    with directory(tmp_path_factory.mktemp("domain"), users=USERS, hosts=HOSTS) as served:
        served.host_keytab(served.folder / "hosts.keytab", *HOSTS)
        served.change("flag", "locked", "disabled", True)
        served.change("expire", "outdated")
        yield served


@pytest.fixture(scope="session")
def keytab(domain: Directory) -> Path:
    """The keys of all hosts."""
    return domain.folder / "hosts.keytab"


@pytest.fixture(scope="session")
def ticket(domain: Directory) -> Path:
    """A cache with a ticket of ops that may be forwarded."""
    cache = domain.folder / "ops.ccache"
    domain.kinit("ops", cache, password=PASSWORD, forwardable=True)
    return cache


@pytest.fixture
def in_domain(domain: Directory, keytab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process speaks Kerberos with the domain, and accepts as its hosts; it has no ticket."""
    for name in ("KRB5_CONFIG", "KRB5CCNAME", "KRB5RCACHENAME"):
        monkeypatch.setenv(name, domain.environment[name])
    monkeypatch.setenv("KRB5_KTNAME", f"FILE:{keytab}")
    assert not os.path.exists(domain.environment["KRB5CCNAME"].removeprefix("FILE:"))


@pytest.fixture
def with_ticket(in_domain: None, ticket: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And has the ticket of ops."""
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{ticket}")
