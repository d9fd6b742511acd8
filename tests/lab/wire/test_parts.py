"""The parts by themselves: fragments, durations, sealed bodies, accounts, rules of faults, the real clock."""

from __future__ import annotations

import struct
import threading
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.wire.scripted import OPS, OTHER
from winmigrate.lab.wire import Account, Accounts, Disruption, Exchange, RealClock, ScriptedFaults, framing, psrp, soap
from winmigrate.request import Secret

PIPELINE = uuid.UUID("11111111-2222-3333-4444-555555555555")


@given(st.text(), st.integers(64, 2000))
def test_fragments_come_together_again(text: str, size: int) -> None:
    pool = psrp.PoolProtocol("", size)
    fragments = pool.frame(psrp.KINDS["PIPELINE_OUTPUT"], text, PIPELINE)
    assert all(len(fragment) <= size for fragment in fragments)
    (message,) = psrp.Assembler().feed(b"".join(fragments))
    assert (message.kind, message.pipeline, message.text) == (0x00041004, PIPELINE, text)


@given(st.binary(max_size=400))
def test_any_bytes_are_fragments_or_refused(data: bytes) -> None:
    _fed(data)


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 255), st.binary(max_size=100), st.integers(-5, 5))
def test_any_fragment_is_read_or_refused(obj: int, number: int, flags: int, data: bytes, off: int) -> None:
    _fed(struct.pack(">QQBI", obj, number, flags, max(0, len(data) + off)) + data)


@given(
    st.sampled_from([0x00010002, 0x00010004, 0x00010005, 0x00021002, 0x00021007, 0x00010008, 7]), st.text(max_size=80)
)
def test_any_pool_message_is_answered_or_refused(kind: int, text: str) -> None:
    body = struct.pack("<iI", 2, kind) + uuid.uuid4().bytes_le + bytes(16) + text.encode()
    _fed(struct.pack(">QQBI", 1, 0, 3, len(body)) + body)


def _fed(data: bytes) -> None:
    try:
        answers, messages = psrp.PoolProtocol("", 1000).feed(data)
    except psrp.BadFragments:
        return
    assert isinstance(answers, list)
    assert isinstance(messages, list)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT20S", 20), ("PT1.500S", 1.5), ("P0DT0H2M5S", 125), ("P1D", 86400), ("PT-1S", -1), ("-PT1S", -1),
        ("PT7200.000S", 7200),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert soap.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "20", "P", "PT", "PTS", "PT1X", "P1Y", "T1S", "PT1S2M"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError):
        soap.seconds_of(text)


@given(st.integers(0, 10**9))
def test_duration_is_read_again(seconds: int) -> None:
    assert soap.seconds_of(soap.duration(seconds)) == seconds


class Plain:
    """A seal that only shows what goes where."""

    def wrap_winrm(self, data: bytes) -> framing.Wrapped:
        return framing.Wrapped(b"head", data[::-1], 0)

    def unwrap_winrm(self, header: bytes, data: bytes) -> bytes:
        assert header == b"head"
        return data[::-1]


@given(
    st.binary(max_size=200).filter(lambda data: b"Encrypted" not in data),
    st.sampled_from([framing.SPNEGO, framing.CREDSSP]),
)
def test_sealed_bodies_open(text: bytes, protocol: str) -> None:
    content_type, body = framing.seal(Plain(), protocol, text)
    assert framing.is_sealed(content_type)
    assert framing.unseal(Plain(), body) == text


def test_credssp_seals_in_chunks() -> None:
    text = bytes(range(256)) * 200
    content_type, body = framing.seal(Plain(), framing.CREDSSP, text)
    assert content_type.startswith("multipart/x-multi-encrypted;")
    assert body.count(b"application/octet-stream") == 4
    assert framing.unseal(Plain(), body) == text


@given(st.binary(max_size=300), st.booleans())
def test_garbage_is_not_opened(data: bytes, framed: bool) -> None:
    if framed:
        data = b"--Encrypted Boundary\r\n" + data + b"--Encrypted Boundary\r\n" + data
    with pytest.raises(framing.BadSeal):
        framing.unseal(Plain(), data)


@pytest.mark.parametrize(
    ("principal", "found"),
    [
        ("LAB\\ops", OPS),
        ("lab\\OPS", OPS),
        ("lab.example\\ops", OPS),
        ("ops", OPS),
        ("ops@LAB", OPS),
        ("OPS@lab.example", OPS),
        ("other", OTHER),
        ("CORP\\ops", None),
        ("nobody", None),
        ("", None),
        (None, None),
    ],
)
def test_accounts_resolve(principal: str | None, found: Account | None) -> None:
    assert Accounts([OPS, OTHER]).resolve(principal) is found


def test_a_bare_name_is_the_host_s_own_account_first() -> None:
    local = Account("HV01", "ops", Secret("local"))
    assert Accounts([OPS, local], "hv01").resolve("ops") is local
    assert Accounts([OPS, local], "hv02").resolve("ops") is OPS


def test_rules_of_faults_strike_in_order_and_so_often() -> None:
    faults = ScriptedFaults()
    faults.add("request", Disruption("drop"), action="Command", times=2)
    faults.add("request", Disruption("hang"), picks=lambda exchange: exchange.user == "x", times=None)
    command, receive = Exchange("h", "Command", "x"), Exchange("h", "Receive", "y")
    struck = [faults.strike("request", command) for _ in range(4)]
    assert [one and one.kind for one in struck] == ["drop", "drop", "hang", "hang"]
    assert faults.strike("request", receive) is None
    assert faults.strike("reply", command) is None
    faults.clear()
    assert faults.strike("request", command) is None


def test_real_clock_waits_and_wakes() -> None:
    clock = RealClock()
    assert clock.wait(clock.monotonic() - 1, lambda: False) is False
    assert clock.wait(clock.monotonic() + 0.01, None) is False
    done: list[float] = []
    soon = clock.monotonic() + 0.2
    clock.at(soon + 0.01, lambda when: _note(clock, done, 2.0))
    clock.at(soon, lambda when: _note(clock, done, 1.0))
    assert clock.wait(clock.monotonic() + 5, lambda: len(done) == 2) is True
    assert done == [1.0, 2.0]
    woken = threading.Event()
    waiter = threading.Thread(target=lambda: (clock.wait(None, woken.is_set), None)[1])
    waiter.start()
    woken.set()
    clock.changed()
    waiter.join(5)
    assert not waiter.is_alive()


def _note(clock: RealClock, done: list[float], value: float) -> None:
    done.append(value)
    clock.changed()


def test_fault_texts_are_escaped() -> None:
    text = soap.fault(soap.unknown_shell("<&>"), 'uuid:"<1>', "H&1")
    assert b"&lt;&amp;&gt;" in text
    assert b'Machine="H&amp;1"' in text


@pytest.mark.parametrize(
    "fault",
    [
        soap.timed_out, soap.unknown_command, soap.unknown_shell_selectors, soap.shell_disconnected, soap.wrong_session,
        soap.connected_elsewhere, soap.too_many_commands, soap.access_denied, soap.bad_parameter, soap.too_many_users,
    ],
)
def test_faults_are_read_by_pypsrp(fault: Callable[[], soap.WSManFault]) -> None:
    from pypsrp.wsman import WSMan

    wanted = fault()
    read = WSMan._parse_wsman_fault(soap.fault(wanted, "uuid:1", "HV01").decode())
    assert read.code == (wanted.code if wanted.code is not None else wanted.subcode)
    assert wanted.message.strip() in (read.reason, read.provider_fault) or wanted.provider is not None
