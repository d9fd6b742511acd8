"""The folder of a run: ``runs/20261125-0211-k3f9``, open to its owner alone."""

from __future__ import annotations

import datetime as dt
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from winmigrate.errors import DocumentError, UsageError, did_you_mean

#: Letters and digits that are not taken for one another when read aloud.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_RUN_ID = re.compile(rf"\d{{8}}-\d{{4}}-[{_ALPHABET}]{{4}}")
_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run's folder and its id, which is the folder's name."""

    path: Path
    run_id: str


def create_run_folder(base: Path | str, now: dt.datetime) -> RunFolder:
    """Makes a new folder in ``base`` (made too if need be), both mode 0700. ``now`` names it: aware, shown as it is.

    Raises DocumentError: cannot be made.
    """
    place = Path(base)
    try:
        if not place.is_dir():
            place.mkdir(parents=True)
            place.chmod(0o700)
        for _ in range(_ATTEMPTS):
            run_id = f"{now:%Y%m%d-%H%M}-" + "".join(secrets.choice(_ALPHABET) for _ in range(4))
            path = place / run_id
            try:
                os.mkdir(path, 0o700)
            except FileExistsError:
                continue
            path.chmod(0o700)  # whatever the umask took
            return RunFolder(path, run_id)
    except OSError as error:
        raise DocumentError(f"{place}: no run folder can be made here: {error.strerror or error}") from error
    raise DocumentError(f"{place}: no free run id for {now:%Y%m%d-%H%M}")


def run_folders(base: Path | str) -> tuple[RunFolder, ...]:
    """The runs in ``base``, oldest first; none if it does not exist."""
    place = Path(base)
    if not place.is_dir():
        return ()
    found = [path for path in place.iterdir() if _RUN_ID.fullmatch(path.name) and path.is_dir()]
    return tuple(RunFolder(path, path.name) for path in sorted(found))


def open_run_folder(base: Path | str, run: str) -> RunFolder:
    """The folder of a run by its id, the beginning or end of its id if that names one, or its path.

    Raises UsageError: no such run, or several.
    """
    known = run_folders(base)
    for folder in known:
        if folder.run_id == run:
            return folder
    path = Path(run)
    if _RUN_ID.fullmatch(path.name) and path.is_dir():
        return RunFolder(path, path.name)
    near = [one for one in known if run and (one.run_id.startswith(run) or one.run_id.endswith(f"-{run}"))]
    if len(near) == 1:
        return near[0]
    if near:
        raise UsageError(f'"{run}" could be any of {", ".join(one.run_id for one in near)}')
    raise UsageError(f'no run "{run}" in {base}{did_you_mean(run, [one.run_id for one in known])}')
