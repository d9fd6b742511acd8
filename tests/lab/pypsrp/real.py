"""Loaded into pypsrp's own test run (``-p``): its recorded scenarios ask the host that PYPSRP_SERVER names, and no
file of theirs is changed. Scenarios that the recordings alone can play stay out; so does what asks no host at all.
"""

from __future__ import annotations

import os
import sys
import types

import pytest

#: Why a scenario cannot be played by a host.
INAPPLICABLE = {
    "test_psrp_key_exchange_timeout": "the time-out is in the recording",
    "test_psrp_is_alive_invalid_selectors": "pretends that minutes have passed",
    "test_psrp_is_alive_state_disconnected": "pretends that minutes have passed",
    "test_psrp_is_alive_http_error": "the failure is in the recording",
    "test_psrp_reset_runspace_state_fail": "the failure is in the recording",
    "test_psrp_multiple_commands": "the recorded SecureString is sealed with another session's key",
    "test_psrp_small_msg_size": "sets the address of the recorded host",
}

try:
    import xmldiff  # noqa: F401
except ImportError:
    # what compares requests with recordings: nothing does where a host is asked
    standin = types.ModuleType("xmldiff")
    standin.main = None  # type: ignore[attr-defined]
    sys.modules["xmldiff"] = standin


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "PYPSRP_RUN_INTEGRATION" in os.environ:  # those tests ask a host anyway
        return
    kept = []
    for item in items:
        chosen = getattr(item, "callspec", None)
        if chosen is None or "wsman_conn" not in chosen.params:
            continue
        _, name = chosen.params["wsman_conn"]
        chosen.params["wsman_conn"] = [True, name]
        if item.originalname not in INAPPLICABLE:  # type: ignore[attr-defined]
            kept.append(item)
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
