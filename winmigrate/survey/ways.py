"""The ways between two hosts, tried on the hosts themselves: connections to ports, and names of the other side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.remoting.batch import Answer, Read
from winmigrate.survey.nouns import NameAsked, PortProbe
from winmigrate.survey.reading import Reader, reason_of
from winmigrate.windows import policy, ports
from winmigrate.windows.ports import Connected, Resolved
from winmigrate.windows.row import rows

#: No more addresses of a destination are tried: each that says nothing costs some twenty seconds.
MOST_ADDRESSES = 4
#: What a port that says nothing adds to a batch, in seconds.
PROBE = 30.0
#: Resolve-DnsName's errors that are answers: there is no such name, or it has no address.
_NO_NAME = frozenset({"DNS_ERROR_RCODE_NAME_ERROR", "DNS_INFO_NO_RECORDS"})
_FAULT = re.compile(r"<f:Message>(?P<said>.*?)</f:Message>", re.DOTALL)
_NO_CMDLET = Unreadable("Windows Server 2012 has no Test-NetConnection")


@dataclass(slots=True)
class Ways:
    """What one host is asked about its peers, and what it said. Names are those of the inventory.

    ``called``: what it calls each peer; ``listening``: the addresses that each of its destinations takes migrations on.
    """

    host: str
    version: str
    called: Mapping[str, str]
    listening: Mapping[str, Sequence[str]]
    ports: dict[str, tuple[PortProbe, ...]] = field(default_factory=dict)
    names: dict[str, NameAsked] = field(default_factory=dict)

    def reads(self) -> list[Read]:
        """What is to be asked: all of it in one batch."""
        asked = [Read(f"name of {peer}", ports.resolve(name)) for peer, name in self.called.items()]
        for destination in self.listening:
            for address, port in self._tried(destination):
                if port == ports.WINRM:
                    asked.append(Read(_named(destination, address, port), ports.probe_winrm(address)))
                elif at_least(self.version, "2012R2"):
                    asked.append(Read(_named(destination, address, port), ports.probe_port(address, port)))
        return asked

    def _tried(self, destination: str) -> list[tuple[str, int]]:
        name = self.called[destination]
        listening = [(address, ports.MIGRATION) for address in self.listening[destination][:MOST_ADDRESSES]]
        return [*listening, (name, ports.SMB), (name, ports.WINRM)]

    def answered(self, answers: Mapping[str, Answer | Unreadable]) -> None:
        """Keeps what the host said."""
        for peer, name in self.called.items():
            self.names[peer] = NameAsked(name, self._addresses(answers[f"name of {peer}"]))
        for destination in self.listening:
            self.ports[destination] = tuple(
                self._probe(address, port, answers.get(_named(destination, address, port), _NO_CMDLET))
                for address, port in self._tried(destination)
            )

    def unanswered(self, why: Unreadable) -> None:
        """The host could not be asked."""
        self.names = {peer: NameAsked(name, why) for peer, name in self.called.items()}
        self.ports = {
            destination: tuple(PortProbe(address, port, why) for address, port in self._tried(destination))
            for destination in self.listening
        }

    def _addresses(self, answer: Answer | Unreadable) -> tuple[str, ...] | Unreadable:
        if isinstance(answer, Unreadable):
            return answer
        found = []
        for row in rows(Resolved, answer.objects, self.version):
            if isinstance(row.ip_address, Unreadable):
                return row.ip_address
            if row.ip_address is not None:
                found.append(row.ip_address)
        unheard = [error for error in answer.errors if error.fqeid.partition(",")[0] not in _NO_NAME]
        if unheard and not found:
            return reason_of(unheard[0], self.host, hyper_v=False)
        if not found and not answer.errors:
            return Unreadable(f"{self.host} answered no address, and no error")
        return tuple(found)

    def _probe(self, address: str, port: int, answer: Answer | Unreadable) -> PortProbe:
        if isinstance(answer, Unreadable):
            return PortProbe(address, port, answer)
        if port == ports.WINRM:
            return self._winrm(address, answer)
        found = rows(Connected, answer.objects, self.version)
        if found:
            return PortProbe(address, port, found[0].tcp_test_succeeded)
        if answer.errors:
            return PortProbe(address, port, reason_of(answer.errors[0], self.host, hyper_v=False))
        return PortProbe(address, port, Unreadable(f"{self.host} said nothing about it"))

    def _winrm(self, address: str, answer: Answer) -> PortProbe:
        if answer.objects:
            # Whoever answers as WinRM says which stack it is: "OS: 0.0.0 SP: 0.0 Stack: 3.0".
            told = answer.objects[0]
            is_winrm = isinstance(told, str) and "Stack:" in told
            odd = Unreadable(f"expected a version of WinRM, the host answered {told!r:.80}")
            return PortProbe(address, ports.WINRM, True if is_winrm else odd)
        if not answer.errors:
            return PortProbe(address, ports.WINRM, Unreadable(f"{self.host} said nothing about it"))
        error = answer.errors[0]
        if error.fqeid.partition(",")[0] != "WsManError":
            return PortProbe(address, ports.WINRM, reason_of(error, self.host, hyper_v=False))
        said = _FAULT.search(error.message)
        return PortProbe(address, ports.WINRM, False, " ".join((said["said"] if said else error.message).split()))


def _named(destination: str, address: str, port: int) -> str:
    return f"port {port} of {destination} at {address}"


def registry_pol(reader: Reader) -> tuple[int, ...] | Unreadable | None:
    """The first bytes of Registry.pol; None where there is no such file."""
    answer = reader.answers.get("registry_pol")
    if isinstance(answer, Answer) and not answer.objects and answer.errors:
        ids = {error.fqeid.partition(",")[0] for error in answer.errors}
        if ids == {"PathNotFound"}:
            return None
    return reader.integers("registry_pol")


def registry_pol_read() -> Read:
    """The read that :func:`registry_pol` looks at."""
    return Read("registry_pol", policy.registry_pol())
