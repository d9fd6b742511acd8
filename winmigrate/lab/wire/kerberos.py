"""Kerberos at a host's door: for whom a presented ticket is, and what the host answers to one it cannot take.

The tickets themselves are judged by GSSAPI with the keys of the keytab that KRB5_KTNAME names (one a process, with the
keys of every host of the fabric). What a process cannot know of one host alone is judged here, before: whether the
ticket is for this very host (Windows: KRB_AP_ERR_MODIFIED, it has no key that opens it), and whether this host's clock
is near enough (KRB_AP_ERR_SKEW). Such an answer is a KRB-ERROR in a GSSAPI frame (RFC 4121 section 4.1, RFC 4178).
"""

from __future__ import annotations

import datetime as dt
import struct
from dataclasses import dataclass
from typing import Any

from spnego._asn1 import (
    TagClass,
    TypeTagNumber,
    pack_asn1,
    pack_asn1_general_string,
    pack_asn1_integer,
    pack_asn1_sequence,
)
from spnego._context import GSSMech
from spnego._kerberos import KrbApReq
from spnego._spnego import InitialContextToken, NegState, NegTokenInit, NegTokenResp, unpack_token

#: RFC 4120 section 7.5.9.
SKEW = 37
MODIFIED = 41
#: Seconds a clock may be off: the domain policy "Maximum tolerance for computer clock synchronization", as installed.
TOLERANCE = 300.0
#: GSS_C_CHANNEL_BOUND_FLAG: the initiator's bindings were there, and ours.
CHANNEL_BOUND = 0x800

_KRB_ERROR = b"\x03\x00"
_SERVICE_AND_INSTANCE = 2


@dataclass(frozen=True, slots=True)
class Door:
    """What one host answers to. ``names``: its short and full name, lower case; ``skew``: seconds its clock is ahead
    of the domain's."""

    names: frozenset[str]
    skew: float = 0.0

    def objection(self, ticket: Presented) -> int | None:
        """The Kerberos error for a ticket that this host does not even try to open."""
        if ticket.instance not in self.names:
            return MODIFIED
        return SKEW if abs(self.skew) > TOLERANCE else None


@dataclass(frozen=True, slots=True)
class Presented:
    """The readable part of an AP-REQ. ``name``: host, HV01.corp.example; ``in_spnego``: it came inside SPNEGO."""

    name: tuple[str, ...]
    realm: str
    in_spnego: bool

    @property
    def instance(self) -> str:
        """The host in ``service/host``, or in a computer account's ``HOST$``; lower case."""
        if len(self.name) >= _SERVICE_AND_INSTANCE:
            return self.name[1].lower()
        return self.name[0].rstrip("$").lower() if self.name else ""


def presented(token: bytes) -> Presented | None:
    """The ticket in a client's first token; None if it holds none that can be read (NTLM, a later token, garbage)."""
    try:
        found = unpack_token(token)
        in_spnego = isinstance(found, NegTokenInit)
        inner = found.mech_token if in_spnego else token
        if not inner or not inner.startswith(b"\x60"):
            return None
        frame = unpack_token(inner, unwrap=True)
        if isinstance(frame, InitialContextToken):
            if not GSSMech.from_oid(frame.this_mech).is_kerberos_oid:
                return None
            frame = unpack_token(frame.inner_context_token, mech=GSSMech.kerberos)
        if not isinstance(frame, KrbApReq):
            return None
        ticket = frame.ticket
        name = tuple(part.decode("utf-8", "replace") for part in ticket.sname.value)
        return Presented(name, ticket.realm.decode("utf-8", "replace"), in_spnego)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, NotImplementedError, struct.error):
        return None  # whatever it is, the acceptor will say so


def refusal(code: int, ticket: Presented, now: dt.datetime) -> bytes:
    """The token that tells the client why: a KRB-ERROR, framed as its own token was. ``now``: the host's clock."""
    name = _tagged(0, pack_asn1_integer(_SERVICE_AND_INSTANCE)) + _tagged(
        1, pack_asn1_sequence([pack_asn1_general_string(part) for part in ticket.name])
    )
    stamp = now.astimezone(dt.timezone.utc)
    fields = [
        _tagged(0, pack_asn1_integer(5)),
        _tagged(1, pack_asn1_integer(30)),
        _tagged(4, _universal(TypeTagNumber.generalized_time, f"{stamp:%Y%m%d%H%M%SZ}".encode())),
        _tagged(5, pack_asn1_integer(stamp.microsecond)),
        _tagged(6, pack_asn1_integer(code)),
        _tagged(9, pack_asn1_general_string(ticket.realm)),
        _tagged(10, pack_asn1_sequence([name])),
    ]
    error = pack_asn1(TagClass.application, True, 30, pack_asn1_sequence(fields))
    return rejected(InitialContextToken(GSSMech.kerberos, _KRB_ERROR + error).pack(), ticket.in_spnego)


def rejected(token: bytes, in_spnego: bool) -> bytes:
    """A mechanism's own error token, in SPNEGO where the client speaks that."""
    if not in_spnego:
        return token
    framed: bytes = NegTokenResp(
        neg_state=NegState.reject, supported_mech=GSSMech.kerberos.value, response_token=token
    ).pack()
    return framed


def deferred(context: Any) -> bytes | None:
    """The error token of a context whose acceptor failed, where python-gssapi keeps the error back."""
    inner = context
    while inner is not None and not hasattr(inner, "_last_err"):
        inner = getattr(inner, "_auth_context", None) or getattr(inner, "_context", None)
    token: bytes | None = getattr(getattr(inner, "_last_err", None), "token", None)
    return token


def is_bound(context: Any) -> bool:
    """Did the client of an accepted Kerberos context present our channel bindings? GSSAPI lets one in that presents
    none at all, and only says so in a flag; Windows that requires them does not let it in."""
    inner = context
    while not hasattr(inner, "_mech"):  # SPNEGO's context holds the chosen mechanism's
        inner = inner._context
    return bool(inner._context_attr & CHANNEL_BOUND)


def _tagged(number: int, value: bytes) -> bytes:
    tagged: bytes = pack_asn1(TagClass.context_specific, True, number, value)
    return tagged


def _universal(number: int, value: bytes) -> bytes:
    packed: bytes = pack_asn1(TagClass.universal, False, number, value)
    return packed
