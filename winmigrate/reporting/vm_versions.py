"""`check --versions`: hosts and the VM configuration versions they run, and what cannot come back."""

from __future__ import annotations

from winmigrate.checks.vm_versions import HostVersions, VersionMove, VersionTable, VMVersion
from winmigrate.documents import Kind, document_text
from winmigrate.errors import UsageError
from winmigrate.facts import Unreadable
from winmigrate.reporting.markdown import plain, table
from winmigrate.reporting.text import wrapped
from winmigrate.reporting.words import name, visible

#: `winmigrate schema versions`.
VERSIONS = Kind("versions", VersionTable)


def versions_as(form: str, found: VersionTable) -> str:
    """``form``: text, json or md. Raises UsageError."""
    if form == "text":
        return _text(found)
    if form == "json":
        return document_text(VERSIONS, found)
    if form == "md":
        return _markdown(found)
    raise UsageError(f'versions have no form "{form}"', hint="text, json or md")


def _cell(host: HostVersions, version: str) -> str:
    if isinstance(host.runs, Unreadable):
        return "?"
    if version not in host.runs:
        return "-"
    return "newest" if version == host.newest else "yes"


def _windows(host: HostVersions) -> str:
    return "?" if isinstance(host.windows, Unreadable) else host.windows


def _rows(found: VersionTable) -> list[list[str]]:
    return [
        [name(host.host), _windows(host), *(_cell(host, version) for version in found.versions)]
        for host in found.hosts
    ]


def _unread(found: VersionTable) -> list[str]:
    return [
        f"{name(host.host)}: the versions it runs cannot be read: {visible(host.runs.reason)}"
        for host in found.hosts
        if isinstance(host.runs, Unreadable)
    ]


def _text(found: VersionTable) -> str:
    rows = [["host", "Windows", *found.versions], *_rows(found)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += _unread(found)
    for vm in found.vms:
        lines += ["", _title(vm)]
        for text in _of_vm(vm):
            lines += wrapped("  ", text, "      ")
    return "\n".join(lines) + "\n"


def _title(vm: VMVersion) -> str:
    version = "a version that cannot be read" if isinstance(vm.version, Unreadable) else f"version {vm.version}"
    return f"{name(vm.vm_name)}, {version}, on {vm.source}"


def _of_vm(vm: VMVersion) -> list[str]:
    if isinstance(vm.version, Unreadable):
        return [f"its version cannot be read: {visible(vm.version.reason)}"]
    lines = [_of_move(vm, move) for move in vm.moves]
    if isinstance(vm.upgraded_here, str) and vm.closed_here:
        lines.append(f"upgraded on {vm.source} to {vm.upgraded_here}: never again on {', '.join(vm.closed_here)}")
    return lines


def _of_move(vm: VMVersion, move: VersionMove) -> str:
    head = f"> {move.destination}: "
    if isinstance(move.runs, Unreadable):
        return head + f"whether it runs there cannot be told: {visible(move.runs.reason)}"
    if not move.runs:
        return head + f"CANNOT GO, {move.destination} does not run version {vm.version}"
    text = head + ("may come back as it is" if move.comes_back is True else "CANNOT COME BACK")
    if isinstance(move.comes_back, Unreadable):
        text = head + f"whether it may come back cannot be told: {visible(move.comes_back.reason)}"
    if isinstance(move.upgraded_to, Unreadable):
        return text + f"; what an upgrade there makes of it cannot be told: {visible(move.upgraded_to.reason)}"
    if move.upgraded_to is None:
        return text + "; it is of the newest version there"
    text += f"; upgraded there to {move.upgraded_to} it "
    if isinstance(move.comes_back_upgraded, Unreadable):
        return text + f"may or may not come back: {visible(move.comes_back_upgraded.reason)}"
    text += "may come back too" if move.comes_back_upgraded else "CANNOT COME BACK"
    others = [host for host in move.closed if host != vm.source]
    return text + (f", nor go to {', '.join(others)}" if others else "")


def _markdown(found: VersionTable) -> str:
    lines = ["# Versions", "", "## Hosts", ""]
    lines += table(("Host", "Windows", *found.versions), ([plain(cell) for cell in row] for row in _rows(found)))
    lines += [f"- {plain(line)}" for line in _unread(found)]
    rows = [
        (plain(name(vm.vm_name)), plain(vm.source), "?" if isinstance(vm.version, Unreadable) else plain(vm.version),
         plain("; ".join(_of_vm(vm))))
        for vm in found.vms
    ]  # fmt: skip
    if rows:
        lines += ["", "## VMs", "", *table(("VM", "On", "Version", "Ways"), rows)]
    return "\n".join(lines) + "\n"
