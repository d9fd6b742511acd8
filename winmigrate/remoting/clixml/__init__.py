"""CLIXML, the form in which PowerShell sends objects: an own reader and writer, exact in types and quick."""

from winmigrate.remoting.clixml.reader import load_all, loads
from winmigrate.remoting.clixml.values import EnumValue, PSObject, SealedText
from winmigrate.remoting.clixml.writer import Writer, dumps

__all__ = ["EnumValue", "PSObject", "SealedText", "Writer", "dumps", "load_all", "loads"]
