"""Files: Get-Item, Get-ChildItem, Test-Path, on the host's own drives and on paths of shares that its files name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from winmigrate.lab.cmdlets.desk import Command, Desk, each, wildcard
from winmigrate.lab.cmdlets.fittings import certificates, on_certificates
from winmigrate.lab.cmdlets.shapes import Lazy, Reader
from winmigrate.lab.cmdlets.unc import denied, is_denied
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.fabric.files import FileEntry, fold, folder_of, leaf, letter_of

#: Kinds of entries that are links.
LINKS = ("SymbolicLink", "Junction")
_PROVIDER = "Microsoft.PowerShell.Core\\FileSystem::"


@dataclass(frozen=True, slots=True)
class Found:
    """A file (``entry``) or a folder, by its path."""

    desk: Desk
    path: str
    entry: FileEntry | None


def _attributes(found: Found) -> net.EnumValue:
    name, number = ("Directory", 16) if found.entry is None else ("Archive", 32)
    if found.entry is not None and found.entry.kind in LINKS:
        name, number = ("Directory, ReparsePoint", 1040) if found.entry.kind == "Junction" else (
            "Archive, ReparsePoint", 1056)
    return net.EnumValue("System.IO.FileAttributes", name, number)


def _extension(found: Found) -> str:
    name = leaf(found.path)
    return name[name.rindex("."):] if "." in name else ""


# The fabric keeps no dates of files: all are those of the host's last start.
_COMMON: dict[str, Reader] = {
    "Mode": lambda f: "d-----" if f.entry is None else "-a----",
    "BaseName": lambda f: leaf(f.path) if f.entry is None else leaf(f.path).removesuffix(_extension(f)),
    "Name": lambda f: leaf(f.path) or f.path,
    "Parent": lambda f: None,
    "Exists": lambda f: True,
    "FullName": lambda f: f.path,
    "Extension": _extension,
    "CreationTime": lambda f: f.desk.host.boot_time,
    "CreationTimeUtc": lambda f: f.desk.host.boot_time,
    "LastAccessTime": lambda f: f.desk.host.boot_time,
    "LastAccessTimeUtc": lambda f: f.desk.host.boot_time,
    "LastWriteTime": lambda f: f.desk.host.boot_time,
    "LastWriteTimeUtc": lambda f: f.desk.host.boot_time,
    "Attributes": _attributes,
    "LinkType": lambda f: f.entry.kind if f.entry is not None and f.entry.kind in LINKS else None,
}
_FILE: dict[str, Reader] = {
    **{name: reader for name, reader in _COMMON.items() if name != "Parent"},
    "Length": lambda f: net.Int64(f.entry.size),
    "DirectoryName": lambda f: folder_of(f.path),
    "IsReadOnly": lambda f: False,
}


def show(found: Found) -> net.PSObject:
    """The FileInfo or DirectoryInfo of what was found, with the notes that the file system's provider adds."""
    folder = found.entry is None
    parent = folder_of(found.path)
    notes: dict[str, Any] = {
        "PSPath": _PROVIDER + found.path,
        "PSParentPath": _PROVIDER + parent if parent else "",
        "PSChildName": leaf(found.path) or found.path,
        "PSIsContainer": folder,
    }
    name = "System.IO.DirectoryInfo" if folder else "System.IO.FileInfo"
    types = (name, "System.IO.FileSystemInfo", "System.MarshalByRefObject", "System.Object")
    return net.PSObject(types, Lazy(_COMMON if folder else _FILE, found), notes, found.path, found)


def find(desk: Desk, path: str) -> Found | None:
    """The file or folder at a path as written; None where there is none."""
    path = path.removeprefix(_PROVIDER)
    files = desk.host.files
    entry = files.get(path)
    if entry is not None:
        own = fold(entry.path) == fold(path)  # a file of a share has the path of the share, however it is asked for
        return Found(desk, entry.path if own else path.rstrip("\\"), entry)
    letter = letter_of(path)
    if letter is not None and len(fold(path)) == 3 and letter in desk.host.volumes:
        return Found(desk, f"{letter}:\\", None)
    folder = files.folder(path)
    return None if folder is None else Found(desk, folder, None)


def matching(desk: Desk, pattern: str) -> list[Found]:
    """The files and folders whose path fits a pattern, part by part."""
    parts = fold(pattern.removeprefix(_PROVIDER)).split("\\")
    compiled = [wildcard(part) for part in parts]

    def fits(path: str) -> bool:
        have = fold(path).split("\\")
        return len(have) == len(parts) and all(
            one.fullmatch(text) is not None if one is not None else part == text
            for one, part, text in zip(compiled, parts, have, strict=True)
        )

    with desk.world.lock:
        found = [Found(desk, folder, None) for folder in desk.host.files.folders() if fits(folder)]
        return found + [Found(desk, entry.path, entry) for entry in desk.host.files if fits(entry.path)]


def _not_found(desk: Desk, path: str) -> Error:
    automation = "System.Management.Automation."
    letter = letter_of(path)
    if letter is not None and letter not in desk.host.volumes:
        return Error(f"Cannot find drive. A drive with the name '{path[0]}' does not exist.", "DriveNotFound",
                     "ObjectNotFound", automation + "DriveNotFoundException", path[0])
    return Error(f"Cannot find path '{path}' because it does not exist.", "PathNotFound", "ObjectNotFound",
                 automation + "ItemNotFoundException", path)


def _asked(desk: Desk, call: Call) -> Iterator[Found | Error]:
    for given in each(call.get("LiteralPath")):
        if on_certificates(str(given)):
            continue
        if is_denied(desk, call.context, str(given)):
            yield denied(str(given))
            yield _not_found(desk, str(given))
        else:
            yield find(desk, str(given)) or _not_found(desk, str(given))
    for given in each(call.get("Path")):
        path = str(given)
        if on_certificates(path):
            continue
        if is_denied(desk, call.context, path):
            yield denied(path)
            yield _not_found(desk, path)
        elif wildcard(path) is not None:
            yield from matching(desk, path)
        else:
            yield find(desk, path) or _not_found(desk, path)


def get_item(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-Item: an error for each path that is not there."""
    for found in _asked(desk, call):
        yield found if isinstance(found, Error) else Output(show(found))


def test_path(desk: Desk, call: Call) -> Iterator[Effect]:
    """Test-Path: one Boolean a path."""
    kind = str(call.get("PathType") or "Any").lower()
    for given in (*each(call.get("LiteralPath")), *each(call.get("Path"))):
        path = str(given)
        if is_denied(desk, call.context, path):
            yield denied(path)
            yield Output(False)
            continue
        literal = "LiteralPath" in call.bound or wildcard(path) is None
        found = [one for one in [find(desk, path)] if one] if literal else matching(desk, path)
        yield Output(any(kind == "any" or (kind == "container") == (one.entry is None) for one in found))


def get_children(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-ChildItem of folders; -Recurse, -File, -Directory, -Filter and -Name."""
    pattern = str(call.get("Filter") or "*")
    for path in [str(one) for name in ("Path", "LiteralPath") for one in each(call.get(name))]:
        if on_certificates(path):
            yield from certificates(desk, path)
    for found in _asked(desk, call):
        if isinstance(found, Error):
            yield found
            continue
        for child in _children(found, bool(call.get("Recurse"))):
            if (call.get("File") and child.entry is None) or (call.get("Directory") and child.entry is not None):
                continue
            compiled = wildcard(pattern)
            name = leaf(child.path)
            if (compiled.fullmatch(name) is None) if compiled else name.lower() != pattern.lower():
                continue
            yield Output(child.path[len(found.path):].lstrip("\\") if call.get("Name") else show(child))


def _children(found: Found, deep: bool) -> list[Found]:
    if found.entry is not None:
        return [found]
    desk = found.desk
    own = desk.host.files.own_path(found.path).rstrip("\\")
    start = fold(own) + "\\"
    with desk.world.lock:
        folders = [(path, None) for path in sorted(desk.host.files.folders(), key=fold)
                   if fold(path).startswith(start) and fold(path) != start]
        entries = sorted(desk.host.files.below(found.path), key=lambda one: fold(one.path))
    rest = [*folders, *((entry.path, entry) for entry in entries)]
    base = found.path.rstrip("\\") if fold(own) != fold(found.path).rstrip("\\") else None
    return [Found(desk, path if base is None else base + path[len(own):], entry) for path, entry in rest
            if deep or "\\" not in fold(path)[len(start):]]


COMMANDS: dict[str, Command] = {
    "Get-Item": Command(get_item),
    "Get-ChildItem": Command(get_children),
    "Test-Path": Command(test_path),
}
