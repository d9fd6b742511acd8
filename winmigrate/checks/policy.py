"""Requirements of what policies and other programs do to a host: user rights, Registry.pol, its name, scanners."""

from __future__ import annotations

from winmigrate.checks.finding import Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, skipped, surely, unknown
from winmigrate.checks.index import HostIndex
from winmigrate.checks.words import administrator, by_hand, listed, native, powershell
from winmigrate.windows import policy
from winmigrate.windows.registry import COMPUTER_NAME, key_of

_SUPPORT = "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/"
_GUIDANCE = _SUPPORT + "troubleshoot-live-migration-guidance"
_ISSUES = _SUPPORT + "troubleshoot-live-migration-issues"
_POLICY = "whoever looks after group policy"
_IN_FORCE = "after gpupdate /force on the host, or when it next asks for its policies (within two hours)"

#: How "Administrators" begins in the languages of Windows Server whose names of it are known to us.
_ADMINISTRATORS = ("administrat", "administrad", "amministrat", "администратор", "rendszergazd", "järjestelmänvalvoj")


def _is_machines(account: str) -> bool:
    """Is it NT VIRTUAL MACHINE\\Virtual Machines (S-1-5-83-0)? The authority's name is the same in every language."""
    authority, _, name = account.casefold().rpartition("\\")
    if account.lstrip("*").upper() == "S-1-5-83-0":
        return True
    # A single machine's account is named by its GUID.
    return authority == "nt virtual machine" and name.count("-") != 4


def _is_administrators(account: str) -> bool:
    name = account.casefold().rpartition("\\")[2]
    return account.lstrip("*").upper() == "S-1-5-32-544" or name.startswith(_ADMINISTRATORS)


def _set_by_policy(host: HostIndex, right: str) -> tuple[str, ...] | None:
    """The accounts that group policy gives a right to; None where it leaves the right alone."""
    what = f"the user rights that policies set on {host.name}"
    rows = [row for row in known(host.facts.user_rights, what) if known(row.user_right, what) == right]
    if not rows:
        surely(host, "user_rights", what)
        return None
    # That of the lowest number is the one in force.
    holds = min(rows, key=lambda row: known(row.precedence, what))
    return known(holds.accounts, what) or ()


def _lacking(host: HostIndex, right: str, title: str, missing: list[str], given: tuple[str, ...]) -> Verdict:
    return failed(
        f"group policy gives '{title}' on {host.name} to {listed(given, 'nobody')}, not to {' and '.join(missing)}",
        wanted=f"{' and '.join(missing)} among them",
        remedy=by_hand(
            f"in the group policy that sets '{title}' ({right}) for {host.name}, add {' and '.join(missing)}, or leave "
            "the right undefined; then on the host: gpupdate /force",
            _POLICY,
            _IN_FORCE,
        ),
    )


@requirement(
    "gpo-logon-as-service",
    "No policy takes 'Log on as a service' from NT VIRTUAL MACHINE\\Virtual Machines",
    Severity.BLOCKS,
    Scope.HOST,
    read_by="RSOP_UserPrivilegeRight: SeServiceLogonRight (what group policy sets; nothing is written)",
    mend="the account added in the policy that sets the right; gpupdate /force",
    page=_SUPPORT + "starting-or-live-migrating-hyper-v-vms-fails",
)
def gpo_logon_as_service(ground: Ground) -> Verdict:
    host = ground.source
    given = _set_by_policy(host, policy.LOGON_AS_SERVICE)
    if given is None:
        return passed(f"no group policy sets 'Log on as a service' on {host.name}")
    if any(_is_machines(account) for account in given):
        return passed(f"group policy gives it to {listed(given)} on {host.name}")
    machines = ["NT VIRTUAL MACHINE\\Virtual Machines"]
    return _lacking(host, policy.LOGON_AS_SERVICE, "Log on as a service", machines, given)


@requirement(
    "gpo-create-symbolic-links",
    "No policy takes 'Create symbolic links' from Administrators and NT VIRTUAL MACHINE\\Virtual Machines",
    Severity.BLOCKS,
    Scope.HOST,
    read_by="RSOP_UserPrivilegeRight: SeCreateSymbolicLinkPrivilege (what group policy sets; nothing is written)",
    mend="both accounts added in the policy that sets the right; gpupdate /force",
    page=_GUIDANCE,
)
def gpo_create_symbolic_links(ground: Ground) -> Verdict:
    host = ground.source
    given = _set_by_policy(host, policy.CREATE_SYMBOLIC_LINKS)
    if given is None:
        return passed(f"no group policy sets 'Create symbolic links' on {host.name}")
    missing = [] if any(_is_administrators(account) for account in given) else ["Administrators"]
    missing += [] if any(_is_machines(account) for account in given) else ["NT VIRTUAL MACHINE\\Virtual Machines"]
    if not missing:
        return passed(f"group policy gives it to {listed(given)} on {host.name}")
    return _lacking(host, policy.CREATE_SYMBOLIC_LINKS, "Create symbolic links", missing, given)


@requirement(
    "registry-pol-intact",
    "The machine's Registry.pol is intact, or there is none",
    Severity.RISKS,
    Scope.HOST,
    read_by=f"Get-Content -Encoding Byte -TotalCount 4 of {policy.REGISTRY_POL}",
    mend="the file restored from a healthy host, or removed so that it is made anew; gpupdate /force",
    page=_ISSUES,
)
def registry_pol_intact(ground: Ground) -> Verdict:
    host = ground.source
    what = f"Registry.pol of {host.name}"
    first = known(host.facts.registry_pol, what)
    if first is None:
        drive = known(known(host.facts.operating_system, what).system_drive, f"where Windows is on {host.name}")
        if drive.casefold() != "c:":
            return unknown(f"Windows of {host.name} is on {drive}, and only {policy.REGISTRY_POL} was looked at")
        return passed(f"{host.name} has none")
    if first == policy.SIGNATURE:
        return passed(f"{policy.REGISTRY_POL} of {host.name} begins with PReg")
    found = " ".join(f"{byte & 0xFF:02X}" for byte in first) or "nothing"
    return failed(
        f"{policy.REGISTRY_POL} of {host.name} begins with {found}",
        wanted="50 52 65 67 (PReg)",
        remedy=native(
            f"move {policy.REGISTRY_POL} aside, then: gpupdate /force",
            administrator(host.name),
            "after gpupdate; restart vmms if its listener stays away",
        ),
    )


@requirement(
    "computername-uppercase",
    "The registry has the host's name in upper case, where memory goes over SMB",
    Severity.RISKS,
    Scope.HOST,
    since="2019",
    until="2019",
    read_by="Get-ItemProperty of HKLM:\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName: ComputerName",
    mend="the value set in upper case, and a restart",
    page=_ISSUES,
)
def computername_uppercase(ground: Ground) -> Verdict:
    host = ground.source
    what = f"the performance option of {host.name}"
    option = known(known(host.facts.vm_host, what).virtual_machine_migration_performance_option, what)
    if option != "SMB":
        return skipped(f"memory of {host.name} does not go over SMB ({option})")
    what = f"the name of {host.name} in its registry"
    row = known(key_of(known(host.facts.registry, what), COMPUTER_NAME), what)
    written = None if row is None else known(row.computer_name, what)
    if written is None:
        return unknown(f"the registry of {host.name} names no computer")
    if written == written.upper():
        return passed(f"{host.name} writes itself {written}")
    return failed(
        f"the registry of {host.name} has {written}",
        wanted=written.upper(),
        remedy=powershell(
            "Set-ItemProperty -Path 'HKLM:\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName' "
            f"-Name ComputerName -Value {written.upper()}",
            administrator(host.name),
            "after a restart",
        ),
    )


_PROCESSES = ("vmms.exe", "vmwp.exe")


@requirement(
    "antivirus-exclusions",
    "Defender leaves out what Hyper-V works on",
    Severity.INFORMS,
    Scope.HOST,
    since="2016",
    read_by="Get-MpPreference: DisableAutoExclusions, ExclusionProcess, DisableRealtimeMonitoring",
    mend="Add-MpPreference -ExclusionProcess vmms.exe,vmwp.exe, or Set-MpPreference -DisableAutoExclusions $false",
    page=_GUIDANCE,
)
def antivirus_exclusions(ground: Ground) -> Verdict:
    host = ground.source
    what = f"what the virus scanner of {host.name} leaves out"
    scanner = known(host.facts.scanner, what)
    if known(scanner.disable_realtime_monitoring, what):
        return passed(f"Defender of {host.name} does not look at what is opened")
    automatic = known(scanner.disable_auto_exclusions, what)
    if automatic is False:
        return passed(f"Defender of {host.name} leaves out what the role has by itself")
    excluded = known(scanner.exclusion_process, what) or ()
    names = {item.replace("/", "\\").rpartition("\\")[2].casefold() for item in excluded}
    missing = [name for name in _PROCESSES if name not in names]
    if not missing:
        return passed(f"Defender of {host.name} leaves out {' and '.join(_PROCESSES)}")
    if any(item.startswith("N/A") for item in excluded):
        return unknown(f"{host.name} shows exclusions to administrators alone", needs=f"Administrators on {host.name}")
    return failed(
        f"Defender of {host.name} looks at what {' and '.join(missing)} opens"
        + (", and leaves out nothing by itself" if automatic else ""),
        wanted=f"{' and '.join(_PROCESSES)} left out",
        remedy=powershell(f"Add-MpPreference -ExclusionProcess {','.join(missing)}", administrator(host.name)),
    )
