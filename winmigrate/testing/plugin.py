"""The pytest plugin: `replay`, `lab` and `fabric`. Loaded by pytest wherever winmigrate is installed.

What the fixtures need is imported when a test asks for one, so that other tests pay nothing for the plugin.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from winmigrate.testing.fabrics import Fabric
    from winmigrate.testing.replays import Replay
    from winmigrate.testing.sites import Site

_REPLAYS: pytest.StashKey[list[Any]] = pytest.StashKey()
_MOST_TOLD = 10


class OpensReplay(Protocol):
    """What the fixture `replay` is."""

    def __call__(self, path: Path | str, *, strict: bool = True, unused: str = "fail") -> Replay:
        """A transcript, or a folder of them; a relative path is taken from the test's own folder."""


class ServesLab(Protocol):
    """What the fixture `lab` is."""

    def __call__(self, fabric: Fabric | Path | str, *, playbook: str = "", http: bool = True) -> Site:
        """Serves a fabric: a Fabric, a file (relative: from the test's folder), or the text of one."""


@pytest.fixture
def replay(request: pytest.FixtureRequest) -> OpensReplay:
    """Opens recordings: ``replay("transcripts")`` gives a Replay with ``connector`` and ``ground()``.

    A request that was not recorded fails the test, with the nearest entry and what differs, even where the tested code
    goes on after the error. So does an entry that nobody asked for, unless ``unused="ignore"``.
    """
    opened: list[Any] = request.node.stash.setdefault(_REPLAYS, [])

    def open_replay(path: Path | str, *, strict: bool = True, unused: str = "fail") -> Replay:
        from winmigrate.testing.replays import Replay

        found = Replay(_beside(request, path), strict=strict, unused=unused)
        opened.append(found)
        return found

    return open_replay


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """A test whose own assertions hold fails still where its recordings were not followed."""
    result = yield
    complaints = [line for one in item.stash.get(_REPLAYS, []) for line in one.complaints()]
    if complaints:
        more = f"\nand {len(complaints) - _MOST_TOLD} more" if len(complaints) > _MOST_TOLD else ""
        pytest.fail("\n".join(complaints[:_MOST_TOLD]) + more, pytrace=False)
    return result


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServesLab]:
    """Serves fabrics over real WinRM, each in a process of its own, while the test runs; time leaps.

    The Site it gives has ``ground()`` for verbs, ``playbook``, ``inventory``, and ``fault()``, ``where()``, ``log()``.
    """
    from winmigrate.testing.fabrics import Fabric
    from winmigrate.testing.sites import site

    with contextlib.ExitStack() as stack:
        served = 0

        def serve(fabric: Fabric | Path | str, *, playbook: str = "", http: bool = True) -> Site:
            nonlocal served
            served += 1
            folder = tmp_path / f"lab{served}"
            folder.mkdir()
            if isinstance(fabric, Fabric):
                fabric = fabric.text()
            elif isinstance(fabric, Path) or "\n" not in fabric:
                fabric = _beside(request, fabric)
            return stack.enter_context(site(folder, fabric, http=http, playbook=playbook))

        yield serve


@pytest.fixture
def fabric() -> Callable[..., Fabric]:
    """Makes small fabrics: ``fabric().host("hv01").vm("web01", on="hv01").host("hv02")``, for `lab`."""
    from winmigrate.testing.fabrics import Fabric

    return Fabric


def _beside(request: pytest.FixtureRequest, path: Path | str) -> Path:
    return request.path.parent / path
