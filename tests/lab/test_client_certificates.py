"""Logging on by a client certificate: mapped to an account of the host's own, over TLS, without a second hop."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from winmigrate.errors import AuthenticationFailed, CannotConnect, HostError, InputFaults, UsageError
from winmigrate.inventory import load_inventory
from winmigrate.lab.clock import LabClock
from winmigrate.lab.wire import ClientAuthority, principal_of
from winmigrate.remoting.clixml import loads
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.psrp import PsrpSession
from winmigrate.remoting.winrs import WinrsSession
from winmigrate.request import Stream, command, request, select, statement
from winmigrate.testing.serving import lab
from winmigrate.verbs import hosts
from winmigrate.verbs.ground import endpoint_of, stand

FABRIC = """
fabric: certificates
domain: corp.example
users:
  ops: {password: 'Spare key 0x2F!', domain: hv01, administrator: true}
  guest: {password: 'Spare key 0x2F!', domain: hv01}
hosts:
  hv01: {version: 2022, client_certificates: [ops], vms: {web01: }}
  hv02: {version: 2022}
"""
NAME = request(statement(command("Get-VMHost"), select("Name")))
READ = request(statement(command("Get-CimInstance", ClassName="Win32_OperatingSystem"), select("BuildNumber")))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "fabric.yml").write_text(FABRIC, encoding="utf-8")
    with lab(folder / "fabric.yml", folder / "inventory.yml", auth="certificate") as ready:
        clock = LabClock(ready["control"], ready["token"])
        yield folder, ready, clock
        clock.close()


def test_the_inventory_leads_in_by_a_certificate_that_others_cannot_read(served) -> None:  # type: ignore[no-untyped-def]
    folder, _, clock = served
    inventory = load_inventory(folder / "inventory.yml")
    host = inventory.hosts["hv01"]
    assert host.auth == "certificate"
    assert host.second_hop.kind == "none"
    file = Path(str(host.transport.client_certificate))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    endpoint = endpoint_of(host, lambda name: None)
    session = PsrpSession("hv01", endpoint, clock)
    reply = session.ask(NAME)
    session.close()
    (name,) = [loads(event.clixml) for event in reply.events if event.stream is Stream.OUTPUT]
    assert name.properties["Name"] == "HV01"


def test_the_shell_is_the_mapped_accounts_own(served) -> None:  # type: ignore[no-untyped-def]
    folder, _, _ = served
    roll = hosts(folder / "inventory.yml", ground=stand(folder / "inventory.yml", run_dir=folder / "runs"))
    found = roll.entries["hv01"]
    assert found.reached
    assert found.identity.user.lower() == "hv01\\ops"


def test_the_windows_remote_shell_takes_it_too(served) -> None:  # type: ignore[no-untyped-def]
    folder, _, clock = served
    host = load_inventory(folder / "inventory.yml").hosts["hv01"]
    session = WinrsSession("hv01", endpoint_of(host, lambda name: None), clock)
    reply = session.ask(READ)
    session.close()
    assert reply.error is None
    assert "20348" in "".join(event.clixml for event in reply.events)


def test_a_host_that_maps_none_and_one_of_nobody_known_are_refused(served, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    folder, ready, clock = served
    own = load_inventory(folder / "inventory.yml").hosts["hv01"].transport
    elsewhere = ready["hosts"]["hv02"]
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(ClientAuthority().issue("ops"))
    stranger.chmod(0o600)
    for where, file, refusals in (
        (elsewhere, own.client_certificate, AuthenticationFailed),
        (ready["hosts"]["hv01"], str(stranger), (AuthenticationFailed, CannotConnect, HostError)),
    ):
        endpoint = Endpoint(
            "127.0.0.1", where["https"], "https", "certificate", pinned_sha256=where["sha256"],
            client_certificate=Path(str(file)),
        )  # fmt: skip
        session = PsrpSession("refusing", endpoint, clock)
        with pytest.raises(refusals):
            session.ask(NAME)
        session.close()


def test_a_certificate_names_its_principal() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    authority = ClientAuthority()
    issued = x509.load_pem_x509_certificate(authority.issue("Ops 7"))
    assert principal_of(issued.public_bytes(Encoding.DER)) == "Ops 7@localhost"
    assert principal_of(x509.load_pem_x509_certificate(authority.pem).public_bytes(Encoding.DER)) is None
    with pytest.raises(ValueError, match="too long"):
        authority.issue("x" * 200)


def test_keys_are_there_and_closed_to_others(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none is given"):
        Endpoint("hv01", auth="certificate")
    with pytest.raises(UsageError, match="there is no client certificate"):
        Endpoint("hv01", auth="certificate", client_certificate=tmp_path / "no.pem")
    open_to_all = tmp_path / "ops.pem"
    open_to_all.write_bytes(ClientAuthority().issue("ops"))
    open_to_all.chmod(0o644)
    with pytest.raises(UsageError, match="others may read"):
        Endpoint("hv01", auth="certificate", client_certificate=open_to_all)


def test_an_inventory_without_the_certificate_is_told_where(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    path.write_text("winmigrate: 1\nhosts:\n  hv01: {auth: certificate}\n", encoding="utf-8")
    with pytest.raises(InputFaults, match=r":3:\d+: hosts.hv01.auth: .*client_certificate"):
        load_inventory(path)
