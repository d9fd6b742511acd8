"""Redaction: names, addresses, SIDs, domains and users become aliases, the same one everywhere in a run.

An alias keeps what the program reads from the original: addresses of one subnet stay in one subnet, a SID of a domain
stays one of that domain, a host's FQDN stays its name and its domain. What has a meaning of its own (loopback,
well-known SIDs, BUILTIN, versions) stays. The map from names to aliases is never written.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

_WELL_KNOWN = frozenset(
    {
        "BUILTIN",
        "NT AUTHORITY",
        "NT SERVICE",
        "NT VIRTUAL MACHINE",
        "NT",
        "WINDOW MANAGER",
        "APPLICATION",
        "HKLM",
        "HKCU",
    }
)
_SHORTEST = 3
#: Properties whose value is a name, by what it names. What Name names, the type of its row says.
_PROPERTIES = {
    "vm": ("VMName", "VirtualSystemName", "ElementName"),
    "host": ("ComputerName", "PSComputerName", "DNSHostName", "CSName", "DestinationHost", "MachineName"),
    "domain": ("Domain", "DomainName", "UserDomain"),
    "user": ("UserName",),
}
_KIND_OF = {name.lower(): kind for kind, names in _PROPERTIES.items() for name in names}
_NAMED = re.compile(r'<S N="(\w+)">([^<]{1,256})</S>')
_FIRST_TYPE = re.compile(r"<T>(?:Selected\.|Deserialized\.)*Microsoft\.([\w.]+)</T>")
_ROWS = {
    "HyperV.PowerShell.VirtualMachine": "vm",
    "FailoverClusters.PowerShell.Cluster": "cluster",
    "FailoverClusters.PowerShell.ClusterNode": "host",
}
#: PowerShell cuts long targets of errors in the middle, and a name with them: "payroll-d...sks".
_CUT = re.compile(r"([^\s\\/:;,\"'<>()|=.]{3,64})?\.\.\.([^\s\\/:;,\"'<>()|=.]{3,64})?")
_CODED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_SEALED = re.compile(r"(<SS\b[^<>]{0,200}>)[^<]+(</SS>)")

_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = re.compile(rf"(?<![\w.])(?<!Version=){_OCTET}(?:\.{_OCTET}){{3}}(?!\w|\.\d)")
_TAG = re.compile(r"(<[^<>]*>)")
#: Tags of a request's data whose value is no text that could hold a name.
_NO_TEXT = ("BA", "G", "D", "Db", "DT", "TS", "any", "switch", "secret")
#: Elements whose text is the program's own: names of types, versions.
_NO_NAMES = ("<T>", "<Version>", "<Version ")
_IPV6 = re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f]*:)[0-9A-Fa-f:]{3,39}(?:%\w{1,16})?(?![\w:])")
_MAC = re.compile(r"(?i)\b(00-?15-?5D)(-?)([0-9A-F]{2})(-?)([0-9A-F]{2})(-?)([0-9A-F]{2})\b")
#: A migration job says which VM it moves by its Id, in a property that is called after the name.
_GUID = re.compile(r"(?i)\{?[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}?")
_SID = re.compile(r"\bS-1-5-21-(\d+-\d+-\d+)((?:-\d+)?)\b")
_ACCOUNT = re.compile(r"(?<![\\\w:.$/-])([A-Z][A-Z0-9-]{0,14})\\([A-Za-z0-9][\w.$-]{0,63})")
_MAIL = re.compile(r"(?<![\w.@])([A-Za-z0-9][\w.+-]{0,63})@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)\b")


@dataclass(frozen=True, slots=True)
class Terms:
    """Names known beforehand, by what they name; case does not count."""

    hosts: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    vms: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


@dataclass(slots=True)
class Redactor:
    """One run's aliases. :meth:`learn` from everything first, then :meth:`redact`: an alias then holds everywhere."""

    terms: Terms = Terms()
    counts: Counter[str] = field(default_factory=Counter)
    _aliases: dict[str, str] = field(default_factory=dict)
    _numbers: Counter[str] = field(default_factory=Counter)
    _pattern: re.Pattern[str] | None = None
    _kinds: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        groups = (("domain", self.terms.domains), ("host", self.terms.hosts), ("user", self.terms.users))
        for kind, names in (*groups, ("vm", self.terms.vms), ("name", self.terms.others)):
            for name in names:
                self._name(kind, name)

    def learn(self, clixml: str) -> None:
        """Takes the names that properties of these objects hold."""
        row = _FIRST_TYPE.search(clixml)
        own = None if row is None else _ROWS.get(row[1])
        for name, written in _NAMED.findall(clixml):
            kind = own if own is not None and name == "Name" else _KIND_OF.get(name.lower())
            if kind is not None:
                self._name(kind, _unescaped(written))
        for domain, user in _ACCOUNT.findall(clixml):
            if domain not in _WELL_KNOWN:
                self._name("domain", domain)
                self._name("host" if user.endswith("$") else "user", user.removesuffix("$"))

    def redact(self, text: str) -> str:
        """Plain ``text`` with aliases in the place of names."""
        text = self._names(text)
        text = _SID.sub(self._sid, text)
        text = _MAIL.sub(self._mail, text)
        text = _MAC.sub(self._mac, text)
        text = _IPV4.sub(self._ipv4, text)
        return _IPV6.sub(self._ipv6, text)

    def redact_clixml(self, clixml: str) -> str:
        """The same between the tags of CLIXML, which stay as they are; sealed secrets without what they seal."""
        parts = _TAG.split(unsealed(clixml))
        for index in range(0, len(parts), 2):
            if parts[index] and not (index and parts[index - 1].startswith(_NO_NAMES)):
                parts[index] = self.redact(parts[index])
        return "".join(parts)

    def redact_data(self, data: Any) -> Any:
        """The same in every text of JSON data but the tags and keys that the format itself gives."""
        if isinstance(data, str):
            return self.redact(data)
        if isinstance(data, list):
            return [self.redact_data(item) for item in data]
        if isinstance(data, dict):
            return {key: value if key in _NO_TEXT else self.redact_data(value) for key, value in data.items()}
        return data

    def alias(self, name: str) -> str:
        """What a name has become; the name itself if it is not known."""
        return self._aliases.get(name.casefold(), name)

    def names(self, kind: str) -> tuple[str, ...]:
        """The names of a kind ("vm", "host", "domain", "user", "name") that are known, case folded."""
        return tuple(name for name, one in self._kinds.items() if one == kind)

    # --- names ---

    def _name(self, kind: str, name: str) -> None:
        """A new name, unless it is too short, or a word that is everywhere."""
        name = name.strip()
        decoded = _CODED.sub(lambda match: chr(int(match[1], 16)), name)
        if decoded != name and decoded.strip().casefold() not in self._aliases:
            self._name(kind, decoded)
            alias = self._aliases.get(decoded.strip().casefold())
            if alias is not None:
                self._aliases[name.casefold()] = alias
                return
        if kind == "user" and "\\" in name:
            domain, _, name = name.partition("\\")
            self._name("domain", domain)
        if kind == "user" and "@" in name:
            name, _, domain = name.partition("@")
            self._name("domain", domain)
        key = name.casefold()
        if len(key) < _SHORTEST or key in self._aliases or name.upper() in _WELL_KNOWN or name.isdigit():
            return
        if key in _COMMON or _GUID.fullmatch(name) or _IPV4.fullmatch(name) or _IPV6.fullmatch(name):
            return
        if kind == "host" and "." in name:
            short, _, domain = name.partition(".")
            self._name("domain", domain)
            self._name("host", short)
            if short.casefold() in self._aliases and domain.casefold() in self._aliases:
                return
        if kind == "domain" and "." in name:
            self._name("domain", name.partition(".")[0])
        if kind == "domain" and "." in name and name.partition(".")[0].casefold() in self._aliases:
            label = self._aliases[name.partition(".")[0].casefold()]
            self._add(kind, key, f"{label}.example")
            return
        self._add(kind, key, self._new(kind) + (".example" if kind == "domain" and "." in name else ""))

    def _add(self, kind: str, key: str, alias: str) -> None:
        self._aliases[key] = alias
        self._kinds[key] = kind
        self.counts[f"{kind}s"] += 1
        self._pattern = None

    def _new(self, kind: str) -> str:
        self._numbers[kind] += 1
        return f"{kind}{self._numbers[kind]}"

    def _names(self, text: str) -> str:
        if not self._aliases:
            return text
        if self._pattern is None:
            longest = sorted(self._aliases, key=len, reverse=True)
            spelled = "|".join(dict.fromkeys(re.escape(one) for name in longest for one in (name, _escaped(name))))
            self._pattern = re.compile(rf"(?<![A-Za-z0-9])(?:{spelled})(?![A-Za-z0-9])", re.IGNORECASE)
        text = self._pattern.sub(self._replaced, text)
        return _CUT.sub(self._cut, text) if "..." in text else text

    def _cut(self, match: re.Match[str]) -> str:
        """The beginning or end of a name beside three dots."""
        left, right = match[1] or "", match[2] or ""
        for name, alias in self._aliases.items():
            if left and name.startswith(left.casefold()):
                left = alias
            if right and name.endswith(right.casefold()):
                right = alias
        return f"{left}...{right}"

    def _replaced(self, match: re.Match[str]) -> str:
        alias = self._aliases.get(_unescaped(match[0]).casefold(), "name")
        return alias.upper() if match[0].isupper() else alias

    # --- what has a shape ---

    def _sid(self, match: re.Match[str]) -> str:
        domain = self._shaped("sid", match[1], lambda number: f"1000-2000-{3000 + number}")
        rid = match[2]
        if rid and int(rid[1:]) >= 1000:
            rid = "-" + self._shaped("rid", f"{match[1]}{rid}", lambda number: str(100000 + number))
        return f"S-1-5-21-{domain}{rid}"

    def _mail(self, match: re.Match[str]) -> str:
        user = self._shaped("user", match[1].casefold(), lambda number: f"user{number}", known=match[1])
        domain = self._shaped("domain", match[2].casefold(), lambda number: f"domain{number}.example", known=match[2])
        return f"{user}@{domain}"

    def _mac(self, match: re.Match[str]) -> str:
        """The two bytes that Hyper-V takes from a host's address become a number; a pool stays a range."""
        number = int(self._shaped("mac", f"{match[3]}{match[5]}".upper(), str))
        return f"{match[1]}{match[2]}{number >> 8 & 255:02X}{match[4]}{number & 255:02X}{match[6]}{match[7]}"

    def _ipv4(self, match: re.Match[str]) -> str:
        """Octet by octet under what stands before it, so that subnets stay subnets; the last one as it is."""
        first, second, third, last = match[0].split(".")
        if first in ("0", "127", "255") or (first, second) == ("169", "254"):
            return match[0]
        if last == "0" and third == "0" and second == "0":
            return match[0]
        two = self._shaped("net16", f"{first}.{second}", lambda number: str(number % 256))
        three = self._shaped("net24", f"{first}.{second}.{third}", lambda number: str(number % 256))
        self._count("addresses", match[0])
        return f"10.{two}.{three if third != '0' else '0'}.{last}"

    def _ipv6(self, match: re.Match[str]) -> str:
        text = match[0].partition("%")[0].lower()
        try:
            address = ipaddress.IPv6Address(text)
        except ValueError:
            return match[0]
        if address.is_loopback or address.is_unspecified:
            return match[0]
        self._count("addresses", text)
        return self._shaped("ipv6", text, lambda number: f"fd00::{number:x}")

    def _shaped(self, kind: str, key: str, make: Any, known: str = "") -> str:
        named = self._aliases.get(known.casefold()) if known else None
        if named is not None:
            return named
        if known and known in self._aliases.values():
            return known
        whole = f"\x00{kind}\x00{key}"
        if whole not in self._shapes:
            self._numbers[kind] += 1
            self._shapes[whole] = make(self._numbers[kind])
            if kind in ("sid", "user", "domain", "mac"):
                self.counts[f"{kind}s"] += 1
        return self._shapes[whole]

    def _count(self, kind: str, key: str) -> None:
        whole = f"\x00{kind}\x00{key}"
        if whole not in self._shapes:
            self._shapes[whole] = ""
            self.counts[kind] += 1

    _shapes: dict[str, str] = field(default_factory=dict)


#: Words that a name could be and that mean something else everywhere.
_COMMON = frozenset(
    [
        *["true", "false", "null", "none", "name", "default", "switch", "external", "internal", "private", "running"],
        *["off", "saved", "paused", "windows", "server", "microsoft", "system", "administrator", "administrators"],
        *[
            "users",
            "everyone",
            "network",
            "service",
            "local",
            "localhost",
            "workgroup",
            "hyper-v",
            "virtual",
            "machine",
        ],
        *["disk", "vhd", "vhdx", "get", "set", "new", "the", "and", "for", "not"],
    ]
)


def unsealed(clixml: str) -> str:
    """CLIXML without what its SecureStrings seal."""
    return _SEALED.sub(r"\1***\2", clixml)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def terms_of(hosts: Iterable[tuple[str, str]], users: Iterable[str] = ()) -> Terms:
    """Terms of an inventory's (name, address) pairs and of user names."""
    names = [word for pair in hosts for word in pair]
    return Terms(hosts=tuple(dict.fromkeys(names)), users=tuple(dict.fromkeys(users)))
