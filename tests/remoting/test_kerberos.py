"""Names as Kerberos wants them, and errors by their numbers; no KDC is needed for either."""

from __future__ import annotations

import pytest

from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.kerberos import explained, number_of, principal_of

HOST = "hv01.corp.example"


@pytest.mark.parametrize(("name", "host", "principal"), [
    ("ops@corp.example", HOST, "ops@CORP.EXAMPLE"), ("ops@CORP.EXAMPLE", "10.0.0.1", "ops@CORP.EXAMPLE"),
    ("CORP\\ops", HOST, "ops@CORP.EXAMPLE"), ("corp\\ops", HOST, "ops@CORP.EXAMPLE"),
    ("OTHER\\ops", HOST, "ops@OTHER"), ("CORP\\ops", "hv01", "ops@CORP"), ("ops", HOST, "ops"),
    ("a@b@corp.example", HOST, "a@b@CORP.EXAMPLE"),
])
def test_principal(name: str, host: str, principal: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    assert principal_of(name, host) == principal


def test_windows_takes_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    assert principal_of("CORP\\ops", HOST) == "CORP\\ops"


@pytest.mark.parametrize(("text", "number"), [
    ("SpnegoError (7): Major (458752): No credentials, Minor (2529639053): No Kerberos credentials", 141),
    ("SpnegoError (1): SpnegoError (4294967295): Major (851968): Unspecified, Minor (2529638944): Ticket expired", 32),
    ("Major (720896): The referenced credential has expired", 32), ("Major (851968): odd, Minor (22): else", None),
    ("nothing of the kind", None),
])
def test_number(text: str, number: int | None) -> None:
    assert number_of(ValueError(text)) == number


def test_every_explanation_is_whole() -> None:
    endpoint = Endpoint("10.0.0.1", auth="kerberos", kerberos_name=HOST)
    for number in (1, 6, 7, 12, 14, 18, 23, 24, 32, 33, 37, 41, 141, 154, 156, 195):
        error = ValueError()
        error.err_code = number - 1765328384  # type: ignore[attr-defined]
        told = explained(endpoint, error)
        assert told is not None
        assert told.hint
        assert "{" not in told.message + told.hint
    assert explained(endpoint, ValueError("else")) is None
