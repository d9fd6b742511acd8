"""Credentials by reference: the inventory names where a secret is, never the secret. Nothing here is ever logged.

Forms (docs/interface.md, section 2):

``keyring:NAME``   the system's keyring, entry NAME; put there with ``keyring set NAME USER``.
``env:NAME``       the environment variables NAME_USERNAME and NAME_PASSWORD.
``file:PATH``      a YAML file of two lines, ``username: …`` and ``password: …``, that only its owner may read (0600).
``prompt``         asked for at the terminal, once a process.
``ticket``         none of ours: the Kerberos ticket cache.
"""

from __future__ import annotations

import getpass
import os
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from winmigrate.errors import CredentialUnavailable
from winmigrate.request import Credential, Secret

_NAMED = ("keyring", "env", "file")
_BARE = ("prompt", "ticket")

#: Asks for one line of text; the second argument says whether it must not be shown while it is typed.
Asker = Callable[[str, bool], str]


@dataclass(frozen=True, slots=True)
class CredentialRef:
    """Where a credential is: ``kind`` is keyring, env, file, prompt or ticket; ``name`` what stands after the colon."""

    kind: str
    name: str = ""

    @classmethod
    def parse(cls, text: str) -> CredentialRef:
        """Reads a form of the inventory. Raises CredentialUnavailable, and does not repeat what it could not read: it
        may be a secret that was put in the wrong place."""
        kind, colon, name = text.strip().partition(":")
        if kind in _NAMED and name:
            return cls(kind, name)
        if kind in _BARE and not colon:
            return cls(kind)
        raise CredentialUnavailable(
            "a credential is keyring:NAME, env:NAME, file:PATH, prompt or ticket",
            hint="the secret itself never stands in an inventory",
        )

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


def resolve(
    reference: CredentialRef,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    ask: Asker | None = None,
) -> Credential | None:
    """The credential, or None for the ticket cache. ``folder`` is what a relative file is relative to.

    Raises CredentialUnavailable with what to do.
    """
    match reference.kind:
        case "ticket":
            return None
        case "keyring":
            return _from_keyring(reference.name)
        case "env":
            return _from_environment(reference.name, os.environ if environment is None else environment)
        case "file":
            return _from_file((folder or Path()) / Path(reference.name).expanduser())
        case "prompt":
            return _from_terminal(ask or _terminal)
    raise CredentialUnavailable(f'no kind of credential "{reference.kind}"')


def _from_keyring(name: str) -> Credential:
    import keyring
    import keyring.errors

    hint = f"keyring set {name} DOMAIN\\\\user"
    try:
        found = keyring.get_credential(name, None)
    except keyring.errors.KeyringError as error:
        raise CredentialUnavailable(f"the keyring cannot be read: {type(error).__name__}", hint=hint) from error
    if found is None or not found.username:
        raise CredentialUnavailable(f'no entry "{name}" with a user name in the keyring', hint=hint)
    return Credential(found.username, Secret(found.password))


def _from_environment(name: str, environment: Mapping[str, str]) -> Credential:
    keys = (f"{name}_USERNAME", f"{name}_PASSWORD")
    missing = [key for key in keys if not environment.get(key)]
    if missing:
        raise CredentialUnavailable(f"env:{name}: {' and '.join(missing)} not set", hint=f"export {' '.join(missing)}")
    return Credential(environment[keys[0]], Secret(environment[keys[1]]))


def _from_file(path: Path) -> Credential:
    form = "two lines: `username: DOMAIN\\user` and `password: ...`"
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
                raise CredentialUnavailable(
                    f"{path}: others may read it (mode {stat.S_IMODE(mode):04o})", hint=f"chmod 600 {path}"
                )
            content = yaml.load(file, Loader=yaml.BaseLoader)
    except OSError as error:
        raise CredentialUnavailable(f"{path}: {error.strerror or error}", hint=form) from error
    except (yaml.YAMLError, UnicodeDecodeError):
        raise CredentialUnavailable(f"{path}: no YAML (its content is not shown)", hint=form) from None
    if not isinstance(content, dict) or set(content) != {"username", "password"}:
        raise CredentialUnavailable(f"{path}: not of the form wanted (its content is not shown)", hint=form)
    if not all(isinstance(each, str) and each for each in content.values()):
        raise CredentialUnavailable(f"{path}: username or password is empty or no text", hint=form)
    return Credential(content["username"], Secret(content["password"]))


def _from_terminal(ask: Asker) -> Credential:
    username = ask("User name (DOMAIN\\user): ", False).strip()
    if not username:
        raise CredentialUnavailable("no user name was given")
    return Credential(username, Secret(ask(f"Password of {username}: ", True)))


def _terminal(question: str, hidden: bool) -> str:
    if not sys.stdin.isatty():
        raise CredentialUnavailable(
            "a credential is asked for, and there is no terminal", hint="use keyring, env or file"
        )
    if hidden:
        return getpass.getpass(question)
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline()
