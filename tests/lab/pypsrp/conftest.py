from __future__ import annotations

from tests.lab.wire.conftest import users

__all__ = ["users"]
