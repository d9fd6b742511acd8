"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes says more of the machine than of the code; `make bench` shows speed.
settings.register_profile("winmigrate", deadline=None)
settings.load_profile("winmigrate")
