"""Rows of SMB: what a host says of its connections and its policy, and a file server of its shares and their rights."""

from __future__ import annotations

import ntpath
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from winmigrate.facts import Unreadable
from winmigrate.remoting.clixml.values import EnumValue
from winmigrate.request import Statement, command, select
from winmigrate.windows.row import BOOLEAN, TEXT, Kind, column, enumeration, projection
from winmigrate.windows.table import Table

#: All rights of a file or folder (FILE_ALL_ACCESS), and what a share's Full, Change and Read stand for.
FULL = 0x1F01FF
_CHANGE = 0x1301BF
_READ = 0x1200A9
_GENERIC_ALL = 0x10000000
#: GENERIC_READ, GENERIC_WRITE, GENERIC_EXECUTE as a file system maps them (FILE_GENERIC_*).
_GENERIC = {0x80000000: 0x120089, 0x40000000: 0x120116, 0x20000000: 0x1200A0}

#: FileSystemRights by name; Get-Acl gives the number too, which decides where it is there.
_RIGHTS = {
    "readdata": 0x1,
    "listdirectory": 0x1,
    "writedata": 0x2,
    "createfiles": 0x2,
    "appenddata": 0x4,
    "createdirectories": 0x4,
    "readextendedattributes": 0x8,
    "writeextendedattributes": 0x10,
    "executefile": 0x20,
    "traverse": 0x20,
    "deletesubdirectoriesandfiles": 0x40,
    "readattributes": 0x80,
    "writeattributes": 0x100,
    "write": 0x116,
    "delete": 0x10000,
    "readpermissions": 0x20000,
    "read": 0x20089,
    "readandexecute": 0x200A9,
    "modify": 0x301BF,
    "changepermissions": 0x40000,
    "takeownership": 0x80000,
    "synchronize": 0x100000,
    "fullcontrol": FULL,
}


def _rights(value: Any) -> int:
    if isinstance(value, EnumValue):
        return _expanded(value.value)
    if isinstance(value, int) and not isinstance(value, bool):
        return _expanded(value)
    if not isinstance(value, str):
        raise ValueError
    if value.strip().lstrip("-").isdigit():
        return _expanded(int(value))
    found = 0
    for name in value.split(","):
        if name.strip().lower() not in _RIGHTS:
            raise ValueError
        found |= _RIGHTS[name.strip().lower()]
    return found


def _expanded(mask: int) -> int:
    """Generic rights as the rights they stand for; a number may come signed."""
    if not -(2**31) <= mask < 2**32:
        raise ValueError
    mask &= 0xFFFFFFFF
    if mask & _GENERIC_ALL:
        mask |= FULL
    for generic, specific in _GENERIC.items():
        if mask & generic:
            mask |= specific
    return mask & FULL


def _flags(value: Any) -> tuple[str, ...]:
    text = value.name if isinstance(value, EnumValue) else value
    if not isinstance(text, str):
        raise ValueError
    return tuple(name for name in (part.strip() for part in text.split(",")) if name != "None")


#: Rights on a file or folder as a mask of 21 bits.
RIGHTS = Kind("rights of a file system", _rights)
FLAGS = Kind("names of flags", _flags)


# --- on a Hyper-V host -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SmbConnection:
    """Get-SmbConnection: a share that the host is connected to now; ``dialect`` as in "3.1.1", on 2012 "3.00"."""

    server_name: str | Unreadable = column("ServerName", TEXT)
    share_name: str | Unreadable = column("ShareName", TEXT)
    dialect: str | Unreadable = column("Dialect", TEXT)
    user_name: str | Unreadable | None = column("UserName", TEXT, nullable=True)


@dataclass(frozen=True, slots=True)
class SmbClient:
    """Get-SmbClientConfiguration. ``require_encryption`` came with 2025, which also requires signing by default."""

    require_security_signature: bool | Unreadable = column("RequireSecuritySignature", BOOLEAN)
    require_encryption: bool | Unreadable = column("RequireEncryption", BOOLEAN, since="2025")


SMB_CONNECTIONS = Table("smb_connections", SmbConnection, (command("Get-SmbConnection"),))
SMB_CLIENT = Table("smb_client", SmbClient, (command("Get-SmbClientConfiguration"),), single=True)

#: Of a Hyper-V host.
TABLES: tuple[Table[Any], ...] = (SMB_CONNECTIONS, SMB_CLIENT)


# --- on a file server --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SmbShare:
    """Get-SmbShare. ``path`` as the server itself has it; ``scope_name`` is "*" where the share is of no role."""

    name: str | Unreadable = column("Name", TEXT)
    scope_name: str | Unreadable | None = column("ScopeName", TEXT, nullable=True)
    path: str | Unreadable | None = column("Path", TEXT, nullable=True)
    encrypt_data: bool | Unreadable = column("EncryptData", BOOLEAN)
    continuously_available: bool | Unreadable = column("ContinuouslyAvailable", BOOLEAN)
    share_state: str | Unreadable = column("ShareState", enumeration("ShareState"))


@dataclass(frozen=True, slots=True)
class ShareAccess:
    """Get-SmbShareAccess: one entry. ``account_name`` as DOMAIN\\name, or a SID that nobody could resolve."""

    name: str | Unreadable = column("Name", TEXT)
    scope_name: str | Unreadable | None = column("ScopeName", TEXT, nullable=True)
    account_name: str | Unreadable = column("AccountName", TEXT)
    access_control_type: str | Unreadable = column("AccessControlType", enumeration("AccessControlType"))
    access_right: str | Unreadable = column("AccessRight", enumeration("ShareAccessRight"))


@dataclass(frozen=True, slots=True)
class SmbServer:
    """Get-SmbServerConfiguration."""

    encrypt_data: bool | Unreadable = column("EncryptData", BOOLEAN)
    reject_unencrypted_access: bool | Unreadable = column("RejectUnencryptedAccess", BOOLEAN)
    require_security_signature: bool | Unreadable = column("RequireSecuritySignature", BOOLEAN)
    enable_smb2_protocol: bool | Unreadable = column("EnableSMB2Protocol", BOOLEAN)


@dataclass(frozen=True, slots=True)
class AclEntry:
    """One entry of Get-Acl, in the order of the list. ``acl_path`` is the folder with its provider before it."""

    acl_path: str | Unreadable = column("AclPath", TEXT)
    identity_reference: str | Unreadable = column("IdentityReference", TEXT)
    access_control_type: str | Unreadable = column("AccessControlType", enumeration("AccessControlType"))
    file_system_rights: int | Unreadable = column("FileSystemRights", RIGHTS)
    is_inherited: bool | Unreadable = column("IsInherited", BOOLEAN)
    propagation_flags: tuple[str, ...] | Unreadable = column("PropagationFlags", FLAGS)

    @property
    def folder(self) -> str | Unreadable:
        """``acl_path`` without the provider: ``D:\\\\Shares\\\\VMs``."""
        path = self.acl_path
        return path if isinstance(path, Unreadable) else path.rpartition("::")[2]


@dataclass(frozen=True, slots=True)
class LocalMember:
    """Get-LocalGroupMember (2016 and later): a member of the server's own Administrators."""

    name: str | Unreadable = column("Name", TEXT)
    sid: str | Unreadable = column("SID", TEXT)


SHARES = Table("shares", SmbShare, (command("Get-SmbShare"),))
SHARE_ACCESS = Table("share_access", ShareAccess, (command("Get-SmbShare"), command("Get-SmbShareAccess")))
SMB_SERVER = Table("smb_server", SmbServer, (command("Get-SmbServerConfiguration"),), single=True)
ADMINISTRATORS = Table(
    "administrators", LocalMember, (command("Get-LocalGroupMember", SID="S-1-5-32-544"),), since="2016"
)

#: Of a file server; everything in them is there on every version.
SERVER_TABLES: tuple[Table[Any], ...] = (SHARES, SHARE_ACCESS, SMB_SERVER)


def acls(folders: Sequence[str], version: str) -> Statement:
    """The rights on these folders, as rows of :class:`AclEntry`; one that is not there is a non-terminating error."""
    renamed = {"Name": "AclPath", "Expression": "Path"}
    return Statement(
        (
            command("Get-Acl", LiteralPath=list(folders)),
            select(renamed, expand="Access"),
            projection(AclEntry, version),
        )
    )


# --- UNC paths ---------------------------------------------------------------------------------------------------


def share_of(path: str) -> tuple[str, str] | None:
    r"""Server and share of ``\\server\share\...``, also as ``\\?\UNC\server\share\...``; None for another path."""
    text = path.replace("/", "\\")
    if text[:8].upper() == "\\\\?\\UNC\\":
        text = "\\\\" + text[8:]
    if not text.startswith("\\\\") or text[2:4] in ("?\\", ".\\"):
        return None
    server, _, rest = text[2:].partition("\\")
    share = rest.partition("\\")[0]
    return (server, share) if server and share else None


def below_share(path: str) -> str:
    r"""What follows the share in a UNC path: ``web01\disk.vhdx``; empty for the share itself."""
    text = path.replace("/", "\\")
    if text[:8].upper() == "\\\\?\\UNC\\":
        text = "\\\\" + text[8:]
    return ntpath.normpath(text).lstrip("\\").partition("\\")[2].partition("\\")[2]
