"""A book, served: every host of it behind WinRM on loopback, and an inventory that leads to them.

``python -m winmigrate.lab.book.server DIR`` is a process of its own, as the lab is. It prints one JSON line when it is
ready, and ends on SIGTERM or when the process that started it has ended.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from winmigrate.documents import write_atomically
from winmigrate.errors import WinmigrateError
from winmigrate.lab.book.engine import BookEngine
from winmigrate.lab.wire import Account, Accounts, WireServer, install_user_file
from winmigrate.lab.wire.clock import RealClock
from winmigrate.request import Secret
from winmigrate.transcript import Book, load_book

DOMAIN, USER = "PLAYED", "operator"


class BookServer:
    """Serves a book in this process. Use it as a context manager: leaving it closes everything.

    ``paced``: messages come at the times they came. Its one user is ``PLAYED\\operator``, with a fresh password.
    """

    def __init__(self, book: Book, *, paced: bool = False) -> None:
        self.book = book
        self.password = secrets.token_urlsafe(18)
        account = Account(DOMAIN, USER, Secret(self.password))
        self.user_file = install_user_file([account])
        clock = RealClock()
        self.servers: dict[str, WireServer] = {}
        for host in book.hosts:
            engine = BookEngine(book, host, clock if paced else None)
            build = book.transcript(host).header.build or 20348
            self.servers[host] = WireServer(
                host.upper(), engine, Accounts([account], host), clock, http_port=0, https_port=0,
                build=f"10.0.{build}.1" if build > 9600 else f"6.3.{build}.1", schemes=("negotiate",),
            )  # fmt: skip

    def __enter__(self) -> BookServer:
        for server in self.servers.values():
            server.start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers.values():
            server.stop()
        with suppress(FileNotFoundError):  # a cleaner of temporary files may have been quicker
            os.unlink(self.user_file)

    def ready(self) -> dict[str, Any]:
        """The ports, by host."""
        hosts = {
            key: {"http": server.http_port, "https": server.https_port, "sha256": server.certificate.sha256}
            for key, server in self.servers.items()
        }
        return {"ready": True, "pid": os.getpid(), "hosts": hosts}

    def write_inventory(self, path: Path, *, http: bool = False) -> None:
        """Writes an inventory (0600) that leads to these hosts, and the user's credential beside it (0600)."""
        credential = path.with_name(path.stem + ".credential.yml")
        _write(credential, {"username": f"{DOMAIN}\\{USER}", "password": self.password})
        hosts: dict[str, Any] = {}
        for key, server in self.servers.items():
            transport: dict[str, Any] = {"kind": "psrp", "scheme": "http", "port": server.http_port}
            if not http:
                pin = f"pinned {server.certificate.sha256}"
                transport = {"kind": "psrp", "scheme": "https", "port": server.https_port, "tls": pin}
            hosts[key] = {"address": "127.0.0.1", "transport": transport}
        defaults = {"auth": "ntlm", "credential": f"file:{credential.name}", "second_hop": "credential"}
        _write(path, {"winmigrate": 1, "defaults": defaults, "hosts": hosts})


def _write(path: Path, content: dict[str, Any]) -> None:
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    write_atomically(path, text.encode("utf-8"))


def main(given: Sequence[str] | None = None) -> int:
    """Serves until told to stop; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m winmigrate.lab.book.server", description=__doc__)
    parser.add_argument("book", type=Path)
    parser.add_argument("--inventory", type=Path, help="write an inventory that leads to the hosts")
    parser.add_argument("--http", action="store_true", help="the inventory uses HTTP with message encryption")
    parser.add_argument("--paced", action="store_true", help="messages come at the times they came")
    parser.add_argument("--loose", action="store_true", help="what is asked more often than recorded is answered again")
    options = parser.parse_args(given)
    parent = os.getppid()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        with BookServer(load_book(options.book, strict=not options.loose), paced=options.paced) as serving:
            ready = serving.ready()
            if options.inventory is not None:
                serving.write_inventory(options.inventory, http=options.http)
                ready["inventory"] = str(options.inventory)
            print(json.dumps(ready), flush=True)
            # A process whose parent has ended is given another one.
            while not stop.wait(0.5) and os.getppid() == parent:
                pass
    except (WinmigrateError, OSError) as error:
        print(error, file=sys.stderr)
        return error.exit_code if isinstance(error, WinmigrateError) else 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
