"""Recording what passes between a ground and its hosts, and standing on a recording in their place.

What is saved can be replayed by who was never there: the transcripts, and beside them the inventory and the playbook
under the same aliases. Free text (reasons, hooks, notifications) is left out of them: no list of names redacts it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from winmigrate.documents import write_atomically
from winmigrate.errors import HostError, UsageError
from winmigrate.inventory import FileServer, Host, Inventory
from winmigrate.playbook.types import wildcard
from winmigrate.request import Clock, Credential, Event, Reply, Request, Secret
from winmigrate.transcript import Book, PlayedClock, Recorder, Redactor, load_book, terms_of
from winmigrate.transcript.scan import find_secrets

if TYPE_CHECKING:
    from winmigrate.remoting.connect import Connector

_BUILD = re.compile(r'<S N="BuildNumber">(\d{4,6})</S>')
#: Keys of a playbook whose values are programs of the operator's, or his own words.
_LEFT_OUT = frozenset({"notify", "hooks"})
_FREE_TEXT = frozenset({"reason", "for"})
#: What a file server has of a host's settings.
_OF_SERVERS = frozenset({"address", "transport", "credential"})


class Recording:
    """A recording of one ground: give it to ``stand(..., recording=...)``, and :meth:`save` it when all is asked.

    ``redacted`` False keeps names as they are, which only a lab's recording may. Secrets never stand in it either way.
    """

    def __init__(self, *, redacted: bool = True) -> None:
        self._redacted = redacted
        self._redactor: Redactor | None = None
        self._recorder: Recorder | None = None
        self._inventory: Inventory | None = None
        self._asked = False

    @property
    def heard(self) -> bool:
        """Was any host asked anything?"""
        return self._recorder is not None and self._asked

    def begin(self, inventory: Inventory, connector: Connector, clock: Clock) -> Connector:
        """A connector whose sessions are recorded. Raises UsageError: begun already, or not redacted and no lab's."""
        from winmigrate.remoting.recording import recorded

        if self._recorder is not None:
            raise UsageError("this recording has a ground already; wanted: a Recording of its own for each ground")
        if not self._redacted and inventory.lab is None:
            raise UsageError("what is recorded from real hosts is redacted", hint="only a lab's names may stay")
        if self._redacted:
            hosts = [(host.name, host.address) for host in inventory.hosts.values()]
            hosts += [(one.name, one.address) for one in inventory.clusters.values()]
            for server in inventory.file_servers.values():
                hosts += [(server.name, address) for address in (server.address, *server.aliases)]
            self._redactor = Redactor(terms_of(hosts))
        origin = "recorded" if inventory.lab is None else "lab"
        self._recorder = Recorder(origin, self._redactor, began=clock.now())
        self._inventory = inventory
        return recorded(connector, self._heard)

    def beware(self, credential_for: Callable[[str], Credential | None]) -> Callable[[str], Credential | None]:
        """The same credentials, whose passwords are looked for in what is about to be written."""

        def fetch(host: str) -> Credential | None:
            found = credential_for(host)
            if found is not None and self._recorder is not None:
                self._recorder.beware(found.password)
            return found

        return fetch

    def _heard(self, host: str, asked: Request, events: tuple[Event, ...], end: Reply | HostError | None) -> None:
        assert self._recorder is not None
        self._asked = True
        self._recorder(host, asked, events, end)
        for event in events:
            build = _BUILD.search(event.clixml)
            if build is not None:
                self._recorder.describe(host, build=int(build[1]))

    def save(self, folder: Path | str, *, playbook: Path | str | None = None) -> tuple[Path, ...]:
        """Writes the transcripts, an inventory.yml and, if one is given, a playbook.yml: gives their paths.

        Raises SecretFound, which says where and never what; TranscriptError; UsageError: nothing was recorded.
        """
        if self._recorder is None or self._inventory is None:
            raise UsageError("nothing was recorded: no ground stands on this recording")
        paths = list(self._recorder.save(folder))
        if not paths:
            raise UsageError("nothing was recorded: no host was asked anything")
        names = _Names(self._redactor)
        texts = {"inventory.yml": _inventory(self._inventory, names)}
        if playbook is not None:
            texts["playbook.yml"] = _playbook(Path(playbook), names)
        for name, found in texts.items():
            text = yaml.safe_dump(found, sort_keys=False, allow_unicode=True)
            if find_secrets(text):
                continue  # the transcripts are what counts; who replays them writes his own
            path = Path(folder) / name
            write_atomically(path, text.encode("utf-8"))
            paths.append(path)
        return tuple(paths)


class _Names:
    """Aliases, or the names themselves where nothing is redacted."""

    def __init__(self, redactor: Redactor | None) -> None:
        self._redactor = redactor

    def text(self, text: str) -> str:
        return text if self._redactor is None else self._redactor.redact(text)

    def vms(self, patterns: list[str]) -> list[str]:
        """The VMs that these names, patterns and id:GUID mean, under their aliases."""
        if self._redactor is None:
            return patterns
        known = self._redactor.names("vm")
        found = [one for one in patterns if one.lower().startswith("id:")]
        for pattern in patterns:
            if not any(mark in pattern for mark in "*?"):
                found.append(self.text(pattern))
            else:
                found.extend(self._redactor.alias(name) for name in known if wildcard(pattern, name))
        return list(dict.fromkeys(found))

    def vms_but(self, pattern: str) -> list[str]:
        """The VMs that a pattern does not mean."""
        if self._redactor is None:
            return []
        return [self._redactor.alias(name) for name in self._redactor.names("vm") if not wildcard(pattern, name)]


def _inventory(inventory: Inventory, names: _Names) -> dict[str, Any]:
    found: dict[str, Any] = {"winmigrate": 1, "timezone": inventory.timezone}
    found["hosts"] = {names.text(host.name): _host(host, names) for host in inventory.hosts.values()}
    if inventory.clusters:
        found["clusters"] = {
            names.text(one.name): {
                "address": names.text(one.address),
                **({"nodes": [names.text(node) for node in one.nodes]} if one.nodes else {}),
                **({"keep_nodes": one.keep_nodes} if one.keep_nodes is not None else {}),
            }
            for one in inventory.clusters.values()
        }
    if inventory.file_servers:
        servers = inventory.file_servers.values()
        found["file_servers"] = {names.text(one.name): _file_server(one, names) for one in servers}
    if inventory.networks:
        found["networks"] = {
            names.text(one.name): {
                **{names.text(host): names.text(switch) for host, switch in one.switches.items()},
                **({"default": names.text(one.default)} if one.default is not None else {}),
            }
            for one in inventory.networks.values()
        }
    return found


def _host(host: Host, names: _Names) -> dict[str, Any]:
    """What a replay needs of a host: where it was asked (other hosts are told so), what checks and placement read."""
    transport = host.transport
    found: dict[str, Any] = {"address": names.text(host.address)}
    found["transport"] = {"kind": transport.kind, "scheme": transport.scheme, "port": transport.port}
    found["credential"] = "ticket" if str(host.credential) == "ticket" else "prompt"
    found["second_hop"] = names.text(str(host.second_hop))
    if host.tags:
        found["tags"] = [names.text(tag) for tag in host.tags]
    reserve = {f"{drive}:": f"{size} B" for drive, size in host.reserve.disks.items()}
    if host.reserve.memory is not None:
        reserve["memory"] = f"{host.reserve.memory} B"
    limits = {"live": host.limits.live, "storage": host.limits.storage}
    limits = {name: limit for name, limit in limits.items() if limit is not None}
    if reserve:
        found["reserve"] = reserve
    if limits:
        found["limits"] = limits
    if not host.receive:
        found["receive"] = False
    return found


def _file_server(server: FileServer, names: _Names) -> dict[str, Any]:
    """The same of a file server, and what UNC paths call it."""
    found = {key: value for key, value in _host(server.as_host(), names).items() if key in _OF_SERVERS}
    if server.aliases:
        found["aliases"] = [names.text(alias) for alias in server.aliases]
    if server.vendor is not None:
        found["vendor"] = "left out of the recording"
    return found


# --- the playbook ------------------------------------------------------------------------------------------------


def _playbook(path: Path, names: _Names) -> dict[str, Any]:
    """The playbook's own tree under aliases; patterns become the VMs they mean."""
    tree = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    found = {key: _tree(value, names) for key, value in tree.items() if key not in _LEFT_OUT}
    return {**found, "winmigrate": 1, "inventory": "inventory.yml"}


def _tree(value: Any, names: _Names) -> Any:
    if isinstance(value, str):
        return names.text(value)
    if isinstance(value, list):
        return [_tree(item, names) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for key, item in value.items():
        if key in _FREE_TEXT:
            found[key] = "left out of the recording"
        elif key == "choose" and isinstance(item, dict):
            found[key] = _choice(item, names)
        elif key == "leave":
            found[key] = names.vms([item] if isinstance(item, str) else item)
        else:
            found[names.text(key)] = _tree(item, names)
    return found


def _choice(given: Mapping[str, Any], names: _Names) -> dict[str, Any]:
    found = {key: _tree(item, names) for key, item in given.items() if key not in ("name", "except")}
    excluded = given.get("except", [])
    left = names.vms([excluded] if isinstance(excluded, str) else list(excluded))
    if "name" in given:
        left += names.vms_but(given["name"])
        found["name"] = "*"
    if left:
        found["except"] = list(dict.fromkeys(left))
    return found


# --- standing on a recording --------------------------------------------------------------------------------------


def book_of(replaying: Book | Path | str) -> Book:
    """The book itself, or that of a folder or file. Raises TranscriptError."""
    return replaying if isinstance(replaying, Book) else load_book(replaying)


def clock_of(book: Book, now: Callable[[], Any]) -> PlayedClock:
    """A clock that begins when the recording did (now, where nobody knows that) and ends with the first miss."""
    clock = PlayedClock(book.began() or now())
    book.on_miss = clock.fail
    return clock


def nobody(inventory: Inventory) -> Callable[[str], Credential | None]:
    """Credentials for a replay, where any answers to any: none is ever fetched, and a ticket stays a ticket."""

    def fetch(host: str) -> Credential | None:
        reference = str(inventory.spoken_to()[host].credential)
        return None if reference == "ticket" else Credential("replayed", Secret(""))

    return fetch
