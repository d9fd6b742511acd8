"""A fabric, served: every host's WinRM on loopback, the control socket, and an inventory that leads to them.

``python -m winmigrate.lab.server FABRIC.yml`` is a process of its own, because the NTLM acceptor reads its users from
one file a process. It prints one JSON line when it is ready, and ends on SIGTERM, on "shutdown" over the control
socket, or when the process that started it has ended.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import queue
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from winmigrate.errors import Fault, InputFaults, LabError, WinmigrateError
from winmigrate.lab import endpoints
from winmigrate.lab.control import Control
from winmigrate.lab.fabric.directory import is_known_at
from winmigrate.lab.fabric.loading import make_world
from winmigrate.lab.fabric.world import Host, User, World
from winmigrate.lab.faults import RANDOM, FaultPlan, read_fault
from winmigrate.lab.wire import (
    Account,
    Accounts,
    ClientAuthority,
    Door,
    Limits,
    WireServer,
    install_user_file,
    principal_of,
)
from winmigrate.marked import Marked, Misfit, read_marked
from winmigrate.request import Secret

#: Where Kerberos' own libraries look for the keys of those who are spoken to.
KEYTAB = "KRB5_KTNAME"


class Lab:
    """A world with all its servers, in this process. Use it as a context manager: leaving it closes everything.

    ``keytab`` holds the keys of the fabric's computer accounts (``host/``, ``HTTP/``, ``WSMAN/`` with their full
    names); with it the hosts of the domain take Kerberos. Like the NTLM users it is one a process. Raises LabError.
    """

    def __init__(self, world: World, *, http: bool = True, https: bool = True, port_base: int | None = None,
                 keytab: Path | None = None) -> None:
        self.world = world
        self.has_keys = keytab is not None
        if keytab is not None:
            _take_keys(keytab)
        if not world.users:
            _make_operator(world)
        self.faults = FaultPlan(world)
        everybody = [account for host in world.machines().values() for account in _accounts(world, host)]
        self.user_file = install_user_file(everybody)
        self.control = Control(world, self.faults)
        self.servers: dict[str, WireServer] = {}
        #: Vouches for the certificates of users; none where no host takes any.
        self.clients = ClientAuthority() if any(h.client_certificates for h in world.hosts.values()) else None
        self._http, self._https, self._port_base = http, https, port_base
        self._outages: queue.SimpleQueue[tuple[str, str] | None] = queue.SimpleQueue()
        self._warden = threading.Thread(target=self._watch, name="host outages", daemon=True)

    def start(self) -> None:
        """Opens the listeners of every host and file server."""
        for number, (key, host) in enumerate(self.world.machines().items()):
            self.servers[key] = self._server(number, host)
        for key, server in self.servers.items():
            server.start()
            if not self.world.machines()[key].reachable:
                server.reboot()
        self.world.watchers.append(self._heard)
        self._warden.start()

    def plan_faults(self, marked: Marked | None) -> None:
        """Adds the faults of a fabric file. Raises InputFaults, with every one that makes no sense."""
        wrong: list[Fault] = []
        if marked is not None and isinstance(marked.value, dict):
            try:
                drawn = RANDOM.read(marked)
            except Misfit as misfit:
                raise InputFaults(misfit.faults) from misfit
            self.faults.add_random(drawn["random"], drawn["seed"])
        for one in marked.value if marked is not None and isinstance(marked.value, list) else ():
            try:
                self.faults.add(read_fault(one, self.world))
            except Misfit as misfit:
                wrong.extend(misfit.faults)
        if wrong:
            raise InputFaults(wrong)

    def close(self) -> None:
        """Closes all; ends the clock first, so that nothing waits."""
        self.world.clock.close()
        self.control.close()
        if self._warden.is_alive():
            self._outages.put(None)
            self._warden.join()
        for server in self.servers.values():
            server.stop()
        self.world.log.close()
        with suppress(FileNotFoundError):  # a cleaner of temporary files may have been quicker
            os.unlink(self.user_file)

    def __enter__(self) -> Lab:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _server(self, number: int, host: Host) -> WireServer:
        base = None if self._port_base is None else self._port_base + 2 * number
        accounts = Accounts(_accounts(self.world, host), host.name)
        certified = self.clients is not None and bool(host.client_certificates)
        return WireServer(
            host.name, endpoints.engines(self.world, host), accounts,
            self.world.clock,
            clients=self.clients.pem if certified and self.clients is not None else None,
            mapped=partial(_mapped, host, accounts) if certified else None,
            http_port=(base if base is not None else 0) if self._http else None,
            https_port=(base + 1 if base is not None else 0) if self._https else None,
            faults=self.faults, log=partial(self._report, host.key), admits=partial(endpoints.admits, self.world, host),
            limits=Limits(**host.limits), run_as=endpoints.run_as(host),
            build=f"10.0.{host.build}.1" if host.build > 9600 else f"6.3.{host.build}.1",
            schemes=self._schemes(host), door=partial(_door, host) if self._takes_tickets(host) else None,
        )

    def _takes_tickets(self, host: Host) -> bool:
        return self.has_keys and host.in_domain

    def _schemes(self, host: Host) -> tuple[str, ...]:
        """What its WinRM offers, in Windows' order."""
        return ("negotiate", *(("kerberos",) if self._takes_tickets(host) else ()),
                *(("credssp",) if host.credssp_enabled else ()))

    def _report(self, key: str, event: dict[str, Any]) -> None:
        facts = {name: value for name, value in event.items() if name not in ("event", "host", "kind")}
        self.world.log.write(str(event.get("event", "wire")), host=key, **facts)

    # A host's listeners are closed and opened on a thread of their own: whoever tells of the outage holds the world's
    # lock, which a pipeline of that host may be waiting for. The clock is held meanwhile.

    def _heard(self, what: str, facts: dict[str, Any]) -> None:
        if what in ("host-down", "host-up"):
            self.world.clock.hold()
            self._outages.put((what, facts["host"]))

    def _watch(self) -> None:
        while (told := self._outages.get()) is not None:
            what, key = told
            try:
                if what == "host-down":
                    self.servers[key].reboot()
                else:
                    self.servers[key].come_up()
            finally:
                self.world.clock.release()

    # --- what a client needs -----------------------------------------------------------------------------------------

    def ready(self) -> dict[str, Any]:
        """The ports, by host, and the control socket."""
        found: dict[str, dict[str, Any]] = {"hosts": {}, "file_servers": {}}
        for key, server in self.servers.items():
            found["hosts" if key in self.world.hosts else "file_servers"][key] = {
                "http": server.http_port, "https": server.https_port, "sha256": server.certificate.sha256,
                "fqdn": self.world.machines()[key].fqdn}
        return {
            "ready": True, "pid": os.getpid(), "control": self.control.address, "token": self.control.token, **found,
        }

    def write_inventory(self, path: Path, user: User, *, scheme: str = "https", auth: str = "ntlm",
                        ticket: bool = False) -> None:
        """Writes an inventory (0600) that leads to these hosts as ``user``, and his credential beside it (0600).

        ``ticket``: he comes with the ticket of Kerberos' cache; then no second hop can be made with his password.
        ``auth`` certificate: by a certificate of his name, written beside the inventory (0600). Raises LabError where
        no host takes any.
        """
        credential = path.with_name(path.stem + ".credential.yml")
        _write(credential, yaml.safe_dump({"username": user.qualified, "password": user.password}, allow_unicode=True))
        found: dict[str, dict[str, Any]] = {"hosts": {}, "file_servers": {}}
        for key, server in self.servers.items():
            transport: dict[str, Any] = {"kind": "psrp", "scheme": scheme}
            if scheme == "http":
                transport["port"] = server.http_port
            else:
                transport["port"] = server.https_port
                transport["tls"] = f"pinned {server.certificate.sha256}"
            if auth == "certificate":
                transport["client_certificate"] = self._certificate(path, user).name
            here = found["hosts" if key in self.world.hosts else "file_servers"]
            here[key] = {"address": "127.0.0.1", "transport": transport}
            if auth in ("kerberos", "negotiate") or key in self.world.file_servers:
                here[key]["kerberos_name"] = self.world.machines()[key].fqdn
        for key, one in self.world.file_servers.items():
            if one.nas is not None:
                found["file_servers"][key] = {"address": one.host.fqdn, "vendor": one.nas}
            if key in found["file_servers"]:
                found["file_servers"][key]["aliases"] = list(dict.fromkeys(
                    name.lower() for name in one.names if name.lower() != key.lower()))
        inventory = {
            "winmigrate": 1,
            "defaults": {"auth": auth, "credential": "ticket" if ticket else f"file:{credential.name}",
                         "second_hop": _passed_on(auth, ticket)},
            **{section: machines for section, machines in found.items() if machines},
            "lab": {"control": self.control.address, "token": self.control.token},
        }
        _write(path, "# Written by the lab that it leads to; of no use when that has ended.\n"
               + yaml.safe_dump(inventory, sort_keys=False, allow_unicode=True))

    def _certificate(self, inventory: Path, user: User) -> Path:
        """Writes a user's certificate with its key beside the inventory."""
        if self.clients is None:
            raise LabError("no host of this fabric takes client certificates; wanted: client_certificates: "
                           f"[{user.name}] at its hosts, and a user of that name with the host as its domain")
        path = inventory.with_name(f"{inventory.stem}.certificate.pem")
        _write(path, self.clients.issue(user.name).decode("ascii"))
        return path


def _write(path: Path, text: str) -> None:
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(fresh, path)


def _take_keys(keytab: Path) -> None:
    """Makes this process accept by these keys. Raises LabError for what would only show at the first logon."""
    if importlib.util.find_spec("gssapi") is None or importlib.util.find_spec("krb5") is None:
        raise LabError("a keytab is of no use without GSSAPI", hint="pip install 'winmigrate[kerberos]'")
    try:
        with keytab.open("rb") as file:
            if file.read(1) != b"\x05":
                raise LabError(f"{keytab} is no keytab")
    except OSError as error:
        raise LabError(f"{keytab}: {error.strerror}") from error
    os.environ[KEYTAB] = f"FILE:{keytab.resolve()}"


def _door(host: Host) -> Door:
    return Door(frozenset({host.name.lower(), host.fqdn.lower()}), host.clock_skew)


def _passed_on(auth: str, ticket: bool) -> str:
    """What an inventory says of the second hop: a ticket and a certificate have no password to pass on."""
    if ticket or auth == "certificate":
        return "none"
    return "credssp" if auth == "credssp" else "credential"


def _mapped(host: Host, accounts: Accounts, certificate: bytes) -> Account | None:
    """The account of the host's own that a client certificate is mapped to: by Windows' rule never one of a domain."""
    principal = principal_of(certificate) or ""
    name = principal.partition("@")[0].lower()
    if name not in [mapped.lower() for mapped in host.client_certificates]:
        return None
    return accounts.resolve(f"{host.name}\\{name}")


def _accounts(world: World, host: Host) -> list[Account]:
    found = []
    for user in world.users:
        if is_known_at(world, user, host):
            home = world.domain_named(user.domain)
            dns_name = home.name if home is not None else ""
            found.append(Account(user.domain, user.name, Secret(user.password), dns_name))
    return found


def _make_operator(world: World) -> None:
    user = User("operator", world.domain.netbios, secrets.token_urlsafe(18), sid=f"{world.domain.sid}-1101")
    world.users.append(user)
    for host in world.hosts.values():
        host.administrators.add(user.qualified)


def open_lab(fabric: Path, *, mode: str = "leap", rate: float = 1.0, log: Path | None = None, http: bool = True,
             https: bool = True, port_base: int | None = None, keytab: Path | None = None) -> Lab:
    """A lab of a fabric file, not yet started. ``keytab`` None: the one that the fabric file names, or KRB5_KTNAME if
    there is such a file. Raises InputFaults, LabError, OSError."""
    marked = read_marked(fabric)
    world = make_world(marked, mode=mode, rate=rate, log=log)
    try:
        endpoints.check_functions(world)
        lab = Lab(world, http=http, https=https, port_base=port_base, keytab=keytab or _keytab_for(marked, fabric))
    except BaseException:
        world.clock.close()
        raise
    try:
        lab.plan_faults(marked.child("faults"))
    except BaseException:
        lab.close()
        raise
    return lab


def _keytab_for(marked: Marked, fabric: Path) -> Path | None:
    named = marked.child("keytab")
    if named is not None:
        return fabric.parent / named.text
    path = Path(os.environ.get(KEYTAB, "").removeprefix("FILE:") or os.devnull)
    return path if path.is_file() else None


def _arguments(given: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m winmigrate.lab.server", description=__doc__)
    parser.add_argument("fabric", type=Path)
    parser.add_argument("--inventory", type=Path, help="write an inventory that leads to the lab")
    parser.add_argument("--user", help="the user of that inventory (default: the fabric's first)")
    parser.add_argument("--clock", choices=("real", "leap", "step"), default="leap")
    parser.add_argument("--rate", type=float, default=1.0, help="fabric seconds in a real one (--clock real)")
    parser.add_argument("--http", action="store_true", help="the inventory uses HTTP with message encryption")
    parser.add_argument("--auth", choices=("ntlm", "negotiate", "kerberos", "credssp", "certificate"), default="ntlm",
                        help="how the inventory's user logs on")
    parser.add_argument("--ticket", action="store_true", help="the inventory uses the Kerberos cache, no password")
    parser.add_argument("--keytab", type=Path, help="keys of the fabric's computer accounts: hosts take Kerberos")
    parser.add_argument("--port-base", type=int, help="fixed ports: this one for the first host's HTTP, and upwards")
    parser.add_argument("--log", type=Path, help="write the fabric's log there as well (JSON lines)")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Serves until told to stop; gives the exit code."""
    options = _arguments(sys.argv[1:] if given is None else given)
    parent = os.getppid()
    try:
        lab = open_lab(options.fabric, mode=options.clock, rate=options.rate, log=options.log,
                       port_base=options.port_base, keytab=options.keytab)
    except (WinmigrateError, OSError) as error:
        print(error, file=sys.stderr)
        return error.exit_code if isinstance(error, WinmigrateError) else 2
    stop = lab.control.asked_to_stop
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        with lab:
            return _serve(lab, options, stop, parent)
    except (WinmigrateError, OSError) as error:
        print(error, file=sys.stderr)
        return 2


def _serve(lab: Lab, options: argparse.Namespace, stop: threading.Event, parent: int) -> int:
    ready = lab.ready()
    if options.inventory is not None:
        user = lab.world.user(options.user) if options.user else lab.world.users[0]
        if user is None:
            print(f'no user "{options.user}" in {options.fabric}', file=sys.stderr)
            return 2
        lab.write_inventory(options.inventory, user, scheme="http" if options.http else "https", auth=options.auth,
                            ticket=options.ticket)
        ready["inventory"] = str(options.inventory)
    print(json.dumps(ready), flush=True)
    # A process whose parent has ended is given another one.
    while not stop.wait(0.5):
        if os.getppid() != parent:
            break
    return 0


if __name__ == "__main__":
    sys.exit(main())
