"""The editions of PowerShell that the engine answers as, with all their differences in one table.

Sources: 7.6 is read off the project's recordings (fixtures/engine); for Windows PowerShell 5.1 the assembly names of
.NET Framework 4, and Microsoft's pages on the cmdlets concerned.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edition:
    """What differs between the PowerShell versions: one attribute, one difference."""

    version: str
    core_library: str  # assembly that holds String and Object, as it stands in type names
    list_library: str  # assembly in the name of List<PSObject>
    windows_powershell: bool
    sorts_groups: bool  # does Group-Object emit its groups sorted by their values?
    exclude_needs_property: bool  # does Select-Object -ExcludeProperty do nothing without -Property?
    has_standard_deviation: bool  # has GenericMeasureInfo StandardDeviation, and Measure-Object a switch for it?
    records_statement: bool  # has InvocationInfo the property Statement?
    terse_set_errors: bool  # does AmbiguousParameterSet end after the first sentence?
    unknown_command: str  # the message for a command that is not there; {0} is its name
    prompt_assembly: str


POWERSHELL_7_6 = Edition(
    version="7.6",
    core_library="System.Private.CoreLib, Version=10.0.0.0, Culture=neutral, PublicKeyToken=7cec85d7bea7798e",
    list_library="System.Management.Automation, Version=7.6.0.500, Culture=neutral, PublicKeyToken=31bf3856ad364e35",
    windows_powershell=False,
    sorts_groups=True,
    exclude_needs_property=False,
    has_standard_deviation=True,
    records_statement=True,
    terse_set_errors=False,
    unknown_command=(
        "The term '{0}' is not recognized as a name of a cmdlet, function, script file, or executable program.\n"
        "Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
    ),
    prompt_assembly="System.Private.CoreLib, Version=10.0.0.0, Culture=neutral, PublicKeyToken=7cec85d7bea7798e",
)

WINDOWS_POWERSHELL_5_1 = Edition(
    version="5.1",
    core_library="mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089",
    list_library="System.Management.Automation, Version=3.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35",
    windows_powershell=True,
    sorts_groups=False,
    exclude_needs_property=True,
    has_standard_deviation=False,
    records_statement=False,
    terse_set_errors=True,
    unknown_command=(
        "The term '{0}' is not recognized as the name of a cmdlet, function, script file, or operable program. "
        "Check the spelling of the name, or if a path was included, verify that the path is correct and try again."
    ),
    prompt_assembly="mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089",
)
