"""From the answers of a host to tables: what could not be read says why, and what right would change that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from winmigrate.errors import AuthenticationFailed, CannotConnect, HostError, Refused
from winmigrate.facts import Unreadable, version_of_build
from winmigrate.remoting.batch import Answer
from winmigrate.windows import host
from winmigrate.windows.host import Identity
from winmigrate.windows.row import NOT_ASKED, NOT_ON_THIS_BUILD
from winmigrate.windows.table import Table

R = TypeVar("R")

#: E_ACCESSDENIED, WBEM_E_ACCESS_DENIED.
_ACCESS_DENIED = frozenset({0x80070005, 0x80041003})
#: The same as a WSMan fault: ERROR_ACCESS_DENIED, bare or as an HRESULT.
_REFUSED = frozenset({5, 0x80070005})


class Reader:
    """The answers of one batch of one host, made into tables. ``incomplete`` gathers errors beside rows."""

    def __init__(self, host_name: str, version: str, answers: Mapping[str, Answer | Unreadable]) -> None:
        self.host = host_name
        self.version = version
        self.answers = answers
        self.incomplete: dict[str, str] = {}

    def table(self, table: Table[R], members: Collection[str] | None = None) -> tuple[R, ...] | Unreadable:
        """All rows of a table."""
        if not table.exists(self.version):
            return NOT_ON_THIS_BUILD
        answer = self.answers.get(table.name)
        if table.absent and isinstance(answer, Answer) and _says(answer, table.absent):
            return ()
        objects = self.objects(table.name)
        return objects if isinstance(objects, Unreadable) else table.rows(objects, self.version, members)

    def one(self, table: Table[R], members: Collection[str] | None = None) -> R | Unreadable:
        """The one row of a table that always has one."""
        found = self.table(table, members)
        if isinstance(found, Unreadable):
            return found
        return found[0] if found else Unreadable(f"the host answered nothing where its {table.name} were asked for")

    def members(self, table: Table[Any]) -> Collection[str] | None:
        """The properties that the host's objects have; None where they are known, or could not be asked."""
        answer = self.answers.get(members_of(table))
        if answer is None or isinstance(answer, Unreadable) or not answer.objects:
            return None
        return {str(name) for name in answer.objects}

    def texts(self, name: str) -> tuple[str, ...] | Unreadable:
        """Bare texts."""
        objects = self.objects(name)
        if isinstance(objects, Unreadable):
            return objects
        wrong = [item for item in objects if not isinstance(item, str)]
        return Unreadable(f"expected text, the host answered {wrong[0]!r:.80}") if wrong else tuple(objects)

    def integers(self, name: str) -> tuple[int, ...] | Unreadable:
        """Bare integers."""
        objects = self.objects(name)
        if isinstance(objects, Unreadable):
            return objects
        wrong = [item for item in objects if isinstance(item, bool) or not isinstance(item, int)]
        return Unreadable(f"expected integers, the host answered {wrong[0]!r:.80}") if wrong else tuple(objects)

    def objects(self, name: str) -> list[Any] | Unreadable:
        """What a read brought. Errors and nothing else: Unreadable; errors beside objects: told in ``incomplete``."""
        answer = self.answers.get(name, NOT_ASKED)
        if isinstance(answer, Unreadable):
            return self._with_need(answer, name, answer.reason)
        if answer.errors:
            reason = reason_of(answer.errors[0], self.host, hyper_v=name not in _OF_THE_SYSTEM)
            if not answer.objects:
                return reason
            more = f" (and {len(answer.errors) - 1} more)" if len(answer.errors) > 1 else ""
            self.incomplete[name] = reason.reason + more
        return list(_flat(answer.objects))

    def _with_need(self, found: Unreadable, name: str, reason: str) -> Unreadable:
        if found.needs or "denied" not in reason.lower():
            return found
        return Unreadable(reason, needs=needed_right(self.host, hyper_v=name not in _OF_THE_SYSTEM))


def _says(answer: Answer, error_id: str) -> bool:
    """Is this error all that came?"""
    ids = {error.fqeid.partition(",")[0] for error in answer.errors}
    return not answer.objects and ids == {error_id}


def _flat(objects: Collection[Any]) -> list[Any]:
    """A host may send a list as one object, or each of its items as one."""
    return [inner for item in objects for inner in (item if isinstance(item, list) else [item])]


#: Reads that local administrators alone may do; the rest is Hyper-V's.
_OF_THE_SYSTEM = frozenset(
    {"computer_system", "operating_system", "processors", "services", "features", "volumes", "addresses", "files",
     "links", "guardian_client", "registry", "user_rights", "scanner", "hyperv_modules", "net_adapters", "listeners",
     "smb_interfaces", "smb_limits", "registry_pol"}
)


def members_of(table: Table[Any]) -> str:
    """The name of the read that asks which properties a table's objects have."""
    return f"members of {table.name}"


def needed_right(host_name: str, *, hyper_v: bool) -> str:
    """The right that would make a fact readable, in words; the same words group."""
    return f"{'Hyper-V Administrators' if hyper_v else 'Administrators'} on {host_name}"


def reason_of(record: Any, host_name: str, *, hyper_v: bool = True) -> Unreadable:
    """Why a read failed, from the ErrorRecord that it left."""
    said = f"{record.message} ({record.fqeid.partition(',')[0]})" if record.fqeid else str(record.message)
    denied = (
        record.category == "PermissionDenied"
        or "accessdenied" in record.fqeid.lower()
        or (record.hresult is not None and record.hresult & 0xFFFFFFFF in _ACCESS_DENIED)
    )
    if denied:
        return Unreadable(f"access denied: {said}", needs=needed_right(host_name, hyper_v=hyper_v))
    return Unreadable(said)


def unreached(error: HostError) -> Unreadable:
    """Why a host gave no answer at all, and what to do about it."""
    told = f"{error}; {error.hint}" if error.hint else str(error)
    if isinstance(error, AuthenticationFailed):
        return Unreadable(told, needs=f"a credential that {error.host} takes")
    if isinstance(error, CannotConnect):
        return Unreadable(told, needs=f"a connection to {error.host}")
    if isinstance(error, Refused) and error.code in _REFUSED:
        return Unreadable(told, needs=f"Administrators or Remote Management Users on {error.host}")
    return Unreadable(told)


def version_of(reader_objects: list[Any] | Unreadable) -> tuple[str | Unreadable, int | Unreadable]:
    """(version, build) from the answer of OPERATING_SYSTEM; properties read here exist on every version."""
    if isinstance(reader_objects, Unreadable):
        return reader_objects, reader_objects
    systems = host.OPERATING_SYSTEM.rows(reader_objects, "2012")
    if not systems:
        missing = Unreadable("the host did not say which Windows it is")
        return missing, missing
    build = systems[0].build_number
    if isinstance(build, Unreadable):
        return build, build
    version = version_of_build(build)
    return (version if version is not None else Unreadable(f"build {build} is older than Windows Server 2012")), build


def shown(
    vms: tuple[R, ...], identity: Identity | Unreadable, host_name: str, what: str = "VM"
) -> tuple[R, ...] | Unreadable:
    """The VMs, or what else Hyper-V has; Unreadable for none shown to one who may see none: that is no error there."""
    if vms or isinstance(identity, Unreadable):
        return vms
    rights = (host.administrator(identity), host.hyper_v_administrator(identity))
    if any(isinstance(right, Unreadable) or right for right in rights):
        return vms
    user = identity.user if isinstance(identity.user, str) else "this user"
    return Unreadable(
        f"no {what} was shown, but {user} is neither administrator nor Hyper-V administrator, and would be shown none",
        needs=needed_right(host_name, hyper_v=True),
    )
