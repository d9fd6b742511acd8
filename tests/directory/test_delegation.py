"""The lab's rules of hop C against what a real KDC grants, state by state.

The source's migration service asks, with its computer account's key, for tickets in the operator's name (S4U2Self, then
S4U2Proxy) to the four names of the destination. The lab says that a move authenticates, or that files can be copied, if
it would get a ticket under both names of that service, for VMMS asks by either.

What Samba 4.17's KDC cannot show, and Windows does (:data:`UNSHOWN`): resource-based delegation (its directory holds
the attribute, its KDC does not read it: granted by Windows since 2012), and members of Protected Users (no S4U for
them on Windows since 2012 R2; here they are delegated like anyone). Names with blanks are asked in the spelling that
Samba looks up (tests.directory.samba). Whether VMMS itself accepts the ticket is no question to a KDC.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.directory.samba import DNS, MIGRATION, PASSWORD, Directory, Refused, spellings
from tests.lab.fabric.worlds import world_of
from winmigrate.lab.fabric.identity import Logon, hop_c, may_copy
from winmigrate.lab.fabric.world import Delegation, World

pytestmark = pytest.mark.long

SHORT, FULL = "HV02", f"hv02.{DNS}"
BOTH = (f"{MIGRATION}/{SHORT}", f"{MIGRATION}/{FULL}", f"cifs/{SHORT}", f"cifs/{FULL}")


@dataclass(frozen=True, slots=True)
class State:
    """Of the directory: what HV01's account may delegate to, how, and in whose name."""

    title: str
    services: tuple[str, ...] = ()
    transition: bool = False
    user: str = "ops"
    trusted_by_target: tuple[str, ...] = ()


STATES = (
    State("no delegation"),
    State("no delegation, protocol transition on", transition=True),
    State("both services, both names, any protocol", BOTH, True),
    State("both services, Kerberos only", BOTH),
    State("migration service only", BOTH[:2], True),
    State("cifs only", BOTH[2:], True),
    State("full names only", (BOTH[1], BOTH[3]), True),
    State("short names only", (BOTH[0], BOTH[2]), True),
    State("migration by full, cifs by both", BOTH[1:], True),
    State("another host's services", tuple(name.replace("V02", "V03").replace("v02", "v03") for name in BOTH), True),
    State("names in other case", tuple(name.lower() for name in BOTH), True),
    State("names with a port", tuple(f"{name}:6600" for name in BOTH), True),
    State("operator sensitive, cannot be delegated", BOTH, True, "guarded"),
    State("operator sensitive, Kerberos only", BOTH, False, "guarded"),
    State("resource-based, of another host", trusted_by_target=("hv03",)),
)
UNSHOWN = (
    State("resource-based", trusted_by_target=("hv01",)),
    State("resource-based, and protocol transition on", transition=True, trusted_by_target=("hv01",)),
    State("operator in Protected Users", BOTH, True, "protected"),
)

FABRIC = f"""
domain: {DNS}
users:
  ops: {{password: "{PASSWORD}"}}
  guarded: {{password: "{PASSWORD}", delegatable: false}}
  protected: {{password: "{PASSWORD}", delegatable: false}}
hosts:
  hv01: {{migration: {{authentication: Kerberos}}, vms: {{web01: {{memory: 1 GB}}}}}}
  hv02: {{migration: {{authentication: Kerberos}}}}
  hv03: {{migration: {{authentication: Kerberos}}}}
"""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with world_of(FABRIC) as made:
        yield made


@pytest.fixture(scope="module")
def source_keys(domain: Directory) -> Path:
    domain.change("flag", "guarded", "sensitive", True)
    domain.change("member", "Protected Users", "protected", True)
    return domain.keytab(domain.folder / "hv01.keytab", "HV01$")


@pytest.fixture(autouse=True)
def put_back(domain: Directory) -> Iterator[None]:
    yield
    domain.change("put", "HV01$", "msDS-AllowedToDelegateTo", [])
    domain.change("flag", "HV01$", "protocol_transition", False)
    domain.change("trust", "HV02$", [])


def of_kdc(domain: Directory, keys: Path, state: State) -> tuple[bool, bool]:
    """(migration service, files) as the KDC grants them."""
    domain.change("put", "HV01$", "msDS-AllowedToDelegateTo", spellings(state.services))
    domain.change("flag", "HV01$", "protocol_transition", state.transition)
    domain.change("trust", "HV02$", [f"{key.upper()}$" for key in state.trusted_by_target])

    def grants(name: str) -> bool:
        try:
            domain.s4u("HV01", keys, state.user, name)
        except Refused as refused:
            if "constrained delegation failed" not in str(refused):
                raise  # the KDC did not decide anything
            return False
        return True

    answers = [grants(name) for name in BOTH]
    return all(answers[:2]), all(answers[2:])


def of_lab(world: World, state: State) -> tuple[bool, bool]:
    """The same as the lab computes them."""
    world.domain.delegation.clear()
    world.domain.delegation["hv01"] = Delegation(set(state.services), state.transition)
    world.domain.rbcd.clear()
    if state.trusted_by_target:
        world.domain.rbcd["hv02"] = set(state.trusted_by_target)
    source, destination = world.hosts["hv01"], world.hosts["hv02"]
    vm = next(iter(source.vms.values()))
    caller = Logon(f"CORP\\{state.user}", "kerberos", host="hv01")
    return hop_c(world, vm, source, destination, caller) is None, may_copy(world, source, destination, caller)


def shown(state: State, kdc: tuple[bool, bool], lab: tuple[bool, bool]) -> str:
    words = ["/".join("yes" if each else "no" for each in answer) for answer in (kdc, lab)]
    return f"{state.title:45} KDC {words[0]:8} lab {words[1]:8}"


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.title)
def test_the_lab_decides_as_the_kdc(domain: Directory, source_keys: Path, world: World, state: State,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    kdc, lab = of_kdc(domain, source_keys, state), of_lab(world, state)
    with capsys.disabled():
        print(f"\n  migration/files  {shown(state, kdc, lab)}", end="")
    assert lab == kdc


@pytest.mark.parametrize("state", UNSHOWN, ids=lambda state: state.title)
def test_what_this_kdc_cannot_show(domain: Directory, source_keys: Path, world: World, state: State,
                                   capsys: pytest.CaptureFixture[str]) -> None:
    """A KDC that decides as the lab does has become able to show it: the state then belongs into STATES."""
    kdc, lab = of_kdc(domain, source_keys, state), of_lab(world, state)
    with capsys.disabled():
        print(f"\n  NOT SHOWN        {shown(state, kdc, lab)} (Windows: as the lab)", end="")
    assert lab != kdc
