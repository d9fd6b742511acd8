"""`init` asks hosts and writes an inventory of what it found."""

from __future__ import annotations

from pathlib import Path

from tests.whole.labs import FABRICS, site
from winmigrate import verbs
from winmigrate.inventory import read_inventory


def test_an_inventory_of_what_answers(tmp_path: Path) -> None:
    with site(tmp_path, FABRICS / "demo.yml") as place:
        ground = place.ground()
        text, unreached = verbs.init(["hv01"], ground=ground)
    assert unreached == ()
    for words in ("Windows Server 2019", "D: 1.9", "External: {hv01: External}", "hv02: {address: "):
        assert words in text
    assert "::" not in text
    # Hosts of a lab share an address and differ by port, which an inventory's defaults cannot say: one of them is read.
    lines = [line for line in text.splitlines() if not line.startswith(("  hv02", "  hv03", "  Ext:"))]
    found = read_inventory("\n".join(lines), "inventory.yml")
    assert list(found.hosts) == ["hv01"]
    assert found.hosts["hv01"].second_hop.kind == "credential"
