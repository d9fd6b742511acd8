"""A table: a row type and the pipeline that fills it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from winmigrate.facts.versions import at_least
from winmigrate.request import SWITCH, UTILITY, Command, Statement, command, select
from winmigrate.windows.row import columns, projection, rows

R_co = TypeVar("R_co", covariant=True)

VIRTUALIZATION = "root/virtualization/v2"


@dataclass(frozen=True, slots=True)
class Table(Generic[R_co]):
    """``source`` makes the objects; ``since`` is the Windows version that brought it, None for 2012.

    ``class_known_from``: the version from which the properties of the objects are known for certain. Older hosts are
    asked for the members of what they have (:meth:`members`), in the same request. ``single``: there is one row always.
    ``until``: the last version that is asked. ``absent``: the error that says that there are no rows, by what its id
    has before the comma.
    """

    name: str
    row: type[R_co]
    source: tuple[Command, ...]
    since: str | None = None
    class_known_from: str | None = None
    single: bool = False
    until: str | None = None
    absent: str = ""

    def exists(self, version: str) -> bool:
        """Does this Windows version have what fills the table?"""
        return (self.since is None or at_least(version, self.since)) and (
            self.until is None or at_least(self.until, version)
        )

    def statement(self, version: str) -> Statement:
        """The read, for a host of this version."""
        return Statement((*self.source, projection(self.row, version)))

    @property
    def of_vms(self) -> bool:
        """Are its rows VMs, or what VMs have?"""
        return self.source[0].name == "Get-VM"

    def of(self, vm_id: str) -> Table[R_co]:
        """The same table for one VM alone; itself where it is not made of VMs. No VM is no row, and no error."""
        if not self.of_vms:
            return self
        one = command("Where-Object", Property="Id", EQ=SWITCH, Value=vm_id)
        return replace(self, source=(self.source[0], one, *self.source[1:]))

    def members(self, version: str) -> Statement | None:
        """What asks for the names of the properties there; None where they are known."""
        if self.class_known_from is None or at_least(version, self.class_known_from):
            return None
        member = command(UTILITY + "Get-Member", MemberType="Properties")
        return Statement((*self.source, member, select_names("Name")))

    def rows(self, objects: Iterable[Any], version: str, members: Collection[str] | None = None) -> tuple[R_co, ...]:
        """The rows of what :meth:`statement` brought back."""
        return rows(self.row, objects, version, members)

    @property
    def properties(self) -> tuple[str, ...]:
        """The names of the columns as Windows writes them."""
        return tuple(item.property for item in columns(self.row).values())


def select_names(name: str) -> Command:
    """``Select-Object -ExpandProperty``: bare values of one property. Unlike ``-Property`` it tells a missing one."""
    return command(select().name, ExpandProperty=name)


def cim(class_name: str, *, namespace: str | None = None, filter: str | None = None) -> Command:
    """``Get-CimInstance``. ``filter`` is WQL written here and never made of values from elsewhere."""
    given = {"Namespace": namespace, "ClassName": class_name, "Filter": filter}
    return command("Get-CimInstance", **{name: value for name, value in given.items() if value is not None})
