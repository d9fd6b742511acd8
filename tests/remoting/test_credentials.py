"""Credentials by reference: each form, what is refused, and that nothing secret is ever said."""

from __future__ import annotations

from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest
from keyring.credentials import SimpleCredential

from winmigrate.errors import CredentialUnavailable
from winmigrate.remoting.credentials import CredentialRef, resolve
from winmigrate.request import Credential, Secret

OPS = Credential("CORP\\ops", Secret("geheim: #1"))


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("keyring:corp-admin", CredentialRef("keyring", "corp-admin")),
        ("env:HV", CredentialRef("env", "HV")),
        ("file:C:/keys/hv.yml", CredentialRef("file", "C:/keys/hv.yml")),
        ("prompt", CredentialRef("prompt")),
        (" ticket ", CredentialRef("ticket")),
    ],
)
def test_the_forms(text: str, reference: CredentialRef) -> None:
    assert CredentialRef.parse(text) == reference
    assert str(reference) == text.strip()


@pytest.mark.parametrize("text", ["", "geheim", "keyring:", "prompt:x", "password:geheim", "env"])
def test_anything_else_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(CredentialUnavailable) as caught:
        CredentialRef.parse(text)
    assert "geheim" not in str(caught.value) + caught.value.hint


def test_ticket_is_no_credential_of_ours() -> None:
    assert resolve(CredentialRef("ticket")) is None


def test_environment() -> None:
    reference = CredentialRef("env", "HV")
    assert resolve(reference, environment={"HV_USERNAME": "CORP\\ops", "HV_PASSWORD": "geheim: #1"}) == OPS
    with pytest.raises(CredentialUnavailable, match="HV_PASSWORD not set"):
        resolve(reference, environment={"HV_USERNAME": "CORP\\ops"})


def test_prompt() -> None:
    asked: list[tuple[str, bool]] = []

    def ask(question: str, hidden: bool) -> str:
        asked.append((question, hidden))
        return "geheim: #1" if hidden else "CORP\\ops\n"

    assert resolve(CredentialRef("prompt"), ask=ask) == OPS
    assert [hidden for _, hidden in asked] == [False, True]
    with pytest.raises(CredentialUnavailable, match="no user name"):
        resolve(CredentialRef("prompt"), ask=lambda question, hidden: "")


def written(folder: Path, text: str, mode: int = 0o600) -> CredentialRef:
    path = folder / "hv.yml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return CredentialRef("file", "hv.yml")


def test_file(tmp_path: Path) -> None:
    reference = written(tmp_path, "username: CORP\\ops\npassword: 'geheim: #1'\n")
    assert resolve(reference, folder=tmp_path) == OPS


def test_what_looks_like_a_number_is_text(tmp_path: Path) -> None:
    found = resolve(written(tmp_path, "username: ops\npassword: 0012\n"), folder=tmp_path)
    assert found == Credential("ops", Secret("0012"))


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("username: ops\npassword: geheim\n", 0o640, r"others may read it \(mode 0640\)"),
        ("username: ops\npassword: geheim\n", 0o604, "others may read it"),
        ("username: ops\npassword: [geheim", 0o600, "no YAML"),
        ("geheim", 0o600, "not of the form"),
        ("username: ops\npassword: geheim\nmore: x\n", 0o600, "not of the form"),
        ("username: ops\npassword:\n", 0o600, "empty or no text"),
        ("username: ops\npassword: [geheim]\n", 0o600, "empty or no text"),
    ],
)
def test_a_file_that_is_not_right_is_refused_and_not_shown(tmp_path: Path, text: str, mode: int, said: str) -> None:
    with pytest.raises(CredentialUnavailable, match=said) as caught:
        resolve(written(tmp_path, text, mode), folder=tmp_path)
    assert "geheim" not in str(caught.value) + caught.value.hint
    assert caught.value.__cause__ is None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CredentialUnavailable, match="No such file"):
        resolve(CredentialRef("file", "hv.yml"), folder=tmp_path)


class Ring(keyring.backend.KeyringBackend):
    """A keyring of one entry."""

    priority = 1  # type: ignore[assignment]
    locked = False

    def get_password(self, service: str, username: str) -> str | None:
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.PasswordSetError

    def get_credential(self, service: str, username: str | None) -> SimpleCredential | None:
        if self.locked:
            raise keyring.errors.KeyringLocked("geheim")
        return SimpleCredential("CORP\\ops", "geheim: #1") if service == "corp" else None


def test_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    before = keyring.get_keyring()
    ring = Ring()
    keyring.set_keyring(ring)
    try:
        assert resolve(CredentialRef("keyring", "corp")) == OPS
        with pytest.raises(CredentialUnavailable, match='no entry "other"') as caught:
            resolve(CredentialRef("keyring", "other"))
        assert "keyring set other" in caught.value.hint
        monkeypatch.setattr(ring, "locked", True)
        with pytest.raises(CredentialUnavailable, match="KeyringLocked"):
            resolve(CredentialRef("keyring", "corp"))
    finally:
        keyring.set_keyring(before)


def test_a_credential_hides_its_password() -> None:
    assert "geheim" not in repr(OPS)
