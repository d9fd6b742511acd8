"""What every verb stands on: the inventory, the way to its hosts, the clock, the run's folder."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from winmigrate.checks.finding import Findings
from winmigrate.documents import Kind, RunFolder, create_run_folder, open_run_folder
from winmigrate.inventory import Inventory, load_inventory
from winmigrate.planning.plan import Plan
from winmigrate.reporting.explained import EXPLANATION
from winmigrate.reporting.report import REPORT
from winmigrate.reporting.standing import STATUS
from winmigrate.reporting.vm_versions import VERSIONS
from winmigrate.request import Clock, Credential, SystemClock
from winmigrate.survey import Candidates, Roll, Survey

if TYPE_CHECKING:
    from winmigrate.directory import Opener
    from winmigrate.inventory import Host
    from winmigrate.remoting.connect import Connector
    from winmigrate.remoting.endpoint import Endpoint
    from winmigrate.transcript import Book
    from winmigrate.verbs.recording import Recording

ROLL = Kind("roll", Roll)
CANDIDATES = Kind("candidates", Candidates)
SURVEY = Kind("survey", Survey)
FINDINGS = Kind("findings", Findings)
PLAN = Kind("plan", Plan)

#: Documents of a run's folder, by the name that `schema` knows them by.
KINDS: Mapping[str, Kind[Any]] = {
    "roll": ROLL,
    "candidates": CANDIDATES,
    "survey": SURVEY,
    "findings": FINDINGS,
    "plan": PLAN,
    "report": REPORT,
    "explanation": EXPLANATION,
    "versions": VERSIONS,
    "status": STATUS,
}


@dataclass(slots=True)
class Ground:
    """An inventory and the means to speak to its hosts. Made by :func:`stand`; verbs make their own if given none."""

    inventory: Inventory
    clock: Clock
    connector: Connector
    credential_for: Callable[[str], Credential | None]
    run_dir: Path = field(default_factory=lambda: Path("runs"))
    #: What is replayed in the place of hosts; None where hosts are asked.
    book: Book | None = None
    #: The way to the inventory's directory where it is asked over LDAP; nobody speaks LDAP in a replay.
    ldap: Opener | None = None

    def zone(self) -> zoneinfo.ZoneInfo:
        """The operator's time zone."""
        return zoneinfo.ZoneInfo(self.inventory.timezone)

    def new_folder(self) -> RunFolder:
        """A folder for a new run."""
        return create_run_folder(self.run_dir, self.clock.now().astimezone(self.zone()))


def stand(
    inventory: Inventory | Path | str,
    *,
    connector: Connector | None = None,
    clock: Clock | None = None,
    run_dir: Path | str = "runs",
    recording: Recording | None = None,
    replaying: Book | Path | str | None = None,
) -> Ground:
    """The ground for verbs. Credentials are fetched when a host is first spoken to, each once a process.

    ``connector`` and ``clock`` stand in for WinRM and the machine's clock (the lab). ``recording`` takes what passes.
    ``replaying``, a book or the folder of one, answers in the place of the hosts, by the clock of the recording: no
    host is spoken to and no credential is fetched then.
    """
    if not isinstance(inventory, Inventory):
        inventory = load_inventory(inventory)
    if replaying is not None:
        from winmigrate.verbs.recording import book_of, clock_of, nobody

        book = book_of(replaying)
        clock = clock or clock_of(book, SystemClock().now)
        return Ground(inventory, clock, book.connector(clock), nobody(inventory), Path(run_dir), book)
    clock = clock or SystemClock()
    purse: Callable[[str], Credential | None] = _Purse(inventory)
    if recording is not None:
        purse = recording.beware(purse)
    if connector is None:
        connector = _Connecting(inventory, clock, purse)
    if recording is not None:
        connector = recording.begin(inventory, connector, clock)
    return Ground(inventory, clock, connector, purse, Path(run_dir), ldap=ldap_of(inventory))


def open_folder(run: str | Path, run_dir: Path | str) -> RunFolder:
    """The folder of an earlier run. Raises UsageError."""
    return open_run_folder(run_dir, str(run))


def ldap_of(inventory: Inventory) -> Opener | None:
    """The way to the inventory's directory over LDAP; None where none is asked so. Its credential is fetched once, when
    it is first spoken to.
    """
    from functools import cache

    from winmigrate.directory import Server, connected
    from winmigrate.remoting.credentials import CredentialRef, resolve

    asked = inventory.directory
    if asked is None or asked.server is None:
        return None
    address, ca = asked.server, Path(asked.ca) if asked.ca else None

    @cache
    def server() -> Server:
        reference = str(asked.credential or "ticket")
        return Server(
            address, resolve(CredentialRef.parse(reference), folder=Path(inventory.file).parent), ca, asked.port
        )

    return lambda: connected(server())


class _Purse:
    """Credentials by host, each reference resolved once."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._known: dict[str, Credential | None] = {}

    def __call__(self, host: str) -> Credential | None:
        from winmigrate.remoting.credentials import CredentialRef, resolve

        reference = str(self._inventory.spoken_to()[host].credential)
        if reference not in self._known:
            folder = Path(self._inventory.file).parent
            self._known[reference] = resolve(CredentialRef.parse(reference), folder=folder)
        return self._known[reference]


class _Connecting:
    """A Connector whose endpoints are made when first wanted: a prompt is asked only for a host that is spoken to."""

    def __init__(self, inventory: Inventory, clock: Clock, purse: Callable[[str], Credential | None]) -> None:
        import threading

        self._inventory = inventory
        self._clock = clock
        self._purse = purse
        self._guard = threading.Lock()
        self._connect: Connector | None = None

    def __call__(self, host_name: str):  # type: ignore[no-untyped-def]
        from winmigrate.remoting.connect import connector

        with self._guard:
            if self._connect is None:
                hosts = self._inventory.spoken_to().values()
                self._connect = connector({host.name: endpoint_of(host, self._purse) for host in hosts}, self._clock)
        return self._connect(host_name)


def endpoint_of(host: Host, credential_for: Callable[[str], Credential | None]) -> Endpoint:
    """The endpoint of a host of the inventory. Raises CredentialUnavailable, UsageError."""
    from winmigrate.remoting.endpoint import DEFAULT_CONFIGURATION, Endpoint

    hop = host.second_hop
    return Endpoint(
        address=host.address,
        port=host.transport.port,
        scheme=host.transport.scheme,
        auth=host.auth,
        credential=None if host.auth == "certificate" else credential_for(host.name),
        ca=Path(host.transport.ca) if host.transport.ca else None,
        pinned_sha256=host.transport.pin,
        verify=host.transport.tls != "unverified",
        second_hop=hop.kind,
        configuration=hop.endpoint if hop.kind == "jea" else DEFAULT_CONFIGURATION,
        kind=host.transport.kind,
        kerberos_name=host.kerberos_name,
        client_certificate=Path(host.transport.client_certificate) if host.transport.client_certificate else None,
        client_key=Path(host.transport.client_key) if host.transport.client_key else None,
    )


def versions_of(roll: Roll) -> dict[str, str]:
    """Windows version by host, of those that said theirs."""
    return {name: entry.version for name, entry in roll.entries.items() if isinstance(entry.version, str)}
