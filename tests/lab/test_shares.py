"""Machines on a file server, over real WinRM: the server's answers, a move of memory alone, and one that is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.whole.labs import FABRICS, site
from winmigrate.errors import AuthenticationFailed
from winmigrate.inventory import load_inventory
from winmigrate.lab.clock import LabClock
from winmigrate.remoting.clixml import loads
from winmigrate.remoting.endpoint import Endpoint
from winmigrate.remoting.psrp import PsrpSession
from winmigrate.remoting.records import record_of
from winmigrate.request import Credential, Request, Secret, Stream, command, request, select, statement
from winmigrate.windows import row
from winmigrate.windows.share import AclEntry, acls

PASSWORD = "Spare key 0x2F!"
OPS = Credential("CORP\\ops", Secret(PASSWORD))
FABRIC = (FABRICS / "share.yml").read_text("utf-8").replace("groups:", """  pat: {password: p, domain: partner.example}
  fay: {password: p, domain: far.example}
domains: [partner.example, far.example]
trusts: [{trusting: corp.example, trusted: partner.example}]
groups:""", 1)
SHARE_ACCESS = request(statement(
    command("Get-SmbShare"), command("Get-SmbShareAccess"), select("Name", "AccountName", "AccessRight")))


def move(name: str, to: str) -> Request:
    return request(statement(
        command("Move-VM", Name=name, DestinationHost=to, DestinationCredential=OPS, Confirm=False)))


def test_a_file_server_and_moves_on_it_over_real_winrm(tmp_path: Path) -> None:
    with site(tmp_path, FABRIC) as place:
        inventory = load_inventory(place.inventory)
        assert set(inventory.hosts) == {"hv01", "hv02", "hv03"}
        assert inventory.file_servers["nas01"].vendor == "NetApp ONTAP 9.13"
        named = inventory.file_server("fs01.corp.example")
        assert named is not None
        assert named.transport.port == place.ready["file_servers"]["fs01"]["http"]
        clock = LabClock(place.ready["control"], place.ready["token"])

        def session(section: str, name: str, credential: Credential = OPS) -> PsrpSession:
            at = place.ready[section][name]
            return PsrpSession(name, Endpoint("127.0.0.1", at["http"], "http", "ntlm", credential), clock)

        def objects(asked: Request, at: PsrpSession) -> list[Any]:
            return [loads(event.clixml) for event in at.ask(asked).events if event.stream is Stream.OUTPUT]

        def rows(asked: Request, at: PsrpSession) -> list[dict[str, Any]]:
            return [dict(one.properties) for one in objects(asked, at)]

        try:
            server = session("file_servers", "fs01")
            found = rows(SHARE_ACCESS, server)
            assert [str(one["AccountName"]) for one in found if one["Name"] == "VMs"] == [
                "BUILTIN\\Administrators", "CORP\\Hyper-V Hosts"]
            entries = row.rows(AclEntry, objects(request(acls(["D:\\Shares\\VMs\\locked"], "2022")), server), "2022")
            assert [(one.identity_reference, one.file_system_rights, one.is_inherited) for one in entries] == [
                ("CORP\\HV01$", 0x1F01FF, False), ("CORP\\HV02$", 0x1200A9, False)]
            server.close()

            began = clock.monotonic()
            host = session("hosts", "hv01")
            moved = host.ask(move("web01", "hv02"), timeout=600.0)
            assert [event for event in moved.events if event.stream is Stream.ERROR] == []
            assert clock.monotonic() - began < 30
            refused = host.ask(move("db01", "hv03"), timeout=600.0)
            (error,) = [record_of(event.clixml) for event in refused.events if event.stream is Stream.ERROR]
            assert error.hresult == 0x80070005
            host.close()
            assert place.where()["web01"] == ["hv02"]
            assert place.where()["db01"] == ["hv01"]

            # a user of a trusted domain comes in, one of a domain that nobody trusts does not
            trusted = session("hosts", "hv02", Credential("PARTNER\\pat", Secret("p")))
            assert rows(request(statement(command("Get-VM"), select("Name"))), trusted) == [{"Name": "web01"}]
            trusted.close()
            with pytest.raises(AuthenticationFailed):
                session("hosts", "hv02", Credential("FAR\\fay", Secret("p"))).ask(SHARE_ACCESS)
        finally:
            clock.close()
