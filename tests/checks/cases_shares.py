"""Cases of VMs whose files lie on shares: web01 on \\\\fs01\\vms, for which both hosts have all rights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.checks.case import Case, drop, put, refused, rows
from tests.checks.world import DISKS, VM, WEB, Chains, Change, World, denied, drive, vhd
from tests.survey.hosts import Failure
from winmigrate.checks import Outcome
from winmigrate.errors import CannotConnect
from winmigrate.facts.versions import BUILDS
from winmigrate.inventory.types import FileServer
from winmigrate.playbook.types import StorageWish
from winmigrate.remoting.clixml.values import EnumValue, PSObject
from winmigrate.request import Statement

P, F, U, W = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.PENDING

FOLDER = "\\\\fs01\\vms\\web01"
ROOT = "D:\\Shares\\VMs"
ACCESS = "Get-SmbShare | Get-SmbShareAccess"
ACL = "Get-Acl | expand Access"
_NO_PATH = "GetAcl_PathNotFound_Exception,Microsoft.PowerShell.Commands.GetAclCommand"
FULL_CONTROL = EnumValue("FullControl", 0x1F01FF)
MODIFY = EnumValue("Modify, Synchronize", 0x1301BF)


def access(account: str, right: str = "Full", kind: str = "Allow", share: str = "vms") -> dict[str, Any]:
    """An entry of a share."""
    return {
        "Name": share,
        "ScopeName": "*",
        "AccountName": account,
        "AccessControlType": EnumValue(kind, 0 if kind == "Allow" else 1),
        "AccessRight": EnumValue(right, ["Full", "Change", "Read", "Custom"].index(right)),
    }


def entry(account: str, rights: Any = FULL_CONTROL, kind: str = "Allow", **more: Any) -> dict[str, Any]:
    """An entry of a folder."""
    return {
        "IdentityReference": PSObject(("System.Security.Principal.NTAccount",), account, {"Value": account}),
        "AccessControlType": EnumValue(kind, 0 if kind == "Allow" else 1),
        "FileSystemRights": rights,
        "IsInherited": True,
        "PropagationFlags": EnumValue("None", 0),
        **more,
    }


class Acls:
    """Get-Acl: the same entries for every folder but those of ``own``; None: there is no such folder."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.entries: list[Any] = list(entries)
        self.own: dict[str, list[Any] | None] = {}

    def __call__(self, asked: Statement) -> Iterator[Any]:
        for path in asked.commands[0].parameter("LiteralPath"):
            found = self.own.get(path.lower(), self.entries)
            if found is None:
                text = f"Cannot find path '{path}' because it does not exist."
                yield Failure(text, _NO_PATH, 13)
                continue
            there = {"AclPath": f"Microsoft.PowerShell.Core\\FileSystem::{path}"}
            yield from ({**there, **one} if isinstance(one, dict) else one for one in found)


def file_server() -> dict[str, Any]:
    """fs01, by its answers."""
    return {
        "Win32_OperatingSystem": [{"BuildNumber": str(BUILDS["2022"]), "ProductType": 3}],
        "Win32_ComputerSystem": [{"Name": "FS01", "Domain": "corp.example", "PartOfDomain": True}],
        "Get-SmbShare": [
            {
                "Name": "vms",
                "ScopeName": "*",
                "Path": ROOT,
                "EncryptData": False,
                "ContinuouslyAvailable": False,
                "ShareState": EnumValue("Online", 1),
            }
        ],
        ACCESS: [access("BUILTIN\\Administrators"), access("CORP\\HV01$"), access("CORP\\HV02$")],
        "Get-SmbServerConfiguration": [
            {"EncryptData": False, "RejectUnencryptedAccess": True, "RequireSecuritySignature": False}
        ],
        ACL: Acls(entry("BUILTIN\\Administrators"), entry("CORP\\HV01$"), entry("CORP\\HV02$")),
        "Get-LocalGroupMember": [
            {"Name": "FS01\\Administrator", "SID": "S-1-5-21-9-9-9-500"},
            {"Name": "CORP\\Domain Admins", "SID": "S-1-5-21-1-2-3-512"},
        ],
    }


def on_share(world: World) -> None:
    """web01 lies on a share, and stays there."""
    world.storage = StorageWish()
    paths = dict.fromkeys(("Path", "ConfigurationLocation", "SnapshotFileLocation", "SmartPagingFilePath"), FOLDER)
    world.put("hv01", VM, **paths)
    disk = f"{FOLDER}\\web01.vhdx"
    world.set("hv01", DISKS, drive(WEB, disk))
    world.answers["hv01"]["Get-VHD"] = Chains(vhd(disk))
    for host in ("hv01", "hv02"):
        world.set(host, "Get-SmbConnection", connection())
    world.answers["fs01"] = file_server()
    world.file_servers = {"fs01": FileServer("fs01", "fs01.corp.example")}


def connection(dialect: str = "3.1.1", server: str = "fs01") -> dict[str, Any]:
    return {"ServerName": server, "ShareName": "vms", "Dialect": dialect, "UserName": "CORP\\HV01$"}


def shared(*changes: Change) -> Change:
    """The share, and then these changes."""

    def change(world: World) -> None:
        on_share(world)
        for each in changes:
            each(world)

    return change


def paths(**cells: str) -> Change:
    return put("hv01", VM, **cells)


def server(**more: Any) -> Change:
    def change(world: World) -> None:
        world.file_servers = {"fs01": FileServer("fs01", "fs01.corp.example", **more)}

    return change


def no_entry(world: World) -> None:
    world.file_servers = {}


def down(world: World) -> None:
    world.down["fs01"] = CannotConnect("fs01", "no route to host")


def acl(*entries: dict[str, Any], folder: str = "") -> Change:
    """The entries of all folders, or of one."""

    def change(world: World) -> None:
        answer = world.answers["fs01"][ACL]
        if folder:
            answer.own[folder.lower()] = list(entries)
        else:
            answer.entries = list(entries)

    return change


def no_folder(world: World) -> None:
    world.answers["fs01"][ACL].own[f"{ROOT}\\web01".lower()] = None


def group(*members: str) -> Change:
    """A group of the domain with these computers in it, through another group."""

    def change(world: World) -> None:
        world.domain.add("group", "HV-Hosts", 2101, "CN=Users")
        world.domain.add("group", "Rack-A", 2102, "CN=Users", groups=("HV-Hosts",))
        for member in members:
            world.domain.entries[member].groups.append("Rack-A")

    return change


def no_directory(world: World) -> None:
    world.directory = None


def version(host: str, windows: str) -> Change:
    return lambda world: world.version(host, windows)


def explicit(world: World) -> None:
    world.kind = "shared-smb"


def both(windows: str) -> Change:
    def change(world: World) -> None:
        world.version("hv01", windows)
        world.version("hv02", windows)

    return change


_BOTH = ("CORP\\HV01$", "CORP\\HV02$")
_HOSTS = "CORP\\HV-Hosts"
_GRANT = "Grant-SmbShareAccess -Name 'vms' -AccountName 'CORP\\HV02$' -AccessRight Full -Force"

CASES: list[Case] = [
    Case("smb-all-files-unc", P, on_share, "on \\\\fs01\\vms"),
    Case(
        "smb-all-files-unc", F, shared(explicit, paths(SmartPagingFilePath="D:\\Paging")),
        "web01 has files on hv01 itself: smart paging in D:\\Paging",
        f"Get-VM -Id {WEB} | Move-VMStorage -DestinationStoragePath '\\\\fs01\\vms\\web01'",
    ),
    Case("smb-all-files-unc", F, explicit, "configuration in D:\\VMs\\web01", "Move-VMStorage"),
    Case(
        "smb-all-files-unc", U, shared(explicit, drop("hv01", VM, "SnapshotFileLocation")),
        "where the checkpoints of web01 lie cannot be read",
    ),
    Case("smb-all-files-unc", U, shared(explicit, refused("hv01", DISKS)), "the virtual disks of web01 cannot be read"),
    # --- dialect
    Case("smb-dialect", P, on_share, "hv01 speaks SMB 3.1.1 with fs01; hv02 speaks SMB 3.1.1 with fs01"),
    Case("smb-dialect", P, shared(rows("hv02", "Get-SmbConnection", connection("3.00", "FS01.corp.example"))), "3.00"),
    Case(
        "smb-dialect", F, shared(rows("hv02", "Get-SmbConnection", connection("2.1"))), "hv02 speaks SMB 2.1 with fs01",
        "Set-SmbServerConfiguration -EnableSMB2Protocol $true",
    ),
    Case(
        "smb-dialect", W, shared(rows("hv02", "Get-SmbConnection", connection(server="fs02"))),
        "hv02 has no connection to fs01 that would tell",
    ),
    Case("smb-dialect", W, shared(refused("hv01", "Get-SmbConnection")), "the SMB connections of hv01 cannot be read"),
    Case("smb-dialect", W, shared(rows("hv01", "Get-SmbConnection", connection("new"))), "no dialect that is known"),
    Case("smb-dialect", W, shared(explicit, refused("hv01", DISKS, VM)), "web01 on hv01 cannot be read"),
    # --- loop-back
    Case("smb-no-loopback", P, on_share, "\\\\fs01\\vms is on FS01"),
    Case(
        "smb-no-loopback", F, shared(put("fs01", "Win32_ComputerSystem", Name="HV02")),
        "\\\\fs01\\vms is on hv02, the destination itself", "a share of another machine",
    ),
    Case("smb-no-loopback", U, shared(no_entry), "the inventory does not know it",
         needs="an entry for fs01 under file_servers in the inventory"),
    Case("smb-no-loopback", U, shared(drop("fs01", "Win32_ComputerSystem", "Name")), "the name of fs01 cannot be read"),
    # --- rights on the share
    Case("smb-share-acl", P, on_share, "CORP\\HV01$, CORP\\HV02$ have Full on \\\\fs01\\vms"),
    Case("smb-share-acl", P, shared(rows("fs01", ACCESS, access("Everyone"))), "have Full"),
    Case("smb-share-acl", P, shared(rows("fs01", ACCESS, access("CORP\\Domain Computers"))), "have Full"),
    Case("smb-share-acl", P, shared(group("HV01$", "HV02$"), rows("fs01", ACCESS, access(_HOSTS))), "have Full"),
    Case(
        "smb-share-acl", F, shared(rows("fs01", ACCESS, access("BUILTIN\\Administrators"), access("CORP\\HV01$"))),
        "CORP\\HV02$ does not have Full on \\\\fs01\\vms", _GRANT,
    ),
    Case(
        "smb-share-acl", F, shared(group("HV01$"), rows("fs01", ACCESS, access(_HOSTS))),
        "CORP\\HV02$ does not have Full", _GRANT,
    ),
    Case(
        "smb-share-acl", F, shared(rows("fs01", ACCESS, access("Everyone", "Change"))),
        "CORP\\HV01$, CORP\\HV02$ do not have Full", "'CORP\\HV01$', 'CORP\\HV02$'",
    ),
    Case(
        "smb-share-acl", F,
        shared(group("HV02$"), rows("fs01", ACCESS, access("Everyone"), access(_HOSTS, "Read", "Deny"))),
        "denied by an entry of CORP\\HV-Hosts",
        "Unblock-SmbShareAccess -Name 'vms' -AccountName 'CORP\\HV-Hosts' -Force",
    ),
    Case("smb-share-acl", F, shared(rows("fs01", "Get-SmbShare")), "fs01 has no share vms", "make the share"),
    Case("smb-share-acl", F, shared(put("fs01", "Get-SmbShare", ShareState=EnumValue("Offline", 2))), "is offline"),
    Case(
        "smb-share-acl", U, shared(no_directory, rows("fs01", ACCESS, access(_HOSTS))),
        "hangs on CORP\\HV-Hosts, whose members are not known", needs="a directory in the inventory",
    ),
    Case(
        "smb-share-acl", U,
        shared(no_directory, rows("fs01", ACCESS, access("Everyone"), access(_HOSTS, "Full", "Deny"))), "hangs on",
    ),
    Case("smb-share-acl", U, shared(refused("fs01", ACCESS)), "the rights on \\\\fs01\\vms cannot be read"),
    Case("smb-share-acl", U, shared(rows("fs01", ACCESS, access("Everyone"), denied())), "could not be read"),
    Case("smb-share-acl", U, shared(rows("fs01", ACCESS, {**access(_HOSTS), "ScopeName": True})), "cannot be read"),
    Case("smb-share-acl", U, shared(no_entry), needs="an entry for fs01 under file_servers in the inventory"),
    Case("smb-share-acl", U, shared(server(vendor="NetApp ONTAP 9.13")), "it is NetApp ONTAP 9.13"),
    Case("smb-share-acl", U, shared(down), "no route to host", needs="a connection to fs01"),
    # --- rights on the folders
    Case("smb-ntfs-acl", P, on_share, f"both have full control of {ROOT}, {ROOT}\\web01"),
    Case(
        "smb-ntfs-acl", F,
        shared(acl(entry("BUILTIN\\Administrators"), entry("CORP\\HV01$"), folder=f"{ROOT}\\web01")),
        f"CORP\\HV02$ does not have full control of {ROOT}\\web01 of fs01",
        f'icacls "{ROOT}\\web01" /grant "CORP\\HV02$:(OI)(CI)F"',
    ),
    Case(
        "smb-ntfs-acl", F, shared(acl(*(entry(account, MODIFY) for account in _BOTH))),
        "do not have full control of D:\\Shares\\VMs of fs01, D:\\Shares\\VMs\\web01 of fs01", "icacls",
    ),
    Case(
        "smb-ntfs-acl", F, shared(acl(*map(entry, _BOTH), entry("CORP\\HV02$", kind="Deny", IsInherited=False))),
        "denied by an entry of CORP\\HV02$", '/remove:d "CORP\\HV02$"',
    ),
    Case(
        "smb-ntfs-acl", P,
        shared(acl(*(entry(one, IsInherited=False) for one in _BOTH), entry("CORP\\HV02$", kind="Deny"))),
        "both have full control",
    ),
    Case(
        "smb-ntfs-acl", F,
        shared(acl(*(entry(one, PropagationFlags=EnumValue("InheritOnly", 2)) for one in _BOTH))), "do not have",
        "icacls",
    ),
    Case("smb-ntfs-acl", P, shared(acl(*(entry(one, 0x10000000) for one in _BOTH))), "both have full control"),
    Case("smb-ntfs-acl", U, shared(refused("fs01", ACL)), f"the rights on {ROOT} of fs01 cannot be read"),
    Case("smb-ntfs-acl", U, shared(no_folder), "because it does not exist"),
    Case("smb-ntfs-acl", U, shared(no_directory, acl(entry(_HOSTS))), "hangs on CORP\\HV-Hosts"),
    Case("smb-ntfs-acl", U, shared(acl(*map(entry, _BOTH), {"IdentityReference": "x"})), "cannot be read"),
    # --- what the server is
    Case("smb-third-party-nas", P, on_share, "fs01 runs Windows Server 2022"),
    Case(
        "smb-third-party-nas", F, shared(server(vendor="NetApp ONTAP 9.13")), "fs01 is NetApp ONTAP 9.13",
        "accept smb-third-party-nas",
    ),
    Case("smb-third-party-nas", U, shared(no_entry), "the inventory does not know it"),
    Case("smb-third-party-nas", U, shared(down), "the Windows of fs01 cannot be read"),
    # --- policy
    Case("smb-signing-encryption", P, both("2022"), "neither signing nor encryption"),
    Case("smb-signing-encryption", P, shared(both("2022")), "neither signing nor encryption"),
    Case(
        "smb-signing-encryption", F,
        shared(both("2025"), put("hv02", "Get-SmbClientConfiguration", RequireSecuritySignature=True)),
        "hv02 requires SMB signing, hv01 does not", "Set-SmbClientConfiguration -RequireSecuritySignature $true -Force",
    ),
    Case(
        "smb-signing-encryption", F,
        shared(both("2025"), put("hv01", "Get-SmbClientConfiguration", RequireEncryption=True)),
        "hv01 requires SMB encryption, hv02 does not", "require encryption on both or on neither",
    ),
    Case(
        "smb-signing-encryption", U, shared(both("2025"), refused("hv02", "Get-SmbClientConfiguration")),
        "the SMB policy of hv02 cannot be read",
    ),
]  # fmt: skip
