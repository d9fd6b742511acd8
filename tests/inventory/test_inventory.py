from __future__ import annotations

import datetime as dt
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from winmigrate.errors import Fault, InputFaults
from winmigrate.inventory import (
    CredentialRef,
    Directory,
    Inventory,
    Lab,
    Limits,
    Reserve,
    SecondHop,
    Transport,
    inventory_schema,
    load_inventory,
    read_inventory,
)
from winmigrate.inventory.words import parse_size
from winmigrate.marked import load_marked

PIN = "ab" * 32
GOOD = f"""\
winmigrate: 1
timezone: Europe/Berlin
defaults:
  auth: kerberos
  credential: keyring:corp-admin
  second_hop: credential
  transport: {{kind: psrp, port: 5986, tls: verified, ca: corp-ca.pem}}
hosts:
  hv01: {{address: hv01.corp.example, tags: [rack-a]}}
  hv02: {{address: hv02.corp.example, reserve: {{memory: 16 GiB, 'E:': 200 GiB}}, receive: false, tags: [rack-a, fast]}}
  hv03: {{limits: {{live: 4, storage: 2}}, transport: {{scheme: http}}, auth: negotiate}}
  hv04: {{credential: file:c.json, second_hop: jea:Moves, transport: {{tls: pinned {PIN}, port: 5999}}}}
  hv05:
  hv06: {{address: '2001:db8::1', auth: ntlm, credential: env:CORP, second_hop: none, transport: {{tls: unverified}}}}
clusters:
  clu1: {{address: clu1.corp.example, nodes: [hv11, hv12, hv13], keep_nodes: 2}}
  clu2.corp.example: {{}}
file_servers:
  sofs: {{address: sofs.corp.example, aliases: [vmstore], transport: {{port: 5999}}}}
  fs02:
  filer: {{vendor: NetApp ONTAP 9.13}}
networks:
  External: {{hv01: External, hv02: Ext, default: External}}
  Backup: {{hv01: 'B$(x)', hv11: back}}
directory: {{server: dc01.corp.example, credential: keyring:ldap-reader}}
lab: {{control: '127.0.0.1:4000', token: abc}}
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    path = tmp_path / "inventory.yml"
    path.write_text(GOOD)
    return load_inventory(path)


def test_a_whole_inventory(inventory: Inventory, tmp_path: Path) -> None:
    hosts = inventory.hosts
    assert list(hosts) == ["hv01", "hv02", "hv03", "hv04", "hv05", "hv06"]
    ca = str(tmp_path / "corp-ca.pem")
    assert hosts["hv01"].transport == Transport("psrp", "https", 5986, "verified", ca)
    assert hosts["hv01"].credential == CredentialRef("keyring", "corp-admin")
    assert hosts["hv01"].second_hop == SecondHop("credential")
    assert hosts["hv01"].receive
    assert hosts["hv02"].reserve == Reserve(16 * 2**30, {"E": 200 * 2**30})
    assert not hosts["hv02"].receive
    assert hosts["hv03"].transport == Transport("psrp", "http", 5985, "none")
    assert hosts["hv03"].limits == Limits(4, 2)
    assert hosts["hv03"].auth == "negotiate"
    assert hosts["hv04"].transport == Transport("psrp", "https", 5999, "pinned", None, PIN)
    assert hosts["hv04"].credential == CredentialRef("file", str(tmp_path / "c.json"))
    assert str(hosts["hv04"].second_hop) == "jea:Moves"
    assert hosts["hv05"].address == "hv05"
    assert str(hosts["hv02"].place) == f"{inventory.file}:10:3"
    assert hosts["hv06"].transport.tls == "unverified"
    assert inventory.clusters["clu1"].nodes == ("hv11", "hv12", "hv13")
    assert inventory.clusters["clu2.corp.example"].address == "clu2.corp.example"
    assert inventory.clusters["clu2.corp.example"].nodes is None
    sofs = inventory.file_servers["sofs"]
    assert (sofs.address, sofs.auth, sofs.aliases) == ("sofs.corp.example", "kerberos", ("vmstore",))
    assert sofs.transport == Transport("psrp", "https", 5999, "verified", ca)
    assert inventory.file_servers["fs02"].address == "fs02"
    assert inventory.file_servers["filer"].vendor == "NetApp ONTAP 9.13"
    assert list(inventory.spoken_to()) == ["sofs", "fs02", *hosts]
    assert inventory.directory == Directory("dc01.corp.example", CredentialRef("keyring", "ldap-reader"))
    assert inventory.lab == Lab("127.0.0.1:4000", "abc")
    assert inventory.tagged("rack-a") == ("hv01", "hv02")
    assert inventory.tags() == ("rack-a", "fast")
    assert inventory.host_names()[-1] == "hv13"
    noon = dt.datetime(2026, 7, 1, 12, tzinfo=inventory.zone())
    assert noon.utcoffset() == dt.timedelta(hours=2)


def test_switches_are_mapped_by_their_logical_network(inventory: Inventory) -> None:
    assert inventory.switch_for("hv01", "External", "hv02") == "Ext"
    assert inventory.switch_for("hv02", "ext", "hv01") == "External"
    assert inventory.switch_for("hv01", "External", "hv03") == "External"
    assert inventory.switch_for("hv02", "External", "hv01") is None
    assert inventory.switch_for("hv01", "B$(x)", "hv11") == "back"
    assert inventory.switch_for("hv01", "B$(x)", "hv02") is None
    assert inventory.switch_for("hv01", "Nowhere", "hv02") is None


def test_a_file_server_is_known_by_every_name_that_a_path_may_call_it_by(inventory: Inventory) -> None:
    def found(server: str) -> str | None:
        entry = inventory.file_server(server)
        return None if entry is None else entry.name

    assert found("SOFS") == found("sofs.corp.example") == found("VMStore") == found("vmstore.corp.example") == "sofs"
    assert found("sofs.other.example") is None
    assert found("fs02.corp.example") == found("fs02.other.example") == "fs02", "no domain is known of it"
    assert found("fs03") is None
    assert found("10.0.0.1") is None
    address = read_inventory("winmigrate: 1\nhosts: {hv01: {}}\nfile_servers: {nas: {address: 10.0.0.7}}\n")
    assert address.file_server("10.0.0.7") is not None
    assert address.file_server("10") is None


def test_the_least_inventory() -> None:
    inventory = read_inventory("winmigrate: 1\nhosts: {hv01: {}}\n")
    host = inventory.hosts["hv01"]
    assert (host.auth, str(host.credential), str(host.second_hop)) == ("kerberos", "ticket", "none")
    assert inventory.zone() == dt.timezone.utc
    assert inventory.directory is None
    assert read_inventory("winmigrate: 1\nhosts: {a: }\ndirectory: none\n").directory is None
    assert read_inventory("winmigrate: 1\nhosts: {a: }\ndirectory: {via: a}\n").directory == Directory(via="a")


def test_the_schema_takes_what_reading_takes() -> None:
    schema = inventory_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(load_marked(GOOD, "x").plain(), schema)
    for bad in (
        {"winmigrate": 1},
        {"winmigrate": 2, "hosts": {"a": None}},
        {"winmigrate": 1, "hosts": {"a": {"x": 1}}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


def said(text: str) -> str:
    with pytest.raises(InputFaults) as caught:
        read_inventory(text, "i.yml")
    assert caught.value.exit_code == 2
    return str(caught.value)


HEAD = "winmigrate: 1\nhosts:\n  hv01: {address: hv01.corp.example}\n"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "i.yml:1:1: this is nothing; wanted: an inventory: a mapping with `winmigrate: 1` and `hosts`"),
        ("- a\n", "i.yml:1:1: this is a list; wanted: an inventory"),
        ("hosts: {a: }\n", 'i.yml:1:1: the key "winmigrate" is missing'),
        ("winmigrate: 2\nhosts: {a: }\n", 'i.yml:1:13: winmigrate: "2" is no version that'),
        ("winmigrate: 1\n", 'i.yml:1:1: the key "hosts" is missing'),
        ("winmigrate: 1\nhosts: {}\n", "i.yml:2:8: hosts: this is a mapping; wanted: a mapping: hv01"),
        (HEAD + "timezone: Europe/Berln\n", 'wanted: such as Europe/Berlin or UTC (did you mean "Europe/Berlin"?)'),
        (HEAD + "host: {}\n", 'i.yml:4:1: host: unknown key (did you mean "hosts"?)'),
        (HEAD + "  HV01: {}\n", 'i.yml:4:3: hosts.HV01: hosts "hv01" and "HV01" differ in case only'),
        (HEAD + "  hv01: {}\n", "i.yml:4:3: hosts.hv01: the key stands twice (first in line 3)"),
        (HEAD + "  hv02: {address: hv01.corp.example}\n", 'i.yml:4:19: hosts.hv02.address: the same address'),
        (HEAD + "  hv02: hv02.corp.example\n", "wanted: a mapping such as {address: hv01.corp.example}"),
        (HEAD + "  'a b': {}\n", 'hosts["a b"]: "a b" is no name of a host'),
        (HEAD + "  default: {}\n", '"default" is a word of this file'),
        (HEAD + "  b: {address: 'https://hv/wsman'}\n", "is a URL; wanted: a DNS name or IP address"),
        (HEAD + "  b: {address: 'hv02:5986'}\n", "has a port; wanted"),
        (HEAD + "  b: {address: 'a:geheim@hv02'}\n", "an address with a user in it"),
        (HEAD + "  b: {auth: basic}\n", "Basic sends the password to the host and is refused"),
        (HEAD + "  b: {auth: kerberso}\n", '(did you mean "kerberos"?)'),
        (HEAD + "  b: {credential: geheim}\n", "i.yml:4:19: hosts.b.credential: this names no credential; wanted"),
        (HEAD + "  b: {credential: 'keyring:'}\n", "keyring: names nothing"),
        (HEAD + "  b: {credential: 'env:a b'}\n", "env: wants the name of an environment variable"),
        (HEAD + "  b: {password: geheim}\n", "i.yml:4:7: hosts.b.password: a secret has no place in a file"),
        (HEAD + "  b: {auth: ntlm, credential: ticket}\n", "a Kerberos ticket is no credential for auth ntlm"),
        (HEAD + "  b: {second_hop: credential}\n", "credential passes a password on, and a ticket has none"),
        (HEAD + "  b: {second_hop: jea}\n", '"jea" is none of credssp | credential | jea:ENDPOINT | none'),
        (HEAD + "  b: {transport: {tls: pinned}}\n", "pinned wants the SHA-256"),
        (HEAD + "  b: {transport: {tls: off}}\n", '"off" is none of verified | pinned SHA256 | unverified'),
        (HEAD + "  b: {transport: {scheme: http, tls: verified}}\n", "means nothing over http"),
        (HEAD + "  b: {transport: {port: 5985, ca: x.pem}}\n", "means nothing over http"),
        (HEAD + "  b: {transport: {port: 70000}}\n", "70000 is out of range; wanted: a whole number from 1 to 65535"),
        (HEAD + "  b: {transport: {kind: ssh}}\n", '"ssh" is none of psrp | winrs'),
        (HEAD + "  b: {auth: certificate, credential: file:x, transport: {scheme: http}}\n", "over https only"),
        (HEAD + "  b: {auth: ntlm, credential: file:x, second_hop: credssp}\n", "by ntlm has no password to pass on"),
        (HEAD + "  b: {auth: certificate}\n", "certificate proves us by one"),
        (HEAD + "  b: {reserve: {memory: 16}}\n", '"16" has no unit; wanted: such as 16 GiB or 16 MiB'),
        (HEAD + "  b: {reserve: {memory: 16 Gib1}}\n", "is no size"),
        (HEAD + "  b: {reserve: {memory: 16 G}}\n", '"G" is no unit of size; wanted: one of B, KB'),
        (HEAD + "  b: {reserve: {memroy: 16 GiB}}\n", "nor a drive such as 'E:' (did you mean \"memory\"?)"),
        (HEAD + "  b: {reserve: {'E:': 1 GiB, e: 2 GiB}}\n", "drive E stands twice"),
        (HEAD + "  b: {receive: no}\n", "true or false (no is read as text; write false)"),
        (HEAD + "  b: {limits: {live: 0}}\n", "0 is out of range; wanted: a whole number from 1 to 64"),
        (HEAD + "  b: {tags: ['a b']}\n", '"a b" is no tag'),
        (HEAD + "networks: {X: {hv1: Y}}\n", 'i.yml:4:16: networks.X.hv1: no host "hv1" in this file (did you'),
        (HEAD + "networks: {X: {}}\n", "networks.X: empty; wanted: a mapping from hosts"),
        (HEAD + "networks: {X: {hv01: S}, Y: {default: s}}\n", 'on hv01 "s" is the network "X" already: which is it?'),
        (HEAD + "clusters: {hv01: {}}\n", '"hv01" is a host already'),
        (HEAD + "clusters: {c: {nodes: []}}\n", "an empty list; wanted: a list of hosts"),
        (HEAD + "clusters: {c: {nodes: [a, b], keep_nodes: 2}}\n", "keep_nodes 2 of 2 nodes lets none be emptied"),
        (HEAD + "clusters: {c: {nodes: [a, b]}, d: {nodes: [b]}}\n", 'clusters.d.nodes[0]: "b" is a node of "c"'),
        (HEAD + "file_servers: {hv01: {}}\n", "i.yml:4:16: file_servers.hv01: \"hv01\" is a host already"),
        (HEAD + "file_servers: {a: {}, A: {}}\n", 'file servers "a" and "A" differ in case only'),
        (HEAD + "file_servers: [a]\n", "wanted: a mapping: fs01: {address: fs01.corp.example}"),
        (HEAD + "file_servers: {a: {aliases: [b]}, b: {}}\n", '"b" is the file server "b" already: which is it?'),
        (HEAD + "file_servers: {a: {receive: false}}\n", "file_servers.a.receive: unknown key"),
        (HEAD + "directory: {}\n", "wanted: either `server` (LDAP) or `via`"),
        (HEAD + "directory: {via: hv9}\n", 'no host "hv9" in this file'),
        (HEAD + "directory: {via: hv01, credential: prompt}\n", "`credential` goes with `server`"),
        (HEAD + "directory: {via: hv01, ca: ca.pem}\n", "`ca` goes with `server`"),
        (HEAD + "directory: {server: dc01, port: 70000}\n", "port"),
        (HEAD + "lab: {control: 'example.com:1', token: a}\n", "is no control socket of a lab"),
        (HEAD + "  b: {address: '{{ address }}'}\n", "Jinja is not read here"),
        (HEAD + "  b: {transport: {ca: '$env:TEMP/x.pem'}}\n", "PowerShell is not read here"),
        (HEAD + "  b: {tags: ['password=geheim']}\n", "this looks like a secret"),
    ],
)  # fmt: skip
def test_each_refusal_says_where_and_what_would_be_right(text: str, fault: str) -> None:
    whole = said(text)
    assert fault in whole
    assert "geheim" not in whole


def test_all_faults_of_a_file_at_once_in_its_order() -> None:
    text = HEAD + (
        "  hv02: {adress: x, reserve: {memory: 4}}\n"
        "  hv03: {limits: {live: many}}\n"
        "networks: {X: {hv04: Y}}\n"
        "timezone: Mars\n"
    )
    assert [line.partition(": ")[0] for line in said(text).splitlines()] == [
        "i.yml:4:10", "i.yml:4:39", "i.yml:5:25", "i.yml:6:16", "i.yml:7:11",
    ]  # fmt: skip


def test_a_fault_of_the_defaults_is_told_once() -> None:
    text = "winmigrate: 1\ndefaults: {credential: ticket, second_hop: credential}\nhosts: {a: , b: , c: }\n"
    assert said(text).count("a ticket has none") == 1


@pytest.mark.parametrize(
    ("text", "size"),
    [("16 GiB", 2**34), ("1.5 TiB", 3 * 2**39), ("500MB", 500_000_000), ("0 B", 0), ("1 gib", 2**30), ("7 KiB", 7168)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


def size_or_complaint(text: str) -> int | str:
    try:
        return parse_size(text)
    except ValueError as error:
        return str(error)


@given(st.text(max_size=12) | st.from_regex(r"[0-9.]{1,6} ?[KMGTiB]{0,3}", fullmatch=True))
def test_any_text_is_a_size_or_a_complaint(text: str) -> None:
    found = size_or_complaint(text)
    assert found >= 0 if isinstance(found, int) else "wanted" in found


_SCALARS = st.sampled_from(
    ["x", "16 GiB", "true", "'E:'", "hv01", "1", "", "no", "keyring:a", "http", "[a, b]", "{}", "'{{x}}'"]
)
_KEYS = st.sampled_from(
    [
        *["winmigrate", "timezone", "defaults", "hosts", "networks", "clusters", "directory", "lab", "address", "tags"],
        *["auth", "credential", "transport", "reserve", "second_hop", "limits"],
    ]
)
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.dictionaries(_KEYS, inner, max_size=4).map(
        lambda found: "{" + ", ".join(f"{key}: {value}" for key, value in found.items()) + "}"
    ),
    max_leaves=15,
)


@given(_TREES)
def test_any_tree_is_an_inventory_or_faults_in_their_places(text: str) -> None:
    faults: tuple[Fault, ...] = ()
    try:
        read_inventory(text, "i.yml")
    except InputFaults as error:
        faults = error.faults
    assert all(fault.line and fault.column and fault.message for fault in faults)
    assert len(set(faults)) == len(faults)
