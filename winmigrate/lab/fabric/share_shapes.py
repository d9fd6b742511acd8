"""What a fabric file may say of SMB: file servers, shares and their rights, and the SMB client of a host."""

from __future__ import annotations

from typing import Any

from winmigrate.facts.versions import VERSIONS
from winmigrate.lab.fabric.primitives import ADDRESS, FREE, PATH, RATE, SIZE, either, named, table
from winmigrate.lab.fabric.rights import MASKS
from winmigrate.marked import Key, Marked, Misfit, Shape, choice, entries, listing, one_or_more, truth, words

_FILE_RIGHTS = ("FullControl", "Modify", "ReadAndExecute", "Read", "Write")


def _mask(marked: Marked) -> int:
    name = choice(*_FILE_RIGHTS).read(marked)
    return MASKS[name]


_RIGHT: Shape[int] = Shape(_mask, choice(*_FILE_RIGHTS).schema)

ACCESS = either("right", choice("Full", "Change", "Read"), table(
    "Full, Change, Read, or a mapping such as {right: Full, kind: Deny}",
    right=Key(choice("Full", "Change", "Read"), True), kind=choice("Allow", "Deny")))

RULE = either("right", _RIGHT, table(
    f"one of {', '.join(_FILE_RIGHTS)}, or a mapping such as {{right: FullControl, kind: Deny}}",
    right=Key(_RIGHT, True), kind=choice("Allow", "Deny"), inherits=truth()))

FOLDER = table(
    "a mapping such as {rules: {CORP\\HV01$: FullControl}, inherit: false}",
    rules=entries(RULE, "a mapping from accounts to their rights"), inherit=truth(),
)

SHARE = table(
    "a mapping such as {path: 'D:\\Shares\\VMs', size: 4 TB, access: {CORP\\HV01$: Full}}",
    name=FREE, path=PATH, size=SIZE, used=SIZE, continuously_available=truth(), encrypt=truth(), online=truth(),
    description=FREE, access=entries(ACCESS, "a mapping from accounts to their rights on the share"),
    ntfs=entries(FOLDER, "a mapping from folders below the share (. for its root) to their rights"), owner=FREE,
    read=RATE, write=RATE, caching=choice("None", "Manual", "Documents", "Programs", "BranchCache"),
    files=entries(SIZE, "a mapping from paths below the share to sizes"),
)
SHARES = named(SHARE, "a mapping from names to shares")

_VENDOR: Shape[Any] = words("what it is, such as NetApp ONTAP 9")

#: What a dialect's number is in a file, where YAML may have read a number.
DIALECT = Shape(choice("2.0.2", "2.1", "3.0", "3.0.2", "3.1.1").read,
                {"enum": ["2.0.2", "2.1", "3.0", "3.0.2", "3.1.1", 2.1, 3.0]})


def _version(marked: Marked) -> str:
    return choice(*VERSIONS).read(marked)


FILE_SERVER = table(
    "a mapping such as {version: 2022, shares: {VMs: {size: 10 TB}}}",
    name=words(), fqdn=words(), version=Shape(_version, {"enum": [
        *VERSIONS, *(int(version) for version in VERSIONS if version.isdigit())]}),
    domain=words(), workgroup=truth(), kind=choice("windows", "nas"), vendor=_VENDOR, scale_out=truth(),
    dialect=DIALECT, encrypt=truth(), signing=choice("offered", "required", "unsupported"), shares=SHARES,
    addresses=one_or_more(ADDRESS, "addresses"), aliases=one_or_more(words(), "names"), reachable=truth(),
    administrators=listing(FREE), remote_management_users=listing(FREE), credssp=truth(),
)

_CATEGORIES = ("Default", "VirtualMachine", "LiveMigration")

SMB = table(
    "a mapping such as {require_signing: true, limits: {LiveMigration: 500 MB/s}}",
    require_signing=truth(), require_encryption=truth(), rdma=listing(FREE),
    limits=entries(RATE, "a mapping from categories of traffic to rates",
                   lambda key: None if key in _CATEGORIES else f"wanted: one of {', '.join(_CATEGORIES)}"),
)


def relative(marked: Marked, folder: str) -> str:
    """A folder below a share as rights are kept by it: "" for its root, folded. Raises Misfit for a path."""
    text = folder.replace("/", "\\").strip("\\")
    if ":" in text:
        raise Misfit(marked.fault("wanted: a folder below the share, such as web01"))
    return "" if text == "." else text.lower()
