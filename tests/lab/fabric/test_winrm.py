"""What a fabric file says of WinRM: limits and session configurations, their faults, and whom a JEA session is."""

from __future__ import annotations

import dataclasses

import pytest

from tests.lab.fabric.worlds import world_of
from winmigrate.errors import InputFaults
from winmigrate.lab.endpoints import check_functions
from winmigrate.lab.fabric.failures import MigrationFailure
from winmigrate.lab.fabric.identity import Logon, acting, hop_b, is_allowed
from winmigrate.lab.fabric.loading import make_world, read_fabric
from winmigrate.lab.fabric.winrm import LIMITS
from winmigrate.lab.wire import Limits

ALL = """
hosts:
  hv01:
    limits:
      envelope: 64 KB
      fragment: 8 KB
      shells_per_user: 3
      users: 2
      processes_per_shell: 4
      memory_per_shell: 150 MB
      operations_per_user: 15
      commands_per_shell: 20
      idle_close: 30
      disconnect_after: 20
      shell_idle_timeout: 600
      operation_timeout: 10
      output_buffer: 100 KB
      redelivery: true
"""


def test_every_limit_has_its_switch() -> None:
    with world_of(ALL) as world:
        limits = Limits(**world.hosts["hv01"].limits)
    assert set(world.hosts["hv01"].limits) == set(LIMITS.values())
    assert limits.max_envelope == 64 * 1024
    defaults = Limits()
    left = {one.name for one in dataclasses.fields(Limits)} - {"min_idle_timeout", "max_idle_timeout"}
    assert all(getattr(limits, name) != getattr(defaults, name) for name in left)


ENDPOINTS = """
users:
  ops: {password: x, groups: ["CORP\\\\Movers"]}
  svc: {password: x, administrator: [hv02]}
  reader: {password: x, administrator: false}
hosts:
  hv01:
    session_configurations:
      Winmigrate:
        visible: [Get-VM, {name: Move-VM, parameters: {Name: , DestinationHost: [HV02, HV03]}}]
        functions: [Move-WinmigrateVM]
        allow: CORP\\Movers
      Named: {visible: [Get-VM], run_as: CORP\\svc}
  hv02: {hyperv_administrators: ["CORP\\\\HV01$"], remote_management_users: ["CORP\\\\HV01$"]}
  hv03: {}
"""


def test_session_configurations_are_read() -> None:
    with world_of(ENDPOINTS) as world:
        check_functions(world)
        one = world.hosts["hv01"].configurations["winmigrate"]
        assert one.visible == (("Get-VM", None), ("Move-VM", {"Name": (), "DestinationHost": ("HV02", "HV03")}))
        assert (one.functions, one.run_as, one.allow) == (("Move-WinmigrateVM",), "virtual", ("CORP\\Movers",))
        assert world.hosts["hv01"].configurations["named"].run_as == "CORP\\svc"


@pytest.mark.parametrize(("text", "said"), [
    ("hosts: {hv01: {limits: {fragment: 10 MB}}}",
     "f.yml:1:35: hosts.hv01.limits.fragment: a fragment of that size does not fit an envelope of 512000 bytes"),
    ("hosts: {hv01: {limits: {envelope: 1 KB}}}",
     "f.yml:1:35: hosts.hv01.limits.envelope: too small; wanted: at least 8192 bytes"),
    ("hosts: {hv01: {limits: {shells: 3}}}", "f.yml:1:25: hosts.hv01.limits.shells"),
    ("hosts: {hv01: {limits: {idle_close: never}}}", "f.yml:1:37: hosts.hv01.limits.idle_close"),
    ("users: {ops: x}\nhosts: {hv01: {session_configurations: {a: {run_as: CORP\\opz}}}}",
     'f.yml:2:53: hosts.hv01.session_configurations.a.run_as: "CORP\\opz" is neither "virtual" nor a user'),
    ("users: {ops: x}\nhosts: {hv01: {session_configurations: {a: {allow: CORP\\nobody}}}}",
     'f.yml:2:52: hosts.hv01.session_configurations.a.allow: no user or group "CORP\\nobody" in this fabric'),
    ("hosts: {hv01: {session_configurations: {a: {visible: [{parameters: {}}]}}}}",
     "f.yml:1:55: hosts.hv01.session_configurations.a.visible[0]"),
    ("hosts: {hv01: {session_configurations: {a: {functions: [Move-VM]}}}}",
     'f.yml:1:57: hosts.hv01.session_configurations.a.functions[0]: no function "Move-VM" of winmigrate'),
])
def test_faults_have_their_place(text: str, said: str) -> None:
    with pytest.raises(InputFaults) as caught:
        check_functions(make_world(read_fabric(text, "f.yml")))
    assert said in str(caught.value)


def test_who_may_open_an_endpoint() -> None:
    with world_of(ENDPOINTS) as world:
        host = world.hosts["hv01"]
        allowed = {name: [one.name for one in world.users if is_allowed(world, host, one, configuration)]
                   for name, configuration in host.configurations.items()}
    assert allowed == {"winmigrate": ["ops"], "named": ["ops"]}


def test_a_virtual_account_is_the_computer_account_elsewhere() -> None:
    with world_of(ENDPOINTS) as world:
        hv01, hv02, hv03 = (world.hosts[name] for name in ("hv01", "hv02", "hv03"))
        caller = Logon("CORP\\reader", host="hv01", run_as="virtual")
        there = acting(world, hv01, caller, hv02)
        assert there is not None
        assert there.qualified == "CORP\\HV01$"
        assert hop_b(world, hv01, hv01, caller).name == "WinRM VA_1_CORP_reader"
        assert hop_b(world, hv01, hv02, caller).qualified == "CORP\\HV01$"
        with pytest.raises(MigrationFailure):
            hop_b(world, hv01, hv03, caller)
        hv01.in_domain = False
        with pytest.raises(MigrationFailure):
            hop_b(world, hv01, hv02, caller)


def test_a_named_account_is_itself_everywhere() -> None:
    with world_of(ENDPOINTS) as world:
        hv01, hv02, hv03 = (world.hosts[name] for name in ("hv01", "hv02", "hv03"))
        caller = Logon("CORP\\ops", host="hv01", run_as="CORP\\svc")
        assert hop_b(world, hv01, hv02, caller).name == "svc"
        for target in (hv01, hv03):
            with pytest.raises(MigrationFailure):
                hop_b(world, hv01, target, caller)
