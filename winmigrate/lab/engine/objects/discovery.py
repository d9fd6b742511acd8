"""Get-Command and Get-Member."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from winmigrate.lab.engine.definitions import Definition
from winmigrate.lab.engine.editions import Edition
from winmigrate.lab.engine.effects import Body, Call, Effect, Error, Implementation, Output
from winmigrate.lab.engine.objects.casting import items_of
from winmigrate.lab.engine.objects.members import has_wildcard, wildcard
from winmigrate.lab.engine.text import CUSTOM_OBJECT, bare_name, to_text, type_name
from winmigrate.lab.engine.values import EnumValue, NetList, PSObject, Version

_PS = "System.Management.Automation."
_KINDS = {"Alias": 1, "Function": 2, "Filter": 4, "Cmdlet": 8, "ExternalScript": 16, "Application": 32}


class Commands(Protocol):
    def find(self, name: str) -> tuple[Definition | None, Implementation] | None: ...

    def names(self) -> Iterable[str]: ...

    def aliases(self) -> dict[str, str]: ...


def get_command(tables: tuple[Commands, ...], edition: Edition) -> Body:
    """The process block of Get-Command over the tables, the first one first."""

    def process(call: Call) -> Iterator[Effect]:
        wanted = [to_text(each) for each in items_of(call.bound.get("Name")) or ()] or ["*"]
        kinds = _command_kinds(call.bound.get("CommandType"))
        modules = [to_text(each) for each in items_of(call.bound.get("Module")) or ()]
        for name in wanted:
            if has_wildcard(name):
                names = sorted({each for table in tables for each in table.names()}, key=str.lower)
                found = [each for each in names if wildcard(name).fullmatch(each)]
            else:
                found = [name]
            for each in found:
                entry = next((hit for hit in (table.find(each) for table in tables) if hit is not None), None)
                if entry is None:
                    yield _not_found(each, edition)
                elif (not modules or _is_of(entry[0], modules)) and _kind(entry[0]) in kinds:
                    yield Output(command_info(*entry))
        if "Alias" in kinds and not modules:
            for alias, meant in sorted(dict(pair for table in tables for pair in table.aliases().items()).items()):
                if any(wildcard(each).fullmatch(alias) for each in wanted):
                    yield Output(_alias_info(alias, meant))

    return process


def _command_kinds(value: Any) -> frozenset[str]:
    """Without -CommandType the aliases stay out."""
    names = {each.strip().lower() for each in to_text(value).split(",")} if value is not None else set()
    if "all" in names:
        return frozenset(_KINDS)
    return frozenset(kind for kind in _KINDS if kind.lower() in names or (not names and kind != "Alias"))


def _kind(definition: Definition | None) -> str:
    return "Application" if definition is None else "Function" if definition.function else "Cmdlet"


def _alias_info(name: str, meant: str) -> PSObject:
    return PSObject((_PS + "AliasInfo", _PS + "CommandInfo", "System.Object"), {
        "Name": name,
        "ModuleName": "",
        "Version": None,
        "CommandType": EnumValue(_PS + "CommandTypes", "Alias", _KINDS["Alias"]),
        "Definition": meant,
        "ResolvedCommandName": meant,
    }, {}, name)


def _is_of(definition: Definition | None, modules: list[str]) -> bool:
    return definition is not None and any(wildcard(each).fullmatch(definition.module) for each in modules)


def _not_found(name: str, edition: Edition) -> Error:
    return Error(edition.unknown_command.format(name), "CommandNotFoundException", "ObjectNotFound",
                 _PS + "CommandNotFoundException", name)


def command_info(definition: Definition | None, implementation: Implementation) -> PSObject:
    """A CommandInfo with the properties that people select."""
    if definition is None:
        kind, name, module, parameters = "Application", implementation.name, "", {}
    else:
        kind, name, module = _kind(definition), definition.name, definition.module
        parameters = {each.name: _parameter(each.name, each.type, each.aliases) for each in definition.parameters}
    class_name = _PS + {"Cmdlet": "CmdletInfo", "Function": "FunctionInfo", "Application": "ApplicationInfo"}[kind]
    return PSObject((class_name, _PS + "CommandInfo", "System.Object"), {
        "Name": name,
        "ModuleName": module,
        "Source": module,
        "Version": Version(_VERSIONS.get(module, "1.0.0.0")),
        "CommandType": EnumValue(_PS + "CommandTypes", kind, _KINDS[kind]),
        "Visibility": EnumValue(_PS + "SessionStateEntryVisibility", "Public", 0),
        "Parameters": parameters,
    }, {}, name)


#: Versions of the modules as Windows ships them (Windows Server 2016 to 2022).
_VERSIONS = {
    "Hyper-V": "2.0.0.0", "FailoverClusters": "2.0.0.0", "CimCmdlets": "1.0.0.0",
    "Microsoft.PowerShell.Utility": "3.1.0.0", "Microsoft.PowerShell.Management": "3.1.0.0",
    "Microsoft.PowerShell.Core": "3.0.0.0", "SmbShare": "2.0.0.0",
    "Storage": "2.0.0.0",
}


def _parameter(name: str, kind: str, aliases: tuple[str, ...]) -> PSObject:
    own = _PS + "ParameterMetadata"
    names = NetList(("System.Collections.ObjectModel.Collection`1[[System.String]]", "System.Object"), list(aliases))
    return PSObject((own, "System.Object"), {"Name": name, "ParameterType": kind, "Aliases": names}, {}, own)


_SHORT = {
    "System.String": "string", "System.Int32": "int", "System.Int64": "long", "System.UInt16": "ushort",
    "System.UInt32": "uint", "System.UInt64": "ulong", "System.Int16": "short", "System.Byte": "byte",
    "System.SByte": "sbyte", "System.Boolean": "bool", "System.Double": "double", "System.Single": "float",
    "System.Decimal": "decimal", "System.Char": "char", "System.DateTime": "datetime", "System.TimeSpan": "timespan",
    "System.Guid": "guid", "System.Version": "version", "System.Object": "System.Object",
}


def member_process(call: Call) -> Iterator[Effect]:
    value = call.bound.get("InputObject")
    if value is None:
        return
    seen: set[str] = call.state.setdefault("seen", set())
    name = type_name(value) or CUSTOM_OBJECT
    if name in seen:
        return
    seen.add(name)
    wanted = _kinds(call.bound.get("MemberType"))
    patterns = [to_text(each) for each in items_of(call.bound.get("Name")) or ()] or ["*"]
    for member, kind, definition in sorted(_members(value), key=lambda each: each[0].lower()):
        if (wanted is None or kind in wanted) and any(wildcard(each).fullmatch(member) for each in patterns):
            yield Output(_definition(name, member, kind, definition))


def member_end(call: Call) -> Iterator[Effect]:
    if not call.state.get("seen"):
        yield Error("You must specify an object for the Get-Member cmdlet.", "NoObjectInGetMember", "CloseError",
                    "System.InvalidOperationException")


def _kinds(value: Any) -> frozenset[str] | None:
    if value is None:
        return None
    names = {name.strip().lower() for name in to_text(value).split(",")}
    if "all" in names:
        return None
    kinds = {kind for kind in ("Property", "NoteProperty", "Method") if kind.lower() in names}
    if "properties" in names:
        kinds |= {"Property", "NoteProperty"}
    if "methods" in names:
        kinds |= {"Method"}
    return frozenset(kinds)


def _members(value: Any) -> Iterator[tuple[str, str, str]]:
    if not isinstance(value, PSObject):
        return
    declared: dict[str, str] = getattr(value.properties, "definitions", {})
    for name, item in value.properties.items():
        yield name, "Property", declared.get(name) or f"{short_type(type_name(item))} {name} {{get;}}"
    for name, item in value.notes.items():
        text = "null" if item is None else to_text(item)
        yield name, "NoteProperty", f"{short_type(type_name(item))} {name}={text}"


def short_type(name: str | None) -> str:
    """A type's name as Get-Member shows it: the language's own where it has one, type arguments in brackets."""
    if name is None:
        return "System.Object"
    bare = bare_name(name)
    if bare.endswith("[]"):
        return short_type(bare[:-2]) + "[]"
    generic, tick, rest = bare.partition("`")
    if tick:
        arguments = rest.partition("[")[2].rstrip("]").lstrip("[")
        return f"{generic}[{', '.join(short_type(each) for each in arguments.split(','))}]"
    return _SHORT.get(bare, bare)


def _definition(owner: str, name: str, kind: str, definition: str) -> PSObject:
    own = "Microsoft.PowerShell.Commands.MemberDefinition"
    kinds = {"Property": 4, "NoteProperty": 8, "Method": 64}
    return PSObject((own, "System.Object"), {
        "TypeName": bare_name(owner),
        "Name": name,
        "MemberType": EnumValue(_PS + "PSMemberTypes", kind, kinds[kind]),
        "Definition": definition,
    }, {}, definition)


