"""A host's files: Windows paths without regard to case, sizes, and what a VHD is.

A size may still grow while a move writes: ``FileEntry.size`` is what the file takes on its volume now.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Vhd:
    """What Get-VHD tells of a file. ``kind``: Fixed, Dynamic, Differencing; ``format``: VHD, VHDX, VHDSet.

    ``size`` is what the guest sees, ``parent`` the path of the parent of a differencing disk.
    """

    size: int
    kind: str = "Dynamic"
    format: str = "VHDX"
    parent: str | None = None
    identifier: uuid.UUID = field(default_factory=uuid.uuid4)
    minimum_size: int | None = None
    block_size: int = 32 * 1024**2
    logical_sector: int = 512
    physical_sector: int = 4096


@dataclass(slots=True, eq=False)
class FileEntry:
    """``kind``: vhd, config, state, iso, file. ``partial``: a copy that never ended."""

    path: str
    size: int
    kind: str = "file"
    vhd: Vhd | None = None
    partial: bool = False


def fold(path: str) -> str:
    """The form in which two paths are compared: lower case, backslashes, no backslash at the end but a root's."""
    text = path.replace("/", "\\").lower()
    while len(text) > 3 and text.endswith("\\"):
        text = text[:-1]
    return text


def join(folder: str, *parts: str) -> str:
    """A Windows path of a folder and what is below it."""
    return "\\".join([folder.rstrip("\\/"), *(part.strip("\\/") for part in parts)])


def leaf(path: str) -> str:
    """The last part of a path."""
    return path.replace("/", "\\").rstrip("\\").rpartition("\\")[2]


def folder_of(path: str) -> str:
    """All but the last part of a path; a root keeps its backslash."""
    head = path.replace("/", "\\").rstrip("\\").rpartition("\\")[0]
    return head + "\\" if len(head) == 2 and head.endswith(":") else head


def letter_of(path: str) -> str | None:
    """The drive letter of a path in upper case; None for a UNC or relative path."""
    return path[0].upper() if len(path) >= 2 and path[1] == ":" and path[0].isalpha() else None


class Files:
    """Files and folders by path. A file's folders come to be with it.

    What is mounted at a folder is the files of all hosts that have it there: a cluster shared volume, a share. One that
    is not ``online`` shows nothing. The same files may be mounted under several roots: they keep the paths of one.
    """

    def __init__(self) -> None:
        self._files: dict[str, FileEntry] = {}
        self._folders: dict[str, str] = {}
        self._mounts: list[tuple[str, Files, str]] = []
        self.online = True

    def mount(self, root: str, files: Files, within: str | None = None) -> None:
        """Shows ``files`` from now on at ``root``. Their own paths begin with ``within``; with ``root`` if None."""
        self.make_folder(root)
        files.make_folder(within or root)
        self._mounts.append((fold(root), files, within or root))

    def unmount(self, root: str) -> None:
        """Shows what is mounted there no more."""
        self._mounts = [mount for mount in self._mounts if mount[0] != fold(root)]

    def _at(self, path: str) -> tuple[Files, str]:
        """Whose file a path is, and the path that it has there."""
        folded = fold(path) if self._mounts else path
        for root, files, within in self._mounts:
            if folded.startswith(root) and folded[len(root):len(root) + 1] in ("", "\\"):
                if not files.online:
                    return _NOTHING, path
                return files, path if fold(within) == root else within.rstrip("\\") + path[len(root):]
        return self, path

    def own_path(self, path: str) -> str:
        """A path as the files there have it, where it is spelled as another root of what is mounted."""
        return self._at(path)[1]

    def _seen(self) -> list[Files]:
        if not self._mounts:
            return [self]
        mounted = {id(files): files for _, files, _ in self._mounts if files.online}
        return [self, *mounted.values()]

    def add(self, entry: FileEntry) -> FileEntry:
        """Puts a file (and its folders) there; one of the same path is replaced."""
        there, path = self._at(entry.path)
        if there is _NOTHING:
            return entry  # lost: the volume is not there
        there._files[fold(path)] = entry
        there.make_folder(folder_of(path))
        return entry

    def make_folder(self, path: str) -> None:
        """Makes a folder and those above it."""
        there, own = self._at(path)
        if there is not self:
            if there is not _NOTHING:
                there.make_folder(own)
            return
        while path and fold(path) not in self._folders:
            self._folders[fold(path)] = path.rstrip("\\") if len(path) > 3 else path
            above = folder_of(path)
            if above == path:
                return
            path = above

    def get(self, path: str) -> FileEntry | None:
        there, own = self._at(path)
        return there._files.get(fold(own))

    def __contains__(self, path: str) -> bool:
        return self.get(path) is not None

    def is_folder(self, path: str) -> bool:
        return self.folder(path) is not None or fold(path) in self._folders

    def folder(self, path: str) -> str | None:
        """A folder's path as it was spelled when it was made; None where there is none."""
        there, own = self._at(path)
        found = there._folders.get(fold(own))
        return found if found is None or fold(own) == fold(path) else path.rstrip("\\")

    def remove(self, path: str) -> FileEntry | None:
        """Takes a file away (its folders stay); gives it, or None if there was none."""
        there, own = self._at(path)
        return there._files.pop(fold(own), None)

    def below(self, path: str) -> list[FileEntry]:
        """The files below a folder, however deep."""
        there, own = self._at(path)
        start = fold(own).rstrip("\\") + "\\"
        seen = self._seen() if there is self else [there]
        return [entry for files in seen for key, entry in files._files.items() if key.startswith(start)]

    def used(self, letter: str) -> int:
        """Bytes that the files on a volume take: its own and those of its shares; what is mounted from elsewhere in one
        of its folders takes none there.
        """
        start = letter.lower() + ":"
        shared = {id(files): files for root, files, within in self._mounts
                  if root.startswith(start) and within.startswith("\\\\")}
        own = sum(entry.size for key, entry in self._files.items() if key.startswith(start))
        return own + sum(files.total() for files in shared.values())

    def total(self) -> int:
        """Bytes that its own files take, wherever they are."""
        return sum(entry.size for entry in self._files.values())

    def own(self) -> list[FileEntry]:
        """Its own files, without those of what is mounted."""
        return list(self._files.values())

    def folders(self) -> list[str]:
        found = {key: path for files in self._seen() for key, path in files._folders.items()}
        return list(found.values())

    def __iter__(self) -> Iterator[FileEntry]:
        return iter([entry for files in self._seen() for entry in files._files.values()])

    def __len__(self) -> int:
        return sum(len(files._files) for files in self._seen())

    def chain(self, path: str) -> list[FileEntry]:
        """A VHD and its parents, leaf first, as far as they are there. A loop ends where it closes."""
        found: list[FileEntry] = []
        seen: set[str] = set()
        step: str | None = path
        while step is not None and fold(step) not in seen:
            seen.add(fold(step))
            entry = self.get(step)
            if entry is None:
                break
            found.append(entry)
            step = entry.vhd.parent if entry.vhd else None
        return found


_NOTHING = Files()
