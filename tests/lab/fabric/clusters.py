"""A small cluster that tests share: two nodes, a host outside, one CSV, two clustered machines and a local one."""

from __future__ import annotations

from tests.lab.fabric.worlds import SECRET

CLUSTER = rf"""
users: {{ops: {{password: {SECRET}}}, guest: {{password: x, administrator: false}}}}
delegation: all
hosts:
  hv01:
    version: VERSION
    vms:
      web01: {{clustered: true, memory: 4 GB}}
      web02: {{memory: 4 GB, disks: ['C:\ClusterStorage\Volume1\web02\web02.vhdx']}}
      local01: {{memory: 1 GB}}
  hv02: {{version: VERSION}}
  hv03: {{version: VERSION}}
clusters:
  hvc1:
    nodes: [hv01, hv02]
    networks:
      Management: 10.0.0.0/24
      Migration: {{subnet: 10.9.0.0/24, role: Cluster, migration: 1}}
    csv: {{Volume1: 1 TB}}
"""


def cluster(version: str = "2022", more: str = "") -> str:
    """The fabric, every host of that version; ``more`` are further lines of the cluster."""
    return CLUSTER.replace("VERSION", version) + "".join(f"    {line}\n" for line in more.splitlines())
