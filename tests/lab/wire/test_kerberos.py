"""What a host reads of a ticket, and how it says no; the KRB-ERROR is read back by pyspnego's own reader."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spnego._context import GSSMech
from spnego._kerberos import KrbError
from spnego._spnego import NegState, NegTokenResp, unpack_token

from winmigrate.lab.wire import Door
from winmigrate.lab.wire.kerberos import MODIFIED, SKEW, Presented, presented, refusal

HV01 = Presented(("host", "HV01.corp.example"), "CORP.EXAMPLE", True)
NAMES = frozenset({"hv01", "hv01.corp.example"})


@pytest.mark.parametrize(("name", "skew", "code"), [
    (("host", "HV01.corp.example"), 0, None), (("HTTP", "hv01"), 300, None), (("HV01$",), -300, None),
    (("host", "hv02.corp.example"), 0, MODIFIED), (("HV02$",), 0, MODIFIED), ((), 0, MODIFIED),
    (("host", "hv01"), 301, SKEW), (("host", "hv01"), -301, SKEW),
])
def test_what_a_host_objects_to(name: tuple[str, ...], skew: float, code: int | None) -> None:
    assert Door(NAMES, skew).objection(Presented(name, "CORP.EXAMPLE", False)) == code


@pytest.mark.parametrize("in_spnego", [True, False])
@pytest.mark.parametrize("code", [SKEW, MODIFIED])
def test_a_refusal_can_be_read(in_spnego: bool, code: int) -> None:
    now = dt.datetime(2026, 11, 25, 3, 4, 5, 678, tzinfo=dt.timezone.utc)
    token = refusal(code, Presented(HV01.name, HV01.realm, in_spnego), now)
    if in_spnego:
        framed = unpack_token(token)
        assert isinstance(framed, NegTokenResp)
        assert framed.neg_state == NegState.reject
        token = framed.response_token
    frame = unpack_token(token, unwrap=True)
    error = frame if isinstance(frame, KrbError) else unpack_token(frame.inner_context_token, mech=GSSMech.kerberos)
    assert isinstance(error, KrbError)
    assert error.error_code == code
    assert [part.decode() for part in error.sname.value] == ["host", "HV01.corp.example"]
    assert presented(token) is None


@given(st.binary(max_size=200))
def test_garbage_presents_no_ticket(token: bytes) -> None:
    assert presented(token) is None
