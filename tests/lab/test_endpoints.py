"""JEA endpoints of a fabric, over real WinRM, with the client of winmigrate and with pypsrp."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import RunspacePool
from pypsrp.wsman import WSMan

from winmigrate.errors import Refused
from winmigrate.kinds import Move, kind_of
from winmigrate.request import (
    PipelineState,
    Reply,
    Request,
    Session,
    Stream,
    command,
    request,
    script,
    select,
    statement,
)
from winmigrate.testing import site
from winmigrate.verbs import Ground
from winmigrate.verbs.ground import endpoint_of

FABRIC = r"""
users:
  ops: {password: "Ops-pass-1", administrator: true}
  mover: {password: "Mover-pass-1", administrator: false, groups: ['CORP\Movers']}
  reader: {password: "Reader-pass-1", administrator: false}
delegation: {hv01: [hv02, hv03]}
hosts:
  hv01:
    limits: {shells_per_user: 3}
    session_configurations:
      Winmigrate:
        visible:
        - Get-VM
        - Get-VMHost
        - whoami.exe
        - {name: Move-VM, parameters: {VM: , DestinationHost: [hv02, HV02.corp.example]}}
        - Microsoft.PowerShell.Utility\Select-Object
        functions: [Compare-WinmigrateVM, Move-WinmigrateVM]
        allow: CORP\Movers
    vms: {web01: {memory: 1 GB}}
  hv02:
    hyperv_administrators: ['CORP\HV01$']
    remote_management_users: ['CORP\HV01$']
    switches: [Other]
  hv03: {}
"""


@dataclass
class Jea:
    """A session on hv01's endpoint, and the ground that it came of."""

    ground: Ground
    session: Session

    def ask(self, asked: Request) -> Reply:
        return self.session.ask(asked)

    def say(self, *pipeline: object) -> Reply:
        return self.ask(request(statement(*pipeline)))  # type: ignore[arg-type]

    def vm_id(self) -> str:
        row = self.say(command("Get-VM"), select("Id")).events[0].clixml
        found = re.search(r'<G N="Id">([^<]*)</G>', row)
        assert found is not None
        return found[1]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ground, int]]:
    folder = tmp_path_factory.mktemp("jea")
    with site(folder, FABRIC) as place:
        written = yaml.safe_load(place.inventory.read_text(encoding="utf-8"))
        written["hosts"]["hv01"]["second_hop"] = "jea:Winmigrate"
        (folder / "mover.yml").write_text('{username: CORP\\mover, password: "Mover-pass-1"}', encoding="utf-8")
        (folder / "mover.yml").chmod(0o600)
        written["hosts"]["hv01"]["credential"] = "file:mover.yml"
        place.inventory.write_text(yaml.safe_dump(written), encoding="utf-8")
        yield place.ground(), place.ready["hosts"]["hv01"]["http"]


@pytest.fixture
def jea(served: tuple[Ground, int]) -> Iterator[Jea]:
    ground, _ = served
    session = ground.connector("hv01")
    yield Jea(ground, session)
    session.close()


def errors(reply: Reply) -> list[str]:
    return [event.clixml for event in reply.events if event.stream is Stream.ERROR]


def error_id(reply: Reply) -> str:
    found = re.search(r'<S N="FullyQualifiedErrorId">([^<]*)</S>', reply.error or "")
    return found[1] if found else ""


def test_the_inventory_leads_to_the_endpoint(served: tuple[Ground, int]) -> None:
    ground, _ = served
    hosts = ground.inventory.hosts
    assert endpoint_of(hosts["hv01"], ground.credential_for).configuration == "Winmigrate"
    assert endpoint_of(hosts["hv02"], ground.credential_for).configuration == "Microsoft.PowerShell"


def test_visible_commands_run_as_the_virtual_account(jea: Jea) -> None:
    assert jea.say(command("whoami.exe")).events[0].clixml == "<S>winrm virtual users\\winrm va_1_corp_mover</S>"
    assert "web01" in jea.say(command("Get-VM"), select("Name")).events[0].clixml


@pytest.mark.parametrize(("name", "given", "wanted"), [
    ("Get-Service", {}, "CommandNotFoundException"),
    ("Get-VMSwitch", {}, "CommandNotFoundException"),
    ("Move-VM", {"Name": "web01", "DestinationHost": "hv02"}, "NamedParameterNotFound,Move-VM"),
    ("Select-Object", {"Property": "Id"}, "ParameterArgumentValidationError,Select-Object"),
])
def test_what_is_not_visible_does_not_exist(jea: Jea, name: str, given: dict[str, str], wanted: str) -> None:
    reply = jea.say(command(name, **given))
    assert reply.state is PipelineState.FAILED
    assert error_id(reply) == wanted


def test_values_are_restricted(jea: Jea) -> None:
    reply = jea.say(command("Get-VM"), command("Move-VM", DestinationHost="hv03"))
    assert error_id(reply) == "ParameterArgumentValidationError,Move-VM"
    assert "hv02,HV02.corp.example" in (reply.error or "")


def test_scripts_are_refused(jea: Jea) -> None:
    reply = jea.say(script("Get-VM"))
    assert error_id(reply) == "ScriptsNotAllowed"


def test_the_second_hop_is_the_computer_account(jea: Jea) -> None:
    assert "HV02" in jea.say(command("Get-VMHost", ComputerName="hv02"), select("Name")).events[0].clixml
    refused = jea.say(command("Get-VMHost", ComputerName="hv03"), select("Name"))
    assert "permission" in errors(refused)[0]


def test_a_move_uses_the_functions_that_the_endpoint_ships(jea: Jea) -> None:
    move = Move(
        kind="shared-nothing", route="jea", vm_id=jea.vm_id(), vm_name="web01", source="hv01", destination="hv02",
        destination_fqdn="hv02.corp.example", state="Running", storage_path="D:\\In", switches={"External": "Other"},
    )
    kind = kind_of("shared-nothing")
    compared = jea.ask(kind.rehearsal(move, "2019", None))
    assert (compared.state, compared.events) == (PipelineState.COMPLETED, ())
    moved = jea.ask(kind.start(move, "2019", None))
    assert (moved.state, errors(moved), moved.error) == (PipelineState.COMPLETED, [], None)
    assert not jea.say(command("Get-VM")).events


def test_those_who_are_not_allowed_and_other_names_are_refused(served: tuple[Ground, int]) -> None:
    _, port = served

    def opened(user: str, configuration: str) -> int | None:
        password = {"ops": "Ops-pass-1", "mover": "Mover-pass-1", "reader": "Reader-pass-1"}[user]
        wsman = WSMan("127.0.0.1", port=port, ssl=False, auth="ntlm", username=f"CORP\\{user}", password=password,
                      no_proxy=True)
        try:
            with RunspacePool(wsman, configuration_name=configuration):
                return None
        except WSManFaultError as fault:
            return int(fault.code)

    assert opened("mover", "Winmigrate") is None
    assert opened("mover", "winmigrate") is None
    assert opened("mover", "Microsoft.PowerShell") == 5
    assert opened("ops", "Winmigrate") == 5
    assert opened("ops", "Microsoft.PowerShell") is None
    assert opened("mover", "Other") == 2150858811


def test_a_refusal_and_a_full_host_are_told_in_one_line(served: tuple[Ground, int]) -> None:
    ground, _ = served
    sessions = [ground.connector("hv01") for _ in range(4)]
    for session in sessions[:3]:
        session.ask(request(statement(command("Get-VMHost"))))
    with pytest.raises(Refused, match="all the shells it admits"):
        sessions[3].ask(request(statement(command("Get-VMHost"))))
    for session in sessions:
        session.close()
