"""Get-CimInstance and Invoke-CimMethod over the lab's classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from winmigrate.facts.versions import at_least
from winmigrate.lab.cmdlets import cim_hyperv, cim_windows, registry
from winmigrate.lab.cmdlets.desk import Command, Desk, each
from winmigrate.lab.cmdlets.hop import local, reach
from winmigrate.lab.cmdlets.instances import CimClass, CimInstance, show_instance
from winmigrate.lab.cmdlets.wql import BadQuery, Condition, parse_filter, parse_query
from winmigrate.lab.engine import values as net
from winmigrate.lab.engine.effects import Call, Effect, Error, Output, ShouldProcess

Method: TypeAlias = "Callable[[CimInstance, Mapping[str, Any]], dict[str, Any]]"


@dataclass(frozen=True, slots=True)
class Provider:
    """A class with where its instances come from. ``hyperv``: they are shown to those only who may manage Hyper-V.
    ``since``: the Windows version that brought its namespace.
    """

    cim_class: CimClass
    items: Callable[[Desk], list[Any]]
    methods: Mapping[str, Method]
    hyperv: bool = False
    since: str = "2012"


def _host(desk: Desk) -> list[Any]:
    return [desk.host]


def _hyperv(cim_class: CimClass, items: Callable[[Desk], list[Any]], **methods: Method) -> Provider:
    return Provider(cim_class, items, {name.lower(): method for name, method in methods.items()}, True)


_PROVIDERS = {
    (provider.cim_class.namespace.lower(), provider.cim_class.name.lower()): provider
    for provider in (
        Provider(cim_windows.COMPUTER_SYSTEM, _host, {}),
        Provider(cim_windows.OPERATING_SYSTEM, _host, {}),
        Provider(cim_windows.PROCESSOR, cim_windows.processors, {}),
        Provider(cim_windows.SERVICE, lambda desk: list(desk.host.services.values()), {}),
        Provider(cim_windows.DEVICE_GUARD_CLASS, _host, {}, since="2016"),
        Provider(registry.USER_RIGHT, registry.user_rights, {}),
        _hyperv(cim_hyperv.MIGRATION_JOB, cim_hyperv.jobs, RequestStateChange=cim_hyperv.request_job_state),
        _hyperv(cim_hyperv.PLANNED_SYSTEM, cim_hyperv.planned),
        _hyperv(cim_hyperv.COMPUTER_SYSTEM, cim_hyperv.systems),
        _hyperv(cim_hyperv.MIGRATION_SERVICE, _host),
        _hyperv(cim_hyperv.MANAGEMENT_SERVICE, _host, DestroySystem=cim_hyperv.destroy_system),
    )
}


def _error(text: str, code: int, category: str, target: Any) -> Error:
    return Error(text, f"HRESULT 0x{code:08x}", category, "Microsoft.Management.Infrastructure.CimException", target,
                 code)


def find_class(desk: Desk, namespace: str, name: str) -> Provider | Error:
    """The class of a namespace (slashes either way, any case), or the server's refusal."""
    wanted = re.sub(r"[\\/]+", "/", namespace).strip("/").lower()
    there = [provider for (each_namespace, _), provider in _PROVIDERS.items()
             if each_namespace == wanted and at_least(desk.host.version, provider.since)]
    if not there:
        return _error("Invalid namespace ", 0x8004100E, "MetadataError", namespace)
    provider = _PROVIDERS.get((wanted, name.lower()))
    return provider or _error("Invalid class ", 0x80041010, "MetadataError", f"{namespace}:{name}")


def instances(desk: Desk, caller: Any, provider: Provider, only: frozenset[str] | None = None,
              condition: Condition | None = None) -> list[CimInstance]:
    """The instances of a class on a host, as that caller sees them."""
    if provider.hyperv and isinstance(local(desk, caller), Error):
        return []  # Hyper-V's provider hides what a user has no right to
    with desk.world.lock:
        return [CimInstance(desk, provider.cim_class, item, only) for item in provider.items(desk)
                if condition is None or condition(CimInstance(desk, provider.cim_class, item))]


def _places(desk: Desk, call: Call) -> Iterator[Desk | Error]:
    names = each(call.get("ComputerName"))
    if not names:
        yield desk
    for name in names:
        there = reach(desk, call.context, str(name))
        if isinstance(there, Error):
            code = there.hresult if there.hresult is not None else 0x80338126
            yield _error(there.message, code, "ConnectionError", str(name))
        else:
            yield there


def _asked(call: Call) -> tuple[str, frozenset[str] | None, Condition | None] | Error:
    """Class name, wanted properties and condition of a call."""
    try:
        if "Query" in call.bound:
            query = parse_query(str(call.bound["Query"]))
            only = None if query.properties is None else frozenset(name.lower() for name in query.properties)
            return query.class_name, only, query.condition
        text = call.get("Filter")
        condition = parse_filter(str(text)) if text else None
    except BadQuery:
        return _error("Invalid query ", 0x80041017, "InvalidArgument", call.get("Query") or call.get("Filter"))
    names = [str(name).lower() for name in each(call.get("Property"))]
    only = frozenset(names) if names and "*" not in names else frozenset() if call.get("KeyOnly") else None
    return str(call.get("ClassName")), only, condition


def get_instance(desk: Desk, call: Call) -> Iterator[Effect]:
    """Get-CimInstance by class, by query, or again for an instance."""
    if "InputObject" in call.bound:
        yield _again(call.bound["InputObject"], call.context)
        return
    asked = _asked(call)
    if isinstance(asked, Error):
        yield asked
        return
    name, only, condition = asked
    provider = find_class(desk, str(call.get("Namespace") or cim_windows.CIMV2), name)
    if isinstance(provider, Error):
        yield provider
        return
    for there in _places(desk, call):
        if isinstance(there, Error):
            yield there
        else:
            yield from (Output(show_instance(one))
                        for one in instances(there, call.context, provider, only, condition))


def _again(given: Any, caller: Any) -> Effect:
    live = given.live if isinstance(given, net.PSObject) else None
    if isinstance(live, CimInstance):
        key = (live.cim_class.namespace.lower(), live.cim_class.name.lower())
        provider = _PROVIDERS.get(key)
        for one in instances(live.desk, caller, provider) if provider else []:
            if all(one[name] == live[name] for name in live.cim_class.keys):
                return Output(show_instance(one))
    return _error("Not found ", 0x80041002, "ObjectNotFound", given)


def invoke_method(desk: Desk, call: Call) -> Iterator[Effect]:
    """Invoke-CimMethod on an instance, or on all that a query or class name finds."""
    name = str(call.bound["MethodName"])
    for instance in _subjects(desk, call):
        if isinstance(instance, Error):
            yield instance
            continue
        cim_class = instance.cim_class
        provider = _PROVIDERS.get((cim_class.namespace.lower(), cim_class.name.lower()))
        method = provider.methods.get(name.lower()) if provider else None
        if method is None:
            yield _error("Invalid method ", 0x8004102F, "InvalidOperation", cim_class.name)
            continue
        if not (yield ShouldProcess(show_instance(instance).to_string or cim_class.name, f"Invoke-CimMethod: {name}")):
            continue
        arguments = call.get("Arguments")
        result = method(instance, arguments if isinstance(arguments, Mapping) else {})
        kind = "Microsoft.Management.Infrastructure.CimMethodResult"
        yield Output(net.PSObject((f"{kind}#{cim_class.name}#{name}", kind, "System.Object"),
                                  {**result, "PSComputerName": None}))


def _subjects(desk: Desk, call: Call) -> Iterator[CimInstance | Error]:
    if "InputObject" in call.bound:
        given = call.bound["InputObject"]
        live = given.live if isinstance(given, net.PSObject) else None
        yield live if isinstance(live, CimInstance) else _error(
            "Not found ", 0x80041002, "ObjectNotFound", given)
        return
    asked = _asked(call)
    if isinstance(asked, Error):
        yield asked
        return
    provider = find_class(desk, str(call.get("Namespace") or cim_windows.CIMV2), asked[0])
    if isinstance(provider, Error):
        yield provider
        return
    for there in _places(desk, call):
        if isinstance(there, Error):
            yield there
        else:
            yield from instances(there, call.context, provider, None, asked[2])


COMMANDS: dict[str, Command] = {
    "Get-CimInstance": Command(get_instance),
    "Invoke-CimMethod": Command(invoke_method),
}
