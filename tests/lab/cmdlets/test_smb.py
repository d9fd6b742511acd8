"""The cmdlets of SMB, of rights and of virtual SANs, as a host and a file server answer them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.cmdlets.asking import Site, select
from tests.lab.fabric.worlds import ops, world_of
from winmigrate.lab.cmdlets import command_table
from winmigrate.lab.engine.editions import WINDOWS_POWERSHELL_5_1
from winmigrate.lab.engine.engine import Engine
from winmigrate.lab.engine.values import PSObject
from winmigrate.lab.fabric.identity import Logon
from winmigrate.lab.fabric.world import World

SHARE = (Path(__file__).parents[3] / "fixtures" / "fabrics" / "share.yml").read_text("utf-8")
SHARE = SHARE.replace('administrator: true}', 'administrator: true}\n  guest: {password: g, administrator: false}')
DISK = "\\\\fs01\\VMs\\web01\\web01.vhdx"
VMS = "D:\\Shares\\VMs"


class Server(Site):
    """A file server, asked in this process."""

    def __init__(self, world: World, key: str = "fs01", caller: Logon | None = None) -> None:
        self.world = world
        self.host = world.machines()[key]
        self.caller = caller or ops(host=key)
        self.engine = Engine(WINDOWS_POWERSHELL_5_1, command_table(world, self.host), computer=self.host.name)


@pytest.fixture
def world() -> Iterator[World]:
    with world_of(SHARE) as made:
        yield made


@pytest.fixture
def server(world: World) -> Server:
    return Server(world)


@pytest.fixture
def host(world: World) -> Site:
    return Site(world)


# --- a file server ---------------------------------------------------------------------------------------------------


def test_shares_and_their_properties(server: Server) -> None:
    answer = server.run(("Get-SmbShare", {}), select("Name", "ScopeName", "Path", "ContinuouslyAvailable", "ShareState",
                                                     "Special", "EncryptData", "CachingMode", "AvailabilityType"))
    assert answer.column("Name") == ["ADMIN$", "C$", "D$", "IPC$", "Library", "VMs"]
    found = answer.output[-1]
    assert [str(found.get(name)) for name in ("ScopeName", "Path", "ContinuouslyAvailable", "ShareState", "CachingMode",
                                              "AvailabilityType")] == [
        "FS01", VMS, "True", "Online", "None", "ScaleOut"]
    assert answer.column("Special") == [True, True, True, True, False, False]


def test_a_share_by_name_and_one_that_is_not_there(server: Server) -> None:
    assert server.run(("Get-SmbShare", {"Name": "v*"}), select("Name")).column("Name") == ["VMs"]
    answer = server.run(("Get-SmbShare", {"Name": "Gone"}))
    assert answer.ids == ["CmdletizationQuery_NotFound_Name,Get-SmbShare"]
    assert "No MSFT_SMBShare objects found with property 'Name' equal to 'Gone'." in answer.said[0]
    assert server.run(("Get-SmbShare", {"Special": False}), select("Name")).column("Name") == ["Library", "VMs"]


def test_rights_of_every_share_in_one_pipeline(server: Server) -> None:
    columns = ("Name", "ScopeName", "AccountName", "AccessControlType", "AccessRight")
    answer = server.run(("Get-SmbShare", {}), ("Get-SmbShareAccess", {}), select(*columns))
    rows = [tuple(str(one.get(name)) for name in columns) for one in answer.output if one.get("Name") == "VMs"]
    assert rows == [("VMs", "FS01", "BUILTIN\\Administrators", "Allow", "Full"),
                    ("VMs", "FS01", "CORP\\Hyper-V Hosts", "Allow", "Full")]
    assert answer.errors == []
    library = [one.get("AccountName") for one in answer.output if one.get("Name") == "Library"]
    assert library == ["BUILTIN\\Administrators", "CORP\\Domain Admins", "CORP\\HV01$", "CORP\\HV02$", "CORP\\HV03$"]


def test_a_grant_lets_a_host_in_and_a_block_shuts_it_out(server: Server, host: Site) -> None:
    given = {"Name": "VMs", "AccountName": ["CORP\\HV03$"], "Force": True}
    granted = ("Grant-SmbShareAccess", {**given, "AccessRight": "Full"})
    answer = server.run(granted, select("AccountName", "AccessRight"))
    assert answer.column("AccountName")[-1] == "CORP\\HV03$"
    assert str(answer.output[-1].get("AccessRight")) == "Full"
    answer = server.run(("Set-SmbPathAcl", {"ShareName": "VMs"}))
    assert answer.state == "Completed"
    move = ("Move-VM", {"Name": "web01", "DestinationHost": "hv03"})
    as_ops = host.as_user(ops("credssp"))
    assert as_ops.run(move).said == []
    server.run(("Block-SmbShareAccess", given))
    back = Site(host.world, "hv03", ops("credssp", host="hv03"))
    assert back.run(("Move-VM", {"Name": "web01", "DestinationHost": "hv01"})).said == []
    assert "failed to register the configuration" in as_ops.run(move).said[0]
    server.run(("Unblock-SmbShareAccess", given))
    rows = server.run(("Revoke-SmbShareAccess", given), select("AccountName")).column("AccountName")
    assert rows == ["BUILTIN\\Administrators", "CORP\\Hyper-V Hosts"]


def test_an_account_that_nobody_knows(server: Server) -> None:
    answer = server.run(("Grant-SmbShareAccess", {"Name": "VMs", "AccountName": "CORP\\HV77$", "Force": True}))
    assert answer.ids == ["Windows System Error 1332,Grant-SmbShareAccess"]


@pytest.mark.parametrize("name", ["Get-SmbShare", "Get-SmbSession", "Get-SmbServerConfiguration"])
def test_only_administrators_see_what_is_shared(server: Server, name: str) -> None:
    answer = Server(server.world, caller=Logon("CORP\\guest", host="fs01")).run((name, {}))
    assert answer.ids == [f"Windows System Error 5,{name}"]
    assert answer.errors[0].get("ErrorCategory_Category") == 18


def test_sessions_and_open_files(server: Server) -> None:
    sessions = server.run(("Get-SmbSession", {}), select("ClientUserName", "NumOpens", "Dialect")).output
    assert [(one.get("ClientUserName"), one.get("NumOpens"), one.get("Dialect")) for one in sessions] == [
        ("CORP\\HV01$", 3, "3.1.1")]
    paths = server.run(("Get-SmbOpenFile", {}), select("Path")).column("Path")
    assert f"{VMS}\\web01\\web01.vhdx" in paths


def test_the_servers_own_settings(server: Server) -> None:
    one = server.run(("Get-SmbServerConfiguration", {}), select(
        "EncryptData", "RequireSecuritySignature", "EnableSMB1Protocol", "RejectUnencryptedAccess")).one
    assert [one.get(name) for name in ("EncryptData", "RequireSecuritySignature", "EnableSMB1Protocol",
                                       "RejectUnencryptedAccess")] == [False, False, False, True]


def test_a_file_server_has_no_hyperv_but_answers_for_its_system(server: Server) -> None:
    assert "CommandNotFoundException" in server.run(("Get-VM", {})).failed
    one = server.run(("Get-CimInstance", {"ClassName": "Win32_ComputerSystem"}), select("Name", "Domain")).one
    assert (one.get("Name"), one.get("Domain")) == ("FS01", "corp.example")


# --- rights of folders -----------------------------------------------------------------------------------------------


def acls(site: Site, paths: list[str], parameter: str = "LiteralPath") -> list[tuple[Any, ...]]:
    expanded = {"Property": [{"Name": "AclPath", "Expression": "Path"}], "ExpandProperty": "Access"}
    answer = site.run(("Get-Acl", {parameter: paths}), ("Select-Object", expanded), select(
        "AclPath", "IdentityReference", "AccessControlType", "FileSystemRights", "IsInherited", "PropagationFlags"))
    return [tuple(_shown(one.get(name)) for name in ("AclPath", "IdentityReference", "AccessControlType",
                                                  "FileSystemRights", "IsInherited")) for one in answer.output]


def _shown(value: Any) -> str:
    return str(value.to_string) if isinstance(value, PSObject) else str(value)


def test_rules_of_folders_and_of_those_above(server: Server) -> None:
    rows = acls(server, [VMS, f"{VMS}\\web01", f"{VMS}\\locked"])
    path = f"Microsoft.PowerShell.Core\\FileSystem::{VMS}"
    assert rows[0] == (path, "CORP\\Hyper-V Hosts", "Allow", "FullControl", "False")
    assert (path + "\\web01", "CORP\\Hyper-V Hosts", "Allow", "FullControl", "True") in rows
    locked = [row[1:] for row in rows if row[0].endswith("locked")]
    assert locked == [("CORP\\HV01$", "Allow", "FullControl", "False"),
                      ("CORP\\HV02$", "Allow", "ReadAndExecute, Synchronize", "False")]


def test_an_acl_has_an_owner_and_a_path_that_is_not_there_none(server: Server) -> None:
    answer = server.run(("Get-Acl", {"Path": [VMS, "D:\\Nowhere"]}), select("Path", "Owner"))
    assert answer.column("Owner") == ["BUILTIN\\Administrators"]
    assert answer.ids == ["GetAcl_PathNotFound_Exception,Microsoft.PowerShell.Commands.GetAclCommand"]
    assert "Cannot find path 'D:\\Nowhere'" in answer.said[0]


def test_the_same_rights_by_the_unc_path(server: Server, host: Site) -> None:
    with_password = host.as_user(ops("credssp"))
    assert [row[1:] for row in acls(with_password, ["\\\\fs01\\VMs\\web01"])] == [
        row[1:] for row in acls(server, [f"{VMS}\\web01"])]
    assert acls(with_password, ["C:\\"])[0][1] == "BUILTIN\\Administrators"


# --- a host's side ---------------------------------------------------------------------------------------------------


def test_connections_are_those_of_running_machines(host: Site) -> None:
    columns = ("ServerName", "ShareName", "Dialect", "UserName")
    rows = [tuple(one.get(name) for name in columns)
            for one in host.run(("Get-SmbConnection", {}), select(*columns)).output]
    assert rows == [("fs01", "VMs", "3.1.1", "CORP\\HV01$"), ("fs01.corp.example", "VMs", "3.1.1", "CORP\\HV01$"),
                    ("nas01", "vol1", "3.1.1", "CORP\\HV01$")]
    named = host.run(("Get-SmbConnection", {"ServerName": "nas01"}), select("ShareName"))
    assert named.column("ShareName") == ["vol1"]
    assert Site(host.world, "hv02").run(("Get-SmbConnection", {})).output == []


def test_a_look_at_a_share_connects_an_idle_host_for_a_while(world: World) -> None:
    site = Site(world, "hv02", ops("credssp", host="hv02"))
    asked = ("Get-SmbConnection", {"ServerName": "fs01"})
    site.run(("Test-Path", {"LiteralPath": "\\\\fs01\\VMs"}))
    one = site.run(asked, select("ShareName", "Dialect", "UserName", "Credential")).one
    assert [one.get(name) for name in ("ShareName", "Dialect", "UserName", "Credential")] == [
        "VMs", "3.1.1", "CORP\\ops", "corp.example\\ops"]
    with world.clock.parked():
        world.clock.wait(world.clock.monotonic() + 1000, None)
    assert site.run(asked).output == []


@pytest.mark.parametrize(("version", "dialect"), [("2012", "3.00"), ("2012R2", "3.02"), ("2016", "3.1.1")])
def test_the_dialect_is_the_best_of_both(version: str, dialect: str) -> None:
    with world_of(SHARE.replace("hv01:\n    version: 2022", f"hv01:\n    version: {version}")) as world:
        answer = Site(world).run(("Get-SmbConnection", {"ServerName": "fs01"}), select("Dialect"))
        assert answer.column("Dialect") == [dialect]


@pytest.mark.parametrize(("key", "required"), [("hv01", False), ("hv03", True)])
def test_2025_requires_signing(world: World, key: str, required: bool) -> None:
    one = Site(world, key).run(("Get-SmbClientConfiguration", {}), select(
        "RequireSecuritySignature", "EnableSecuritySignature")).one
    assert (one.get("RequireSecuritySignature"), one.get("EnableSecuritySignature")) == (required, True)


def test_signing_and_encryption_can_be_set(world: World, server: Server) -> None:
    site = Site(world, "hv03")
    site.run(("Set-SmbClientConfiguration", {"RequireSecuritySignature": False, "Force": True}))
    one = site.run(("Get-SmbClientConfiguration", {}), select("RequireSecuritySignature")).one
    assert one.get("RequireSecuritySignature") is False
    server.run(("Set-SmbServerConfiguration", {"RequireSecuritySignature": True, "EncryptData": True, "Force": True}))
    one = server.run(("Get-SmbServerConfiguration", {}), select("RequireSecuritySignature", "EncryptData")).one
    assert (one.get("RequireSecuritySignature"), one.get("EncryptData")) == (True, True)


def test_interfaces_with_rdma() -> None:
    with world_of(SHARE.replace("hv02: {", "hv02: {smb: {rdma: [SMB1]}, nic: 10 Gbit, addresses: [10.0.0.2/24, "
                                "{address: 10.1.0.2/24, alias: SMB1}], ")) as world:
        rows = Site(world, "hv02").run(("Get-SmbClientNetworkInterface", {}), select(
            "FriendlyName", "RdmaCapable", "RssCapable", "InterfaceIndex", "LinkSpeed")).output
        assert [(one.get("FriendlyName"), one.get("RdmaCapable"), one.get("InterfaceIndex")) for one in rows] == [
            ("Management", False, 2), ("SMB1", True, 3)]


def test_limits_want_their_feature(world: World) -> None:
    site = Site(world)
    limit = ("Set-SmbBandwidthLimit", {"Category": "LiveMigration", "BytesPerSecond": 10**9})
    assert "not installed" in site.run(limit).said[0]
    assert site.run(("Get-SmbBandwidthLimit", {})).output == []
    site.host.features["FS-SMBBW"] = site.host.features["Hyper-V"]
    assert site.run(limit).said == []
    one = site.run(("Get-SmbBandwidthLimit", {"Category": "LiveMigration"}), select("Category", "BytesPerSecond")).one
    assert (str(one.get("Category")), one.get("BytesPerSecond")) == ("LiveMigration", 10**9)
    site.run(("Get-SmbBandwidthLimit", {}), ("Remove-SmbBandwidthLimit", {}))
    assert site.run(("Get-SmbBandwidthLimit", {})).output == []


def test_delegation_to_a_file_server(world: World) -> None:
    site = Site(world, "hv02")
    asked = ("Get-SmbDelegation", {"SmbServer": "fs01"})
    answer = site.run(asked)
    assert answer.said == ["SMB Delegation cmdlets require the installation of the Active Directory module for Windows "
                           "PowerShell."]
    assert answer.ids == ["Microsoft.PowerShell.Commands.WriteErrorException,CheckDelegationPrerequisites"]
    site.host.features["RSAT-AD-PowerShell"] = site.host.features["Hyper-V"]
    assert site.run(asked).output == []
    site.run(("Enable-SmbDelegation", {"SmbServer": "fs01", "SmbClient": "hv01"}))
    assert site.run(asked).column("SmbClient") == ["HV01"]
    assert world.domain.rbcd["fs01"] == {"hv01"}
    answer = site.run(("Get-SmbDelegation", {"SmbServer": "fs77"}))
    assert "Cannot find an object with identity: 'fs77'" in answer.said[0]


# --- the second hop to a share ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("caller", "found"), [
    (ops(), False), (ops("credssp"), True), (ops("kerberos"), True),
    (Logon("CORP\\guest", "credssp", True, "hv01"), False),
    (Logon("CORP\\guest", host="hv01", run_as="CORP\\ops"), True),
    (Logon("CORP\\guest", host="hv01", run_as="virtual"), True),
])
def test_who_gets_at_a_file_of_a_share(host: Site, caller: Logon, found: bool) -> None:
    """The fabric delegates all to all: by Kerberos one comes as oneself, by NTLM not. A virtual account comes as its
    host's, which the share is open for.
    """
    answer = host.as_user(caller).run(("Get-Item", {"LiteralPath": DISK}), select("FullName", "Length"))
    assert answer.column("FullName") == ([DISK] if found else [])
    assert answer.ids == ([] if found else [
        "ItemExistsUnauthorizedAccessError,Microsoft.PowerShell.Commands.GetItemCommand",
        "PathNotFound,Microsoft.PowerShell.Commands.GetItemCommand"])


def test_test_path_says_why(host: Site) -> None:
    answer = host.run(("Test-Path", {"LiteralPath": DISK}))
    assert (answer.output, len(answer.errors)) == ([False], 1)
    assert host.as_user(ops("credssp")).run(("Test-Path", {"LiteralPath": DISK})).output == [True]


def test_vmms_reads_a_disk_in_the_callers_name_where_it_may(world: World) -> None:
    asked = ("Get-VHD", {"Path": DISK})
    assert Site(world).run(asked, select("FileSize")).column("FileSize") == [10 * 1024**3]
    world.domain.delegation.clear()
    answer = Site(world).run(asked)
    assert answer.ids == ["AccessDenied,Microsoft.Vhd.PowerShell.Cmdlets.GetVHD"]
    assert Site(world, caller=ops("credssp")).run(asked, select("FileSize")).column("FileSize") == [10 * 1024**3]


def test_files_of_a_share_on_the_server_and_from_afar(server: Server, host: Site) -> None:
    local = server.run(("Get-ChildItem", {"LiteralPath": f"{VMS}\\web01"}), select("Name")).column("Name")
    far = host.as_user(ops("credssp")).run(("Get-ChildItem", {"LiteralPath": "\\\\FS01\\vms\\web01"}), select("Name"))
    assert local == far.column("Name") == ["Virtual Machines", "web01.vhdx"]
    one = server.run(("Get-Item", {"LiteralPath": f"{VMS}\\web01\\web01.vhdx"}), select("FullName")).one
    assert one.get("FullName") == f"{VMS}\\web01\\web01.vhdx"


# --- starting, moving ------------------------------------------------------------------------------------------------


def test_start_vm_from_a_share_that_is_closed(host: Site) -> None:
    host.run(("Stop-VM", {"Name": "locked01", "TurnOff": True, "Force": True}))
    share = host.world.file_servers["fs01"].share("VMs")
    assert share is not None
    share.rules["locked"] = []
    answer = host.run(("Start-VM", {"Name": "locked01"}))
    assert "(0x80070005)" in answer.said[0]
    assert answer.errors[0].get("Exception").get("HResult") == -2147024891


def test_compare_vm_names_the_disk(host: Site) -> None:
    answer = host.as_user(ops("credssp")).run(("Compare-VM", {"Name": "web01", "DestinationHost": "hv03"}),
                                              ("Select-Object", {"ExpandProperty": "Incompatibilities"}),
                                              select("Message", "MessageId"))
    messages = answer.column("Message")
    assert len(messages) == 4
    assert "failed to register the configuration" in messages[2]
    assert f"does not have permission to open attachment '{DISK}'" in messages[3]


# --- virtual SANs ----------------------------------------------------------------------------------------------------

SANS = """
hosts:
  hv01:
    sans: [{name: Gold, note: fast}, Silver]
    vms: {a: {fibre_channel: [Gold]}}
users: {ops: {password: p}}
"""
NAMES = {"WorldWideNodeName": ["2000001B32A0F1C2"], "WorldWidePortName": ["21:00:00:1B:32:A0:F1:C2"]}


def test_virtual_sans_come_change_and_go() -> None:
    with world_of(SANS) as world:
        site = Site(world)
        assert [(one.get("Name"), one.get("Note")) for one in site.run(
            ("Get-VMSan", {}), select("Name", "Note")).output] == [("Gold", "fast"), ("Silver", "")]
        made = site.run(("New-VMSan", {"Name": "Bronze", **NAMES}), select("Name", "ResourcePoolType")).one
        assert (made.get("Name"), str(made.get("ResourcePoolType"))) == ("Bronze", "FibreChannelConnection")
        ports = site.run(("Get-VMSan", {"Name": "Bronze"}), ("Select-Object", {"ExpandProperty": "HBAs"}),
                         select("NodeAddress", "PortAddress")).one
        assert (ports.get("NodeAddress"), ports.get("PortAddress")) == ("2000001B32A0F1C2", "2100001B32A0F1C2")
        changed = site.run(("Set-VMSan", {"Name": "Silver", "Note": "slow", "Passthru": True, **NAMES}), select("Note"))
        assert changed.column("Note") == ["slow"]
        assert site.run(("Remove-VMSan", {"Name": "Bronze", "Confirm": False})).said == []
        assert site.run(("Get-VMSan", {}), select("Name")).column("Name") == ["Gold", "Silver"]


@pytest.mark.parametrize(("command", "given", "error_id"), [
    ("New-VMSan", {"Name": "gold", **NAMES}, "InvalidParameter"),
    ("New-VMSan", {"Name": "x", "WorldWideNodeName": ["12"], "WorldWidePortName": ["34"]}, "InvalidParameter"),
    ("Set-VMSan", {"Name": "x", **NAMES}, "InvalidParameter"),
    ("Remove-VMSan", {"Name": "x", "Confirm": False}, "InvalidParameter"),
    ("Remove-VMSan", {"Name": "Gold", "Confirm": False}, "ObjectInUse"),
])
def test_what_a_virtual_san_refuses(command: str, given: dict[str, Any], error_id: str) -> None:
    with world_of(SANS) as world:
        answer = Site(world).run((command, given))
        assert [one.partition(",")[0] for one in answer.ids] == [error_id]


def test_names_of_an_adapter() -> None:
    with world_of(SANS) as world:
        one = Site(world).run(("Get-VM", {}), ("Get-VMFibreChannelHba", {}), select(
            "SanName", "WorldWidePortNameSetA", "WorldWidePortNameSetB", "WorldWideNodeNameSetB")).one
        assert one.get("SanName") == "Gold"
        assert one.get("WorldWidePortNameSetA") != one.get("WorldWidePortNameSetB")
