"""The commands that a lab host answers, over the fabric's world."""

from winmigrate.lab.cmdlets.table import command_table, definition_for, type_table

__all__ = ["command_table", "definition_for", "type_table"]
