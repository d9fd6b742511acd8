"""Looking for a command by its ids, as a client that did not start it can (WSMan Enumerate)."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from pypsrp.exceptions import WSManFaultError
from pypsrp.wsman import NAMESPACES, SelectorSet

from winmigrate.remoting.failures import UNKNOWN_SELECTORS
from winmigrate.remoting.transport import Wire
from winmigrate.request import Ticket

_COMMANDS = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/Command"
_DIALECT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/SelectorFilter"


def selectors_of(shell_id: str | None) -> SelectorSet:
    """The selector set that names a shell."""
    selectors = SelectorSet()
    selectors.add_option("ShellId", shell_id or "")
    return selectors


def is_listed(wire: Wire, ticket: Ticket) -> bool:
    """Is the command among those the host lists for its shell? (DSP0226 8, MS-WSMV 3.1.4.9.)"""
    enumeration, management = NAMESPACES["wsen"], NAMESPACES["wsman"]
    body = ET.Element(f"{{{enumeration}}}Enumerate")
    ET.SubElement(body, f"{{{management}}}OptimizeEnumeration")
    ET.SubElement(body, f"{{{management}}}MaxElements").text = "32000"
    chosen = ET.SubElement(body, f"{{{management}}}Filter", Dialect=_DIALECT)
    chosen.append(selectors_of(ticket.shell_id).pack())
    try:
        answer = wire.enumerate(_COMMANDS, body)
    except WSManFaultError as error:
        if error.code == UNKNOWN_SELECTORS:
            return False
        raise
    listed = answer.findall("wsen:EnumerateResponse/wsman:Items/rsp:Command/rsp:CommandId", NAMESPACES)
    return any((each.text or "").strip().upper() == ticket.command_id.upper() for each in listed)
