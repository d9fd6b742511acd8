"""Paths on a destination, and the placeholder ``{vm}``."""

from __future__ import annotations

import re

from winmigrate.errors import did_you_mean
from winmigrate.marked import shown

PLACEHOLDERS = ("vm",)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|COM[1-9]|LPT[1-9])(?:\..*)?", re.IGNORECASE)
_FORBIDDEN = '<>"|?*:'
_DISK = (".vhdx", ".vhd", ".avhdx", ".avhd", ".vhds", ".vhdset")


def parse_path(text: str) -> str:
    r"""An absolute path such as ``D:\VMs\{vm}`` (a drive's, or a share's as a UNC path), without a trailing backslash.

    Raises ValueError with what would be right: relative, another host's drive (``\\host\d$``), forward slashes,
    device paths, ``..``, characters and names that Windows does not allow, unknown placeholders.
    """
    check_placeholders(text)
    if text.startswith(("\\\\?\\", "\\\\.\\")):
        raise ValueError(f"{shown(text)} is a device path; wanted: a path on a drive, such as D:\\VMs")
    if "/" in text:
        raise ValueError(f"{shown(text)} has forward slashes; wanted: {_backslashed(text)}")
    if text.startswith("\\\\"):
        return _share(text)
    drive = re.match(r"[A-Za-z]:", text)
    if drive is None:
        raise ValueError(f"{shown(text)} is no absolute path; wanted: one that begins with a drive, such as D:\\VMs")
    rest = text[2:]
    if not rest.startswith("\\"):
        message = f"{shown(text)} is relative to wherever that drive stands; wanted: {drive[0]}\\{rest}"
        raise ValueError(message)
    _check_parts(text, rest.strip("\\"))
    return drive[0].upper() + "\\" + rest.strip("\\")


def _share(text: str) -> str:
    parts = text[2:].rstrip("\\").split("\\")
    if len(parts) < 2 or not parts[0] or not parts[1]:
        raise ValueError(f"{shown(text)} names no share; wanted: such as \\\\sofs\\vms\\{{vm}}")
    if re.fullmatch(r"[A-Za-z]\$|ADMIN\$|IPC\$", parts[1], re.IGNORECASE):
        drive = f"{parts[1][0].upper()}:\\" + "\\".join(parts[2:])
        hint = f"the path as that host sees it, {drive}" if len(parts[1]) == 2 else "a share made for VMs"
        raise ValueError(f"{shown(text)} is an administrative share, which holds no running VM; wanted: {hint}")
    _check_parts(text, "\\".join(parts[1:]))
    return "\\\\" + "\\".join(parts)


def _backslashed(text: str) -> str:
    return text.replace("/", "\\")


def _check_parts(text: str, rest: str) -> None:
    for part in rest.split("\\") if rest else []:
        bare = _PLACEHOLDER.sub("x", part)
        if not part:
            raise ValueError(f"{shown(text)} has two backslashes in a row; wanted: one")
        if part in (".", ".."):
            raise ValueError(f"{shown(text)} goes by way of {part}; wanted: the path written out")
        if part != part.rstrip(" ."):
            raise ValueError(f"{shown(part)} ends in a space or dot, which Windows drops; wanted: without")
        wrong = next((char for char in bare if char in _FORBIDDEN or char < " "), None)
        if wrong is not None:
            raise ValueError(f"{shown(wrong)} cannot stand in a path; wanted: a path that Windows allows")
        if _RESERVED.fullmatch(bare):
            raise ValueError(f"{shown(part)} is a device's name on Windows; wanted: another")


def parse_leaf(text: str) -> str:
    """The name of a virtual disk's file, without a folder. Raises ValueError."""
    if "\\" in text or "/" in text:
        raise ValueError(f"{shown(text)} is a path; wanted: the disk's file name alone, such as data.vhdx")
    if not is_disk_file(text):
        raise ValueError(f"{shown(text)} is no virtual disk's file name; wanted: such as data.vhdx")
    return text


def is_disk_file(path: str) -> bool:
    """Does this path name a virtual disk's file, and no folder?"""
    return path.lower().endswith(_DISK)


def check_placeholders(text: str) -> None:
    """Raises ValueError unless braces hold nothing but the known placeholders."""
    for word in _PLACEHOLDER.findall(text):
        if word not in PLACEHOLDERS:
            near = did_you_mean(word.lower(), PLACEHOLDERS)
            raise ValueError(f"{shown('{' + word + '}')} is no placeholder; wanted: {{vm}}, the VM's name{near}")
    if any(brace in _PLACEHOLDER.sub("", text) for brace in "{}"):
        raise ValueError(f"{shown(text)} has a brace on its own; wanted: {{vm}}, the VM's name, or none")


def filled(text: str, vm_name: str) -> str:
    """``text`` with the VM's name in the placeholders."""
    return text.replace("{vm}", vm_name)


def name_in_path_fault(vm_name: str) -> str | None:
    """Why a VM's name cannot stand where ``{vm}`` stands in a path; None if it can."""
    wrong = next((char for char in vm_name if char in _FORBIDDEN + "\\/" or char < " "), None)
    if wrong is not None:
        return f"{shown(wrong)} cannot stand in a path"
    if not vm_name.strip() or vm_name != vm_name.rstrip(" .") or vm_name != vm_name.lstrip(" "):
        return "it begins or ends with a space or a dot, which Windows drops"
    if _RESERVED.fullmatch(vm_name):
        return "it is a device's name on Windows"
    return None
