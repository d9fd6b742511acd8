"""The tables of an inventory's keys, and how a host's own settings lie over the defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from winmigrate.errors import Fault, did_you_mean
from winmigrate.inventory import types
from winmigrate.inventory.amounts import LIMITS, RESERVE
from winmigrate.inventory.words import (
    address_fault,
    name_fault,
    parse_credential,
    parse_second_hop,
    parse_tls,
    tag_fault,
)
from winmigrate.marked import (
    Key,
    Marked,
    Misfit,
    Shape,
    choice,
    entries,
    fields,
    listing,
    shown,
    truth,
    whole,
    words,
)
from winmigrate.marked.shapes import parsed

ADDRESS = words("a DNS name or IP address", address_fault)
NAME = words("a host's name", name_fault)
TAG = words("a tag", tag_fault)
AUTH = choice(
    "kerberos",
    "negotiate",
    "ntlm",
    "credssp",
    "certificate",
    reasons={"basic": "Basic sends the password to the host and is refused; use negotiate or kerberos"},
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What one mapping (``defaults`` or a host) says: the values of the keys that are there, and where they stand."""

    values: Mapping[str, Any]
    marks: Mapping[str, Marked]


def _given(marked: Marked, found: dict[str, Any]) -> Settings:
    """Only the keys that are there, so that one mapping can lie over another."""
    marks = marked.value if isinstance(marked.value, dict) else {}
    return Settings({name: value for name, value in found.items() if name in marks}, marks)


def _transport(base: Path) -> Shape[Settings]:
    path = parsed("a file of PEM certificates", lambda text: str(base / text))

    def build(marked: Marked, found: dict[str, Any]) -> Settings:
        given = _given(marked, found)
        if found["scheme"] == "http":
            faults = [
                given.marks[name].key_fault("means nothing over http, which is encrypted by message; leave it out")
                for name in ("tls", "ca", "client_certificate", "client_key")
                if name in given.marks
            ]
            if faults:
                raise Misfit(*faults)
        return given

    keys = {
        "kind": Key(choice("psrp", "winrs"), about="psrp does all; winrs probes and reads only"),
        "scheme": Key(choice("https", "http"), about="http only ever with message encryption"),
        "port": Key(whole(1, 65535), about="5986 for https, 5985 for http"),
        "tls": Key(
            parsed("verified | pinned SHA256 | unverified", parse_tls),
            about="verified | pinned SHA256 (of the host's certificate) | unverified",
        ),
        "ca": Key(path, about="PEM certificates to trust instead of the system's"),
        "client_certificate": Key(path, about="auth certificate: our certificate, PEM"),
        "client_key": Key(path, about="auth certificate: its key, PEM, of the owner alone (0600)"),
    }
    return fields(keys, "a mapping such as {kind: psrp, port: 5986, tls: verified}", build)


def _common(base: Path) -> dict[str, Key]:
    return {
        "auth": Key(AUTH, about="how the host knows us"),
        "credential": Key(
            parsed("keyring:NAME | env:NAME | file:PATH | prompt | ticket", lambda text: parse_credential(text, base)),
            about="where the credential is to be had: keyring:NAME, env:NAME, file:PATH (0600), prompt, ticket",
        ),
        "second_hop": Key(
            parsed("credssp | credential | jea:ENDPOINT | none", parse_second_hop),
            about="how the source passes to the destination: credssp, credential, jea:ENDPOINT, none",
        ),
        "transport": Key(_transport(base), about="how the host is reached"),
        "reserve": Key(
            RESERVE,
            about="what stays free at this destination: memory, and drives by letter",
        ),
        "receive": Key(truth(), about="false: no VM is placed here"),
        "limits": Key(LIMITS, about="moves at once; default: the host's own limit, at most 2"),
    }


def host_shapes(base: Path) -> dict[str, Shape[Settings]]:
    """The shapes of ``defaults`` and of a host; paths are taken from ``base``."""
    own = {
        "address": Key(ADDRESS, about="DNS name or IP address; default: the host's name"),
        "kerberos_name": Key(ADDRESS, about="the host's name in Kerberos tickets; default: its address"),
        "tags": Key(listing(TAG, "a list of tags"), about="words that playbooks can choose hosts by (tag:rack-a)"),
    }
    server = {
        "address": Key(ADDRESS, about="DNS name or IP address; default: the server's name"),
        "aliases": Key(listing(ADDRESS, "a list of names"), about="further names that UNC paths call it by"),
        "vendor": Key(words("text"), about="what it is, where it runs no Windows; it is then asked nothing"),
        **{name: key for name, key in _common(base).items() if name in ("auth", "credential", "transport")},
        "kerberos_name": Key(ADDRESS, about="its name in Kerberos tickets; default: its address"),
    }
    return {
        "defaults": fields(_common(base), "a mapping of settings for all hosts", _given),
        "file_server": fields(server, "a mapping such as {address: sofs.corp.example}", _given),
        "host": fields({**own, **_common(base)}, "a mapping such as {address: hv01.corp.example}", _given),
    }


def host_of(name: str, marked: Marked, common: Settings, own: Settings) -> tuple[types.Host, list[Fault]]:
    """A host from its own settings over the defaults, and what of them does not go together."""

    def setting(key: str, default: Any) -> Any:
        return own.values.get(key, common.values.get(key, default))

    def blame(key: str) -> Marked:
        return own.marks.get(key) or common.marks.get(key) or marked

    auth: str = setting("auth", "kerberos")
    credential = setting("credential", types.CredentialRef("ticket" if auth == "kerberos" else "prompt"))
    passes = credential.source != "ticket" and auth != "certificate"
    hop = setting("second_hop", types.SecondHop("credential" if passes else "none"))
    transport, faults = _merged(common, own)
    if auth == "certificate" and transport.scheme == "http":
        faults.append(blame("auth").fault("a certificate proves us over https only; the transport is http"))
    elif auth == "certificate" and transport.client_certificate is None:
        message = "certificate proves us by one; wanted: transport: {client_certificate: ops.pem, client_key: ops.key}"
        faults.append(blame("auth").fault(message))
    if credential.source == "ticket" and auth not in ("kerberos", "negotiate"):
        message = f"a Kerberos ticket is no credential for auth {auth}; wanted: keyring:, env:, file: or prompt"
        faults.append(blame("credential").fault(message))
    if hop.kind == "credential" and credential.source == "ticket":
        message = "credential passes a password on, and a ticket has none; wanted: a credential with one, or credssp"
        faults.append(blame("second_hop").fault(message))
    if hop.kind == "credential" and auth == "certificate":
        message = "credential passes a password on, and a certificate has none; wanted: jea:ENDPOINT or none"
        faults.append(blame("second_hop").fault(message))
    if hop.kind == "credssp" and auth != "credssp":
        message = f"a session by {auth} has no password to pass on; wanted: auth: credssp, or second_hop: credential"
        faults.append(blame("second_hop").fault(message))
    address: str = own.values.get("address", name)
    wrong = address_fault(address)
    if wrong is not None and "address" not in own.values:
        faults.append(marked.fault(f"{wrong}: give it an address"))
    host = types.Host(
        name=name,
        address=address,
        tags=own.values.get("tags", ()),
        auth=auth,
        credential=credential,
        second_hop=hop,
        transport=transport,
        reserve=setting("reserve", types.Reserve()),
        receive=setting("receive", True),
        limits=setting("limits", types.Limits()),
        kerberos_name=own.values.get("kerberos_name"),
        place=marked.key_place or marked.place,
    )
    return host, faults


def _merged(common: Settings, own: Settings) -> tuple[types.Transport, list[Fault]]:
    """The transport key by key: a host's port lies over the default's, and the default's CA still holds."""
    empty = Settings({}, {})
    below: Settings = common.values.get("transport", empty)
    above: Settings = own.values.get("transport", empty)
    values = {**below.values, **above.values}
    scheme = values.get("scheme")
    if scheme is None:
        scheme = "http" if values.get("port") == 5985 else "https"
    port = values.get("port")
    if port is None or ("scheme" in above.values and "port" not in above.values):
        port = 5985 if scheme == "http" else 5986
    kind = values.get("kind", "psrp")
    if scheme == "http":
        faults = [
            above.marks[name].key_fault("means nothing over http, which is encrypted by message; leave it out")
            for name in ("tls", "ca")
            if name in above.marks and "scheme" not in above.values
        ]
        return types.Transport(kind, scheme, port, "none"), faults
    tls, pin = values.get("tls", ("verified", None))
    ca = values.get("ca") if tls == "verified" else None
    ours = values.get("client_certificate")
    key = values.get("client_key", ours)
    return types.Transport(kind, scheme, port, tls, ca, pin, ours, key if ours is not None else None), []


# --- the rest of the file ----------------------------------------------------------------------------------------


def _cluster(marked: Marked, found: dict[str, Any]) -> types.Cluster:
    return types.Cluster("", found["address"], found["nodes"], found["keep_nodes"], marked.key_place or marked.place)


def file_server_of(name: str, marked: Marked, common: Settings, own: Settings) -> tuple[types.FileServer, list[Fault]]:
    """A file server from its own settings over the defaults, less those that only hosts have."""
    shared = {key: value for key, value in common.values.items() if key in ("auth", "credential", "transport")}
    host, faults = host_of(name, marked, Settings(shared, common.marks), own)
    server = types.FileServer(
        name, host.address, own.values.get("aliases", ()), own.values.get("vendor"), host.auth, host.credential,
        host.transport, host.kerberos_name, host.place,
    )  # fmt: skip
    return server, faults


def _named(shape: Shape[types.Cluster], wanted: str) -> Shape[dict[str, types.Cluster]]:
    """A mapping whose keys become the names of its values; what has no address is reached by its name."""
    many = entries(shape, wanted, name_fault)

    def read(marked: Marked) -> dict[str, types.Cluster]:
        return {name: replace(one, name=name, address=one.address or name) for name, one in many.read(marked).items()}

    return Shape(read, many.schema)


def _network(marked: Marked) -> types.NetworkMap:
    shape = entries(words("a switch's name"), "a mapping from hosts to the switch's name there", least=1)
    found = shape.read(marked)
    default = found.pop("default", None)
    return types.NetworkMap("", found, default, marked.key_place or marked.place)


def _networks(marked: Marked) -> dict[str, types.NetworkMap]:
    switches: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}
    found = entries(Shape(_network, switches), "a mapping from logical networks to switches by host").read(marked)
    return {name: replace(one, name=name) for name, one in found.items()}


_NETWORKS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1},
}


#: The port of LDAP inside TLS.
_LDAPS = 636


def _directory(base: Path) -> Shape[types.Directory | None]:
    keys = {
        "server": Key(ADDRESS, about="a domain controller, asked over LDAP"),
        "credential": Key(
            parsed("keyring:NAME | env:NAME | file:PATH | prompt | ticket", lambda text: parse_credential(text, base)),
            about="who reads it; default: the Kerberos ticket cache",
        ),
        "ca": Key(
            parsed("a file of PEM certificates", lambda text: str(base / text)),
            about="PEM certificates to trust instead of the system's; LDAP is always spoken inside verified TLS",
        ),
        "port": Key(whole(1, 65535), about="of LDAP inside TLS; default: 636"),
        "via": Key(NAME, about="a host whose AD cmdlets are used instead"),
    }

    def build(marked: Marked, found: dict[str, Any]) -> types.Directory | None:
        if (found["server"] is None) == (found["via"] is None):
            raise Misfit(marked.fault("wanted: either `server` (LDAP) or `via` (a host's AD cmdlets)"))
        stray = [name for name in ("credential", "ca", "port") if found["via"] is not None and found[name] is not None]
        if stray:
            raise Misfit(marked.fault(f"`{stray[0]}` goes with `server`; `via` uses the host's own"))
        return types.Directory(
            found["server"], found["credential"], found["via"], found["ca"], found["port"] or _LDAPS
        )

    mapping = fields(keys, "none, or a mapping such as {server: dc01.corp.example, credential: keyring:NAME}", build)

    def read(marked: Marked) -> types.Directory | None:
        return None if marked.text == "none" else mapping.read(marked)

    return Shape(read, {"anyOf": [mapping.schema, {"const": "none"}]})


def _timezone(text: str) -> str:
    from zoneinfo import ZoneInfo, available_timezones

    if text == "UTC":
        return text
    try:
        ZoneInfo(text)
    except (ValueError, OSError, KeyError) as error:
        near = did_you_mean(text, available_timezones())
        raise ValueError(f"{shown(text)} is no time zone; wanted: such as Europe/Berlin or UTC{near}") from error
    return text


def _control(text: str) -> str:
    if re.fullmatch(r"(127\.0\.0\.1|\[::1\]|localhost):\d{1,5}", text) is None:
        raise ValueError(f"{shown(text)} is no control socket of a lab; wanted: 127.0.0.1:PORT")
    return text


def _lab(marked: Marked, found: dict[str, Any]) -> types.Lab:
    return types.Lab(found["control"], found["token"])


def root_keys(base: Path) -> dict[str, Key]:
    """The keys of an inventory; paths are taken from ``base``."""
    shapes = host_shapes(base)
    host = shapes["host"]
    host_or_nothing = {"anyOf": [host.schema, {"type": "null"}]}
    cluster = fields(
        {
            "address": Key(ADDRESS, about="the cluster's name in DNS"),
            "nodes": Key(listing(NAME, "a list of hosts", least=1), about="found by asking the cluster if not given"),
            "keep_nodes": Key(whole(1, 64), about="nodes that stay up at any time"),
        },
        "a mapping such as {address: clu1.corp.example}",
        _cluster,
    )
    server = {"anyOf": [shapes["file_server"].schema, {"type": "null"}]}
    lab = fields(
        {"control": Key(parsed("127.0.0.1:PORT", _control), True), "token": Key(words("a word"), True)},
        "a mapping with control and token, as `winmigrate lab serve` writes it",
        _lab,
    )
    return {
        "winmigrate": Key(Shape(lambda marked: marked.value, {"const": 1}), True, about="the version of this format"),
        "timezone": Key(parsed("a time zone", _timezone), default="UTC", about="such as Europe/Berlin; default UTC"),
        "defaults": Key(shapes["defaults"], about="settings for all hosts; a host's own lie over them"),
        "hosts": Key(
            Shape(host.read, {"type": "object", "additionalProperties": host_or_nothing, "minProperties": 1}), True
        ),
        "clusters": Key(_named(cluster, "a mapping from clusters to their settings"), default={}),
        "file_servers": Key(
            Shape(shapes["file_server"].read, {"type": "object", "additionalProperties": server}),
            about="SMB file servers that hold files of VMs; settings over the defaults, as of hosts",
        ),
        "networks": Key(Shape(_networks, _NETWORKS_SCHEMA), default={}, about="logical networks: switches by host"),
        "directory": Key(_directory(base), about="Active Directory: {server, credential}, {via: HOST} or none"),
        "lab": Key(lab, about="written by `winmigrate lab serve`"),
    }
