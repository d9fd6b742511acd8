"""A small site that the tests of reading commands share."""

from __future__ import annotations

from typing import Any

from tests.lab.cmdlets.asking import Answer
from tests.lab.fabric.worlds import HEAD

SITE = HEAD.replace("users: {ops:", "users: {guest: {password: x, administrator: false}, ops:") + """
hosts:
  hv01:
    version: 2019
    addresses: [10.20.0.11/24, 'fd00::11/64']
    volumes: {C: 100 GB, D: {size: 1 TB, label: VMs, used: 100 GB}}
    switches: [External, {name: Lab, kind: Internal}]
    sans: [san1]
    migration: {any_network: false, networks: [10.30.0.0/24]}
    services: {ClusSvc: Stopped}
    remote_management_users: ['CORP\\guest']
    vms:
      web01:
        disks: [{path: 'D:\\VMs\\web01\\web01.vhdx', size: 40 GB, used: 10 GB}, {physical: 2}]
        adapters: [{switch: External, vlan: 20}, {switch: Lab, legacy: false, name: Second}]
        checkpoints: [before, after]
        dvds: ['D:\\iso\\a.iso']
      web02: {state: 'Off', generation: 1, disks: [{path: 'D:\\VMs\\web02\\a.vhdx', controller: IDE}]}
      db01: {memory: {startup: 2 GB, dynamic: true}, tpm: true}
  hv02: {version: 2022, volumes: {D: 1 TB}, switches: [Ext]}
"""


def names(answer: Answer) -> list[Any]:
    assert answer.state == "Completed", answer.failure
    return answer.column("Name")
