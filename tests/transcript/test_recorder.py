from __future__ import annotations

import base64
import datetime as dt
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from winmigrate.errors import ConnectionLost, Refused, SecretFound, TranscriptError
from winmigrate.request import (
    Credential,
    Event,
    PipelineState,
    Reply,
    Request,
    Secret,
    Stream,
    command,
    request,
    statement,
)
from winmigrate.transcript import Recorder, Redactor, Terms, find_secrets, load_book

CANARY = 'Kanarien"vogel <7> & Öl'
VM_TYPE = '<TN RefId="0"><T>Selected.Microsoft.HyperV.PowerShell.VirtualMachine</T><T>System.Object</T></TN>'
VM = f'<Obj RefId="0">{VM_TYPE}<MS><S N="Name">payroll-db</S><S N="Path">D:\\VMs\\payroll-db</S></MS></Obj>'
HOST = (
    '<Obj RefId="0"><MS><S N="ComputerName">HVPROD7</S><S N="Domain">contoso.intern</S><S N="Ip">10.20.30.41</S>'
    '<S N="Other">10.20.30.42/24 and 10.20.31.1, fe80::1c2:3%4, CONTOSO\\svc-move, '
    "S-1-5-21-11-22-33-1104, S-1-5-32-544</S>"
    '<Version N="V">10.0.1.2</Version><S N="Mac">00155D0A1B2C</S><S N="Mail">jane@contoso.intern</S></MS></Obj>'
)


def ask(name: str, **parameters: Any) -> Request:
    return request(statement(command(name, **parameters)))


def out(clixml: str) -> tuple[Event, ...]:
    return (Event(0.1, Stream.OUTPUT, clixml),)


def done(events: tuple[Event, ...] = (), error: str | None = None) -> Reply:
    return Reply(events, PipelineState.COMPLETED if error is None else PipelineState.FAILED, error, 0.2)


def recorder() -> Recorder:
    terms = Terms(hosts=("hv01", "hv01.contoso.intern"), users=("CONTOSO\\jane",))
    return Recorder("recorded", Redactor(terms))


def written(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted(folder.iterdir()))


def test_names_become_the_same_aliases_everywhere(tmp_path: Path) -> None:
    made = recorder()
    made("hv01", ask("Get-VM", Name="payroll-db"), out(HOST), done(out(HOST)))
    made("hv01", ask("Get-VM", Name="PAYROLL-DB", Property=["payroll-db"]), out(VM), done(out(VM)))
    made("hv01", ask("Get-Host"), (), ConnectionLost("hv01", "hv01.contoso.intern (10.20.30.41) is gone"))
    made.describe("hv01", build=17763, culture="de-DE")
    [path] = made.save(tmp_path)
    text = path.read_text()
    for name in ("payroll", "hv01", "HVPROD7", "contoso", "10.20", "svc-move", "jane", "11-22-33", "fe80", "0A1B"):
        without_own_words = text.replace('["Property", ["payroll-db"]]', "")
        assert name.lower() not in without_own_words.lower(), name
    for kept in (
        "S-1-5-32-544",
        '<Version N=\\"V\\">10.0.1.2</Version>',
        "D:\\\\VMs\\\\",
        "HyperV.PowerShell.VirtualMachine",
    ):
        assert kept in text, kept
    book = load_book(tmp_path)
    header = book.transcript("host1").header
    assert (header.origin, header.build, header.culture, header.host) == ("recorded", 17763, "de-DE", "host1")
    assert header.redacted["hosts"] >= 2
    assert header.redacted["vms"] == 1
    session = book.connector()("host1")
    first = session.ask(ask("Get-VM", Name="vm1")).events[0].clixml
    assert "10.1.1.41" in first
    assert "10.1.1.42/24 and 10.1.2.1, fd00::1, DOMAIN" in first
    assert (
        '<S N="Path">D:\\VMs\\vm1</S>'
        in session.ask(ask("Get-VM", Name="VM1", Property=["payroll-db"])).events[0].clixml
    )
    with pytest.raises(ConnectionLost, match=r"host1: host1\.\w+\.example \(10\.1\.1\.41\) is gone"):
        session.ask(ask("Get-Host"))
    book.close()


def test_a_real_recording_is_never_kept_as_it_is() -> None:
    with pytest.raises(TranscriptError, match="wanted: a Redactor"):
        Recorder("recorded", None)
    with pytest.raises(TranscriptError, match="is no origin"):
        Recorder("heard", None)


def test_the_lab_keeps_its_names_and_no_secret(tmp_path: Path) -> None:
    made = Recorder("lab", None)
    sealed = '<Obj><S N="UserName">CORP\\ops</S><SS N="Password">AAECAwQ=</SS></Obj>'
    credential = Credential("CORP\\ops", Secret(CANARY))
    made("hv01", ask("Move-VM", Credential=credential, Words=[Secret(CANARY)]), out(sealed), done())
    made("hv01", ask("Fail"), (), Refused("hv01", "quota", code=5))
    made("hv01", ask("Gone"), out(VM), None)
    [path] = made.save(tmp_path, packed=True)
    assert path.name == "hv01.jsonl.gz"
    book = load_book(path)
    session = book.connector()("hv01")
    reply = session.ask(ask("Move-VM", Credential=Credential("x", Secret("y")), Words=[Secret("z")]))
    assert reply.events[0].clixml == '<Obj><S N="UserName">CORP\\ops</S><SS N="Password">***</SS></Obj>'
    with pytest.raises(Refused):
        session.ask(ask("Fail"))
    assert next(session.start(ask("Gone"))).clixml == VM


def test_dates_of_requests_are_placeholders(tmp_path: Path) -> None:
    made = Recorder("lab", None)
    when = dt.datetime(2026, 11, 25, tzinfo=dt.timezone.utc)
    made("hv01", ask("Get-WinEvent", FilterHashtable={"StartTime": when, "Id": [1]}), (), done())
    made.save(tmp_path)
    later = ask("Get-WinEvent", FilterHashtable={"StartTime": when + dt.timedelta(days=9), "Id": [1]})
    load_book(tmp_path).connector()("hv01").ask(later)
    exact = Recorder("lab", None, moments=False)
    exact("hv01", ask("Look", At=when), (), done())
    assert exact.transcripts()[0].entries[0].request["statements"][0][0]["parameters"] == [
        ["At", {"DT": "2026-11-25T00:00:00+00:00"}]
    ]


@pytest.mark.parametrize(
    "spelled",
    [
        lambda secret: secret,
        lambda secret: json.dumps(secret),
        lambda secret: secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
        lambda secret: "\x00".join(secret),
        lambda secret: secret.encode("utf-16-le").hex(),
        lambda secret: secret.encode().hex().upper(),
        lambda secret: secret.encode().hex("-"),
        lambda secret: base64.b64encode(secret.encode()).decode(),
        lambda secret: base64.b64encode(b"x" + secret.encode("utf-16-le") + b"yz").decode(),
        lambda secret: base64.b64encode(b"xy" + secret.encode() + b"z").decode(),
        lambda secret: base64.urlsafe_b64encode(secret.encode("utf-16-be")).decode(),
    ],
)
def test_a_secret_that_a_request_carried_is_found_in_any_spelling(tmp_path: Path, spelled) -> None:  # type: ignore[no-untyped-def]
    for put in (out, lambda text: (Event(0.0, Stream.ERROR, text),)):
        made = recorder()
        made("hv01", ask("Move-VM", Credential=Credential("CORP\\ops", Secret(CANARY))), (), done())
        made("hv01", ask("Echo"), put(f"<S>before {spelled(CANARY)} after</S>"), done())
        with pytest.raises(SecretFound, match="line 3: secret number 1") as caught:
            made.save(tmp_path)
        assert CANARY not in str(caught.value)
        assert list(tmp_path.iterdir()) == []


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=8, max_size=16),
    st.binary(max_size=4),
    st.binary(max_size=4),
)
def test_any_secret_is_found_in_base64_wherever_it_begins(secret: str, before: bytes, after: bytes) -> None:
    for encoding in ("utf-8", "utf-16-le"):
        text = base64.b64encode(before + secret.encode(encoding) + after).decode()
        assert find_secrets(text, [secret])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('<SS N="Password">AAECAwQ=</SS>', "a sealed SecureString"),
        ("-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("Server=x;Password=geheim1;", "a password beside its name"),
        ('{"api_key": "abcdef"}', "a password beside its name"),
        ('<S N="AdminPassword">geheim</S>', "a property that is called like a password"),
        ('<S N=\\"AdminPassword\\">geheim</S>', "a property that is called like a password"),
        ("ConvertTo-SecureString 'geheim' -AsPlainText", "a password on a command line"),
        ("Authorization: Basic Z2VoZWltOmdlaGVpbQ==", "an authorization header"),
        ("https://ops:geheim@hv01/wsman", "a URL with a password"),
    ],
)
def test_what_looks_like_a_secret_is_named_and_not_shown(text: str, what: str) -> None:
    found = find_secrets(f"line one\n{text}\n")
    assert f"line 2: {what}" in found
    assert "geheim" not in " ".join(found)


@pytest.mark.parametrize(
    "text",
    [
        '<SS N="Password">***</SS>',
        "The password is wrong.",
        "password: ***",
        "-Password $word",
        '{"secret": true}',
        "https://hv01:5986/wsman",
        "PasswordLastSet",
    ],
)
def test_what_is_no_secret_is_let_through(text: str) -> None:
    assert find_secrets(text, ["", "abc"]) == []


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Version=4.0.0.0, 127.0.0.1, 0.0.0.0, 255.255.255.0, 169.254.1.1", None),
        ("1.2.3.4.5 and 300.1.1.1 and 10.0.17763.1", None),
        ("BUILTIN\\Administrators NT AUTHORITY\\SYSTEM D:\\VMs\\web01 \\\\server\\share", None),
        ("12:34:56 ::1 :: 1:2:3:4:5:6:7:8:9 dead:beef", None),
        ("fe80::1%5, 2001:db8:0:0:0:0:0:1 2001:DB8::2.", "fd00::1, fd00::2 fd00::3."),
        ("10.1.2.3 10.1.2.4 10.1.3.3 11.1.2.3", "10.1.1.3 10.1.1.4 10.1.2.3 10.2.3.3"),
        ("10.1.0.0/16 10.1.2.0/24", "10.1.0.0/16 10.1.2.0/24"),
        ("S-1-5-21-7-8-9 S-1-5-21-7-8-9-500 S-1-5-21-7-8-9-1107", "S-1-5-21-1000-2000-3001 S-1-5-21-1000-2000-3001-500 "
         "S-1-5-21-1000-2000-3001-100001"),
        ("00-15-5D-0A-02-03 00155d0a02FF 00155D0B0200", "00-15-5D-00-01-03 00155d0001FF 00155D000200"),
    ],
)  # fmt: skip
def test_shapes(text: str, redacted: str | None) -> None:
    assert Redactor().redact(text) == (text if redacted is None else redacted)


def test_aliases_do_not_touch_tags_nor_other_words() -> None:
    redactor = Redactor(Terms(vms=("State", "web", "a<b", "S", "running"), hosts=("hv01.corp.example",)))
    clixml = '<S N="State">State web-1 webs running S a&lt;b hv01.corp.example HV01</S>'
    assert redactor.redact_clixml(clixml) == (
        '<S N="State">vm1 vm2-1 webs running S vm3 host1.domain1.example HOST1</S>'
    )
    assert redactor.alias("WEB") == "vm2"
    assert redactor.alias("unknown") == "unknown"


def test_a_name_with_a_line_end_has_one_alias_as_it_is_and_as_clixml_writes_it() -> None:
    redactor = Redactor()
    redactor.learn(f'<Obj>{VM_TYPE}<S N="Name">web_x000A_01</S></Obj>')
    assert redactor.redact_clixml("<S>web_x000A_01</S>") == "<S>vm1</S>"
    assert redactor.redact("web\n01") == "vm1"


def test_a_name_that_an_error_cut_is_a_name_still() -> None:
    redactor = Redactor(Terms(vms=("payroll-db",)))
    text = "ObjectNotFound: (D:\\In\\payroll-d...sks\\x:String), D:\\a...oll-db\\x, wait... done"
    assert redactor.redact(text) == "ObjectNotFound: (D:\\In\\vm1...sks\\x:String), D:\\a...vm1\\x, wait... done"


@pytest.mark.parametrize(
    "unit", ["a:" * 7 + "a" * 28 + "g ", "1:2:3:" + "a" * 40, "1.1.1.", "a" * 60 + "@", "A\\", "...aaa"]
)
def test_no_text_makes_redaction_slow(unit: str) -> None:
    started = time.perf_counter()
    Redactor(Terms(vms=("aaaa", "a.a.a.a"))).redact(unit * 3000)
    assert time.perf_counter() - started < 3


@given(st.text(max_size=60))
def test_redaction_is_settled_after_one_pass_and_keeps_tags(text: str) -> None:
    redactor = Redactor(Terms(hosts=("hv01",)))
    clixml = f'<S N="hv01">{text.replace("<", "").replace(">", "")} hv01</S>'
    once = redactor.redact_clixml(clixml)
    assert once.startswith('<S N="hv01">')
    assert once.endswith("host1</S>")


def test_a_guid_where_a_name_is_wanted_stays() -> None:
    """A migration job names its VM by Id; a GUID with a piece put in its place would be none any more."""
    guid = "3AB7EE4F-7F96-5D33-B85D-97B5826A0A02"
    job = f'<Obj RefId="0"><MS><S N="VirtualSystemName">{guid}</S><G N="Id">{guid.lower()}</G></MS></Obj>'
    redactor = Redactor()
    redactor.learn(job)
    assert redactor.redact_clixml(job) == job
    assert redactor.names("vm") == ()
    redactor.learn('<S N="VMName">payroll-db</S>')
    assert redactor.names("vm") == ("payroll-db",)


def test_a_switch_and_true_are_the_same_to_a_host() -> None:
    from winmigrate.transcript.matching import key_of, match

    bare = {"statements": [[{"command": "Move-VM", "parameters": [["IncludeStorage", {"switch": True}]]}]]}
    true = {"statements": [[{"command": "move-vm", "parameters": [["includestorage", True]]}]]}
    false = {"statements": [[{"command": "Move-VM", "parameters": [["IncludeStorage", False]]}]]}
    assert match(bare, true, {}) == {}
    assert key_of(bare) == key_of(true) != key_of(false)
    assert match(bare, false, {}) is None
    held_open = {"statements": [[{"command": "Move-VM", "parameters": [["IncludeStorage", {"any": "word"}]]}]]}
    assert key_of(held_open) is None
    assert match(held_open, false, {}) == {"word": False}


def test_openings_are_kept_up_to_the_last_that_failed() -> None:
    from winmigrate.errors import CannotConnect

    opened, done = Request(()), Reply((), PipelineState.COMPLETED)
    asked = request(statement(command("Get-VM")))
    recorder = Recorder("lab", None)
    for host, ends in (("hv01", [done, done]), ("hv02", [done, CannotConnect("hv02", "refused"), done])):
        for end in ends:
            recorder(host, opened, (), end)
            if end is done:
                recorder(host, asked, (), done)
    one, two = recorder.transcripts()
    assert [entry.opening for entry in one.entries] == [False, False]
    assert [entry.opening for entry in two.entries] == [True, False, True, False]


def test_clusters_and_nodes_that_nobody_named_before_are_learnt_and_their_resources_are_not() -> None:
    redactor = Redactor()

    def row(kind: str, name: str, *more: str) -> str:
        types = "".join(
            f"<T>{'Selected.' * (one == kind)}Microsoft.FailoverClusters.PowerShell.{one}</T>" for one in (kind, *more)
        )
        return f'<Obj RefId="0"><TN RefId="0">{types}</TN><MS><S N="Name">{name}</S></MS></Obj>'

    for learnt in (row("Cluster", "PAYCLUSTER"), row("ClusterNode", "HVPROD9")):
        redactor.learn(learnt)
    redactor.learn(row("ClusterResource", "Virtual Machine", "ClusterNode"))
    said = redactor.redact("the node HVPROD9 of PAYCLUSTER, Virtual Machine, paycluster.example")
    assert said == "the node HOST1 of CLUSTER1, Virtual Machine, cluster1.example"
