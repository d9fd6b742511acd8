"""The ground of a command, with the fabric's clock where the inventory is a lab's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from winmigrate.verbs.ground import Ground


def ground_for(inventory: str, run_dir: str = "runs") -> Ground:
    """The ground on an inventory file. A lab's names its control socket: its clock is the fabric's then.

    Where the command is recorded or replayed (winmigrate.cli.means), so is the ground.
    """
    from winmigrate.cli.means import means
    from winmigrate.inventory import load_inventory
    from winmigrate.verbs.ground import stand

    given = means()
    loaded = load_inventory(inventory)
    book = given.book()
    if book is not None:
        return stand(loaded, run_dir=run_dir, replaying=book)
    clock = None
    if loaded.lab is not None:
        from winmigrate.testing.serving import lab_clock

        clock = lab_clock(loaded)
    ground = stand(loaded, clock=clock, run_dir=run_dir, recording=given.recording)
    context = click.get_current_context(silent=True)
    if context is not None and context.params.get("verbose"):
        from winmigrate.cli.asking import tell
        from winmigrate.remoting.recording import recorded

        ground.connector = recorded(ground.connector, tell)
    return ground
