"""Rights on shares and in file systems, by Windows' names and as its masks."""

from __future__ import annotations

from dataclasses import dataclass

#: FILE_ALL_ACCESS.
FULL = 0x1F01FF

#: What a share's rights stand for, and names that people write for those of a file system. "write" is what Change has
#: beyond Read.
MASKS = {
    "Full": FULL, "Change": 0x1301BF, "Read": 0x1200A9, "write": 0x1301BF & ~0x1200A9,
    "FullControl": FULL, "Modify": 0x1301BF, "ReadAndExecute": 0x1200A9, "Write": 0x100116,
}

#: FileSystemRights as .NET names it. A number is written as the names that make it up, the widest found first.
NAMES = (
    (0x1F01FF, "FullControl"), (0x100000, "Synchronize"), (0x80000, "TakeOwnership"), (0x40000, "ChangePermissions"),
    (0x301BF, "Modify"), (0x200A9, "ReadAndExecute"), (0x20089, "Read"), (0x20000, "ReadPermissions"),
    (0x10000, "Delete"), (0x116, "Write"), (0x100, "WriteAttributes"), (0x80, "ReadAttributes"),
    (0x40, "DeleteSubdirectoriesAndFiles"), (0x20, "ExecuteFile"), (0x10, "WriteExtendedAttributes"),
    (0x8, "ReadExtendedAttributes"), (0x4, "AppendData"), (0x2, "CreateFiles"), (0x1, "ReadData"),
)


@dataclass(frozen=True, slots=True)
class ShareAccess:
    """An entry of a share's rights. ``right``: Full, Change, Read; ``kind``: Allow or Deny."""

    account: str
    right: str = "Full"
    kind: str = "Allow"


@dataclass(frozen=True, slots=True)
class AccessRule:
    """A rule of a folder's list. ``mask``: of file rights. ``inherits``: it goes on to what is below; ``inherit_only``:
    it counts there alone.
    """

    account: str
    mask: int = FULL
    kind: str = "Allow"
    inherits: bool = True
    inherit_only: bool = False


def text_of(mask: int) -> str:
    """A mask as FileSystemRights writes it: ``Modify, Synchronize``; the bare number where bits have no names."""
    left, names = mask & 0xFFFFFFFF, []
    if not left:
        return "0"
    for bits, name in NAMES:
        if left & bits == bits:
            names.append(name)
            left &= ~bits
    if left:
        return str(mask if mask < 2**31 else mask - 2**32)
    return ", ".join(reversed(names))
