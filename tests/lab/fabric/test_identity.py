"""Who may do what where."""

from __future__ import annotations

import pytest

from tests.lab.fabric.worlds import SECRET, TWO_HOSTS, move, ops, run, settings, vm_of, world_of
from winmigrate.lab.fabric import identity
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.identity import Logon, groups_of, hop_b, may_log_on, may_manage
from winmigrate.lab.fabric.migration import start_migration
from winmigrate.lab.fabric.world import User, World

TEXT = f"""
users:
  ops: {{password: {SECRET}}}
  reader: {{password: r, administrator: false, groups: [CORP\\Readers]}}
  operator: {{password: o, administrator: false, groups: [CORP\\Hyper-V Operators]}}
  half: {{password: h, administrator: [hv01]}}
  local: {{password: l, domain: HV01}}
delegation: {{hv01: [hv02]}}
hosts:
  hv01:
    hyperv_administrators: [CORP\\Hyper-V Operators]
    remote_management_users: [CORP\\Hyper-V Operators, CORP\\Readers]
    vms: {{web01: {{memory: 1 GB}}}}
  hv02: {{workgroup: false}}
"""

#: user -> (logs on at hv01, manages hv01, logs on at hv02, manages hv02)
RIGHTS = {"ops": (True, True, True, True), "reader": (True, False, False, False),
          "operator": (True, True, False, False), "half": (True, True, False, False),
          "local": (True, True, False, False)}


def user_of(world: World, name: str) -> User:
    user = world.user(name)
    assert user is not None
    return user


@pytest.mark.parametrize("name", RIGHTS)
def test_rights(name: str) -> None:
    with world_of(TEXT) as world:
        user = user_of(world, name)
        got = [right(world, world.hosts[key], user) for key in ("hv01", "hv02") for right in (may_log_on, may_manage)]
        assert tuple(got) == RIGHTS[name]


def test_groups_as_whoami_shows_them() -> None:
    with world_of(TEXT) as world:
        names = dict(groups_of(world, world.hosts["hv01"], user_of(world, "operator")))
        assert names["BUILTIN\\Hyper-V Administrators"] == "S-1-5-32-578"
        assert names["BUILTIN\\Remote Management Users"] == "S-1-5-32-580"
        assert "CORP\\Hyper-V Operators" in names
        assert "BUILTIN\\Administrators" not in names
        others = groups_of(world, world.hosts["hv02"], user_of(world, "ops"))
        assert ("BUILTIN\\Administrators", "S-1-5-32-544") in others


@pytest.mark.parametrize("spelling", ["CORP\\ops", "corp\\OPS", "ops@corp.example", "OPS@CORP", "ops"])
def test_spellings_of_a_user(spelling: str) -> None:
    with world_of(TEXT) as world:
        assert user_of(world, spelling).qualified == "CORP\\ops"
        assert world.user("nobody") is None


@pytest.mark.parametrize(("user", "credential", "error_id"), [
    ("CORP\\ops", ("CORP\\half", "h"), "AccessDenied"), ("CORP\\ops", ("HV01\\local", "l"), "OperationFailed"),
    ("CORP\\ops", ("CORP\\reader", "r"), "AccessDenied"),
])
def test_hop_b_wants_rights_at_the_destination(user: str, credential: tuple[str, str], error_id: str) -> None:
    with world_of(TEXT) as world, pytest.raises(MigrationFailure) as caught:
        hop_b(world, world.hosts["hv01"], world.hosts["hv02"], Logon(user, host="hv01"), credential)
    assert caught.value.error_id == error_id


def test_hop_b_at_home_needs_no_credential() -> None:
    with world_of(TEXT) as world:
        host = world.hosts["hv01"]
        assert hop_b(world, host, host, Logon("CORP\\half", host="hv01")).name == "half"
        with pytest.raises(MigrationFailure) as caught:
            hop_b(world, host, host, Logon("CORP\\reader", host="hv01"))
        assert caught.value.category == "PermissionDenied"


def test_hop_b_to_a_host_that_is_down() -> None:
    with world_of(TEXT) as world:
        world.hosts["hv02"].reachable = False
        with pytest.raises(MigrationFailure, match="reachable over the network"):
            hop_b(world, world.hosts["hv01"], world.hosts["hv02"], ops(), ("CORP\\ops", SECRET))


def test_hop_c_wants_the_callers_rights_and_not_the_credentials() -> None:
    """-DestinationCredential opens hop B; VMMS goes as the caller."""
    with world_of(TEXT) as world:
        vm = vm_of(world, "web01")
        asked = settings(credential=("CORP\\ops", SECRET))
        job = start_migration(world, world.hosts["hv01"], vm.id, "hv02", asked, Logon("CORP\\half", host="hv01"))
        run(world, job)
        assert job.failure.hresult == 0x80070005


def test_an_unknown_destination() -> None:
    with world_of(TEXT) as world, pytest.raises(MigrationFailure, match="Cannot find the computer hv9"):
        move(world, to="hv9")


def test_what_a_delegation_needs() -> None:
    with world_of(TWO_HOSTS) as world:
        rights = world.domain.delegation["hv01"]
        assert rights.services == identity.delegation_for(world.hosts["hv02"])
        assert len(rights.services) == 4
        for service in sorted(rights.services):
            rights.services.discard(service)
            blocked = identity.hop_c(world, vm_of(world, "web01"), world.hosts["hv01"], world.hosts["hv02"], ops())
            copies = identity.may_copy(world, world.hosts["hv01"], world.hosts["hv02"], ops())
            assert (blocked is not None) == service.startswith("Microsoft")
            assert copies == service.startswith("Microsoft")
            rights.services.add(service)
