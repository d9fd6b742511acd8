"""Kinds of moves that are checked and not made yet: the plan says so, and moves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from winmigrate import verbs
from winmigrate.cli.clocks import ground_for
from winmigrate.testing.serving import lab

FABRICS = Path(__file__).parents[2] / "fixtures" / "fabrics"


@pytest.mark.parametrize(
    ("fabric", "vm", "to", "said"),
    [
        ("cluster.yml", "node01-web1", "node02", "kind cluster and does not make them yet; with its role taken out"),
        ("share.yml", "web01", "hv02", "kind shared-smb and does not make them yet; kind: shared-nothing moves"),
    ],
)
def test_what_is_checked_and_not_made_is_refused_by_the_plan(
    tmp_path: Path, fabric: str, vm: str, to: str, said: str
) -> None:
    text = f"winmigrate: 1\ninventory: inventory.yml\nmigrations:\n  - {{vm: {vm}, to: {to}}}\n"
    (tmp_path / "playbook.yml").write_text(text, encoding="utf-8")
    world = (FABRICS / fabric).read_text("utf-8")
    world = world.replace("version: 2022, memory", "version: 2022, credssp: true, memory")
    world = world.replace("  hv01:\n    version: 2022\n", "  hv01:\n    version: 2022\n    credssp: true\n")
    (tmp_path / "fabric.yml").write_text(world, encoding="utf-8")
    with lab(tmp_path / "fabric.yml", tmp_path / "inventory.yml", auth="credssp"):
        ground = ground_for(str(tmp_path / "inventory.yml"), str(tmp_path / "runs"))
        made = verbs.plan(tmp_path / "playbook.yml", ground=ground)
    assert made.plan.steps == ()
    (refused,) = made.plan.refusals
    (reason,) = refused.reasons
    print(reason)
    assert reason.startswith(f"{to}: ")
    assert said in reason
