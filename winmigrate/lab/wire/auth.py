"""Who is at the other end of a TCP connection: the 401 dance, and the security context bound to the connection."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from winmigrate.lab.wire import framing, kerberos
from winmigrate.lab.wire.accounts import Account, Accounts


@dataclass(frozen=True, slots=True)
class Scheme:
    """A word of the Authorization header: pyspnego's name for it, and what sealed bodies are called then."""

    protocol: str
    sealed: str


#: What a client that proves itself by its certificate writes in the Authorization header.
MUTUAL = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

#: Every scheme the wire can accept; a listener is told which of them it offers. Kerberos needs a keytab.
SCHEMES = {
    "negotiate": Scheme("negotiate", framing.SPNEGO),
    "kerberos": Scheme("kerberos", framing.KERBEROS),
    "credssp": Scheme("credssp", framing.CREDSSP),
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who logged on, and how."""

    account: Account
    protocol: str
    delegated: bool


@dataclass(slots=True)
class ConnectionLogon:
    """The logon of one TCP connection. Belongs to the connection's thread.

    ``offered``: schemes of :data:`SCHEMES`, and "basic" (accepted over TLS only). ``bindings``: the channel bindings
    that a client must present over TLS, or None. ``door``: what the host is called in tickets, and how its clock goes;
    without one Kerberos is not told from other tokens that nobody here can take. ``mapped``: the account that a client
    certificate (``presented``, DER) stands for, where the host takes any.
    """

    accounts: Accounts
    offered: tuple[str, ...]
    tls: bool
    bindings: bytes | None = None
    door: kerberos.Door | None = None
    mapped: Callable[[bytes], Account | None] | None = None
    presented: bytes | None = None
    identity: Identity | None = None
    scheme: Scheme | None = None
    _context: Any = None
    _failed: bool = field(default=False)

    def challenge(self) -> list[str]:
        """The WWW-Authenticate headers of a 401."""
        words = {"negotiate": "Negotiate", "kerberos": "Kerberos", "credssp": "CredSSP", "basic": 'Basic realm="WSMAN"',
                 "certificate": MUTUAL}
        offered = [*self.offered, *(("certificate",) if self.mapped is not None and self.tls else ())]
        return [words[name] for name in offered if name != "basic" or self.tls]

    def step(self, authorization: str) -> tuple[bool, str | None]:
        """One step of the dance: (is it done, the WWW-Authenticate header to send back with a token or None).

        Done with :attr:`identity` None means refused.
        """
        word, _, text = authorization.strip().partition(" ")
        name = word.lower()
        if name == "basic" and "basic" in self.offered and self.tls:
            self.identity = self._basic(text)
            return True, None
        if name == MUTUAL and self.mapped is not None and self.presented is not None:
            account = self.mapped(self.presented)
            self.identity = None if account is None else Identity(account, "certificate", delegated=False)
            return True, None
        scheme = SCHEMES.get(name)
        if scheme is None or name not in self.offered:
            self.identity = None
            return True, None
        try:
            token = base64.b64decode(text, validate=True)
        except binascii.Error:
            return self._refuse()
        if self._context is None or self._context.complete or self.scheme is not scheme:
            self._begin(scheme)
        ticket = kerberos.presented(token) if self.door is not None else None
        if ticket is not None and self.door is not None:
            code = self.door.objection(ticket)
            if code is not None:
                now = dt.datetime.now(dt.timezone.utc) + dt.timedelta(seconds=self.door.skew)
                return self._refuse(word, kerberos.refusal(code, ticket, now))
        try:
            answer = self._context.step(token)
        except SpnegoError as error:
            # GSSAPI's acceptor says why in a token of its own: an expired ticket, a clock that is off
            why = getattr(error.base_error, "token", None)
            in_spnego = ticket is not None and ticket.in_spnego
            return self._refuse(word, kerberos.rejected(why, in_spnego) if why else None)
        except AttributeError:
            # python-gssapi gave the error's token for an answer, and pyspnego then asked it for a context's flags
            why = kerberos.deferred(self._context)
            in_spnego = ticket is not None and ticket.in_spnego
            return self._refuse(word, kerberos.rejected(why, in_spnego) if why else None)
        except (ValueError, IndexError, KeyError, UnicodeError):
            # pyspnego's token readers raise plain errors on garbage
            return self._refuse()
        header = f"{word} {base64.b64encode(answer).decode()}" if answer else None
        if not self._context.complete:
            return False, header
        account = self.accounts.resolve(self._context.client_principal)
        if account is None:
            return self._refuse()
        protocol = "credssp" if name == "credssp" else str(self._context.negotiated_protocol or name)
        delegated = protocol == "credssp" or (
            protocol == "kerberos" and bool(self._context.context_attr & spnego.ContextReq.delegate)
        )
        if protocol == "kerberos" and self.bindings is not None and not kerberos.is_bound(self._context):
            return self._refuse()
        self.identity = Identity(account, protocol, delegated)
        return True, header

    def unseal(self, body: bytes) -> bytes:
        """Opens a sealed body; raises BadSeal for one that was sealed for another connection."""
        if self._context is None or not self._context.complete:
            raise framing.BadSeal("this connection has no security context")
        try:
            return framing.unseal(self._context, body)
        except SpnegoError as error:
            raise framing.BadSeal(str(error)) from error

    def seal(self, text: bytes) -> tuple[str, bytes]:
        """(content type, sealed body)."""
        assert self.scheme is not None
        return framing.seal(self._context, self.scheme.sealed, text)

    def _begin(self, scheme: Scheme) -> None:
        bindings = GssChannelBindings(application_data=self.bindings) if self.bindings is not None else None
        # without the option pyspnego would ask Windows' own accounts (SSPI) there
        options = {
            "negotiate": spnego.NegotiateOptions.use_negotiate,
            "credssp": spnego.NegotiateOptions.none,
            "kerberos": spnego.NegotiateOptions.none,
        }[scheme.protocol]
        self.identity = None
        self.scheme = scheme
        options |= spnego.NegotiateOptions.wrapping_winrm
        self._context = spnego.server(protocol=scheme.protocol, channel_bindings=bindings, options=options)

    def _refuse(self, word: str = "", why: bytes | None = None) -> tuple[bool, str | None]:
        self.identity = None
        self._context = None
        return True, f"{word} {base64.b64encode(why).decode()}" if why else None

    def _basic(self, text: str) -> Identity | None:
        try:
            raw = base64.b64decode(text, validate=True)
        except binascii.Error:
            return None
        for encoding in ("utf-8", "latin-1"):  # RFC 7617 leaves it open; requests sends the latter
            try:
                name, _, password = raw.decode(encoding).partition(":")
            except UnicodeError:
                continue
            account = self.accounts.check(name, password)
            if account is not None:
                return Identity(account, "basic", delegated=False)
        return None
