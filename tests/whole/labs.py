"""A lab for a test of the whole way: winmigrate.testing's, with the playbook that most of these tests use."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from winmigrate.testing import sites
from winmigrate.testing.sites import Site

__all__ = ["FABRICS", "PLAYBOOK", "Site", "site"]

FABRICS = Path(__file__).parent.parent.parent / "fixtures" / "fabrics"

PLAYBOOK = r"""
winmigrate: 1
inventory: inventory.yml
migrations:
  - choose: {from: hv01}
    to: [hv02, hv03]
    storage: {path: 'D:\VMs\{vm}'}
    networks: {External: Ext}
"""


@contextlib.contextmanager
def site(folder: Path, fabric: Path | str, *, http: bool = True, playbook: str = PLAYBOOK) -> Iterator[Site]:
    """Serves a fabric (a file, or its text) while the test runs."""
    with sites.site(folder, fabric, http=http, playbook=playbook) as place:
        yield place
