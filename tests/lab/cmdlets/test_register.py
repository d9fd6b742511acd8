"""The lab answers everything that the client sends, on every Windows version, as the client wants to read it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from tests.lab.cmdlets.asking import Site
from tests.lab.cmdlets.client import ask
from tests.lab.fabric.worlds import HEAD, ops, world_of
from winmigrate.facts import VERSIONS, Unreadable
from winmigrate.windows.register import TABLES, statements

SITE = HEAD.replace("hv01: [hv02]", "hv01: [hv02, fs01]") + """
file_servers: {fs01: {shares: {VMs: {}}}}
hosts:
  hv01:
    version: VERSION
    features: {RSAT-AD-PowerShell: Installed}
    volumes: {D: 1 TB, E: 1 TB}
    switches: [External]
    addresses: [10.0.0.1/24]
    sans: [san1]
    migration: {any_network: false, networks: [10.0.0.0/24]}
    vms:
      web01:
        memory: 4 GB
        disks: [{path: 'D:\\VMs\\web01\\web01.vhdx', used: 10 GB}]
        adapters: [{switch: External, vlan: 20, acls: [{remote: 10.9.0.0/16}], extended_acls: [{port: 443}]}]
        checkpoints: [a, b]
        dvds: ['D:\\iso\\a.iso']
        fibre_channel: [san1]
        devices: [{name: GPU, location_path: 'PCIROOT(0)#PCI(0300)'}]
      share01: {path: '\\\\fs01\\VMs\\share01', disks: ['\\\\fs01\\VMs\\share01\\share01.vhdx']}
      old01: {generation: 1, floppy: 'D:\\boot.vfd', gpu_partitions: [{migration: true}], remotefx: true}
      off01: {state: 'Off', disks: [{path: 'D:\\VMs\\off01\\a.vhdx'}, {physical: 2}]}
  hv02: {version: VERSION, volumes: {D: 1 TB}, switches: [Ext]}
clusters: {c1: {nodes: [hv01, hv02], csv: {Volume1: 1 TB}}}
"""
#: Tables of things that only a migration makes, or an administrator.
TRANSIENT = {"migration_jobs", "planned_vms", "user_rights", "smb_limits"}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_statement_binds(version: str) -> None:
    with world_of(SITE.replace("VERSION", version)) as world:
        site = Site(world, caller=ops("credssp"))
        for asked in statements(version):
            if asked.commands[0].is_script or "Winmigrate" in asked.commands[0].name:
                continue  # functions: see test_functions
            answer = ask(site, asked)
            assert answer.state == "Completed", (asked, answer.failure)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_table_is_readable(version: str) -> None:
    with world_of(SITE.replace("VERSION", version)) as world:
        site = Site(world)
        for table in TABLES:
            if not table.exists(version):
                continue
            members = None
            named = table.members(version)
            if named is not None:
                asked = ask(site, named)
                assert asked.state == "Completed"
                members = asked.output
            answer = ask(site, table.statement(version))
            assert (answer.state, answer.errors) == ("Completed", []), table.name
            rows: tuple[Any, ...] = table.rows(answer.output, version, members)
            assert rows or table.name in TRANSIENT, table.name
            unread = {
                name: value.reason
                for row in rows
                for name, value in ((item.name, getattr(row, item.name)) for item in dataclasses.fields(row))
                if isinstance(value, Unreadable) and value.reason != "not on this build"
            }
            if (table.name, version) == ("checkpoints", "2016"):
                unread.pop("is_automatic_checkpoint", None)  # automatic checkpoints came with 2019
            assert unread == {}, table.name
