"""Settings of all tests."""

from __future__ import annotations

import signal

from hypothesis import settings

# How long an example takes says more of the machine than of the code; `make bench` shows speed.
settings.register_profile("winmigrate", deadline=None)
settings.load_profile("winmigrate")

# Whoever is started in the background ignores Ctrl-C, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
