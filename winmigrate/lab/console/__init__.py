"""What a Windows Remote Shell starts on a host: cmd.exe, and powershell.exe within it, as text in and text out."""

from winmigrate.lab.console.process import Out, Running, Stdin, Surroundings
from winmigrate.lab.console.prompt import command_line

__all__ = ["Out", "Running", "Stdin", "Surroundings", "command_line"]
