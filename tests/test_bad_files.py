from __future__ import annotations

from pathlib import Path

import pytest

from tests.bad_files import FILES, said_of


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_what_is_said_of_a_bad_file(path: Path) -> None:
    assert said_of(path) == path.with_suffix(".txt").read_text()


def test_there_are_bad_files() -> None:
    assert len(FILES) >= 10
