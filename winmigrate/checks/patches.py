"""Requirements of two hosts being alike: updates, microcode, clocks, and the module that drives them."""

from __future__ import annotations

import datetime as dt

from winmigrate.checks.finding import Scope, Severity
from winmigrate.checks.frame import Ground, Verdict, failed, known, passed, requirement, skipped, surely, unknown
from winmigrate.checks.index import HostIndex
from winmigrate.checks.words import administrator, by_hand, native, powershell
from winmigrate.facts import Unreadable
from winmigrate.facts.versions import at_least
from winmigrate.windows.registry import CURRENT_VERSION, FIRST_PROCESSOR, MEMORY_MANAGEMENT, RegistryKey, key_of

_SUPPORT = "https://learn.microsoft.com/troubleshoot/windows-server/virtualization/"
_GUIDANCE = _SUPPORT + "troubleshoot-live-migration-guidance"
_BOTH = "whoever updates the hosts"
#: Kerberos takes a difference of five minutes; from one on it is worth a word.
_MOST, _NOTED = dt.timedelta(minutes=5), dt.timedelta(minutes=1)


@requirement(
    "hyperv-module-version",
    "The Hyper-V module on the host is the one of its Windows",
    Severity.RISKS,
    Scope.HOST,
    read_by="Get-Module -ListAvailable -Name Hyper-V: Version",
    mend="Install-WindowsFeature -Name Hyper-V-PowerShell",
    page="https://learn.microsoft.com/powershell/module/hyper-v/",
)
def hyperv_module_version(ground: Ground) -> Verdict:
    host = ground.source
    what = f"the Hyper-V module of {host.name}"
    version = known(host.facts.version, f"the Windows of {host.name}")
    found = [known(row.version, what) for row in known(host.facts.hyperv_modules, what)]
    wanted = "2.0.0.0" if at_least(version, "2016") else "1.1" if version == "2012R2" else "1.0"
    if any(_number(item, what) >= _number(wanted, what) for item in found):
        return passed(f"{' and '.join(found)} on {host.name}")
    surely(host, "hyperv_modules", what)
    return failed(
        f"{host.name} has {' and '.join(found) if found else 'no Hyper-V module'}",
        wanted=f"{wanted}, as Windows Server {version} has it",
        remedy=powershell("Install-WindowsFeature -Name Hyper-V-PowerShell", administrator(host.name)),
    )


def _number(text: str, what: str) -> tuple[int, ...]:
    parts = text.split(".")
    if not all(part.isdigit() for part in parts):
        return known(Unreadable(f"{text} is no version"), what)
    return tuple(map(int, parts))


def _key(host: HostIndex, path: str, what: str) -> RegistryKey | None:
    row = known(key_of(known(host.facts.registry, what), path), what)
    if row is None:
        surely(host, "registry", what)
    return row


@requirement(
    "patch-level",
    "Both hosts have the same updates",
    Severity.INFORMS,
    Scope.PAIR,
    since="2012R2",
    read_by="Get-ItemProperty of HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion: UBR; BuildNumber",
    mend="the same cumulative update installed on both",
    page=_GUIDANCE,
)
def patch_level(ground: Ground) -> Verdict:
    hosts = (ground.source, ground.destination)
    builds = [known(known(host.facts.operating_system, f"the Windows of {host.name}").build_number,
                    f"the build of {host.name}") for host in hosts]
    if builds[0] != builds[1]:
        return skipped(f"{hosts[0].name} and {hosts[1].name} run different Windows")
    revisions = []
    for host in hosts:
        what = f"the updates of {host.name}"
        row = _key(host, CURRENT_VERSION, what)
        revision = None if row is None else known(row.ubr, what)
        if revision is None:
            return unknown(f"{host.name} does not say which update it has")
        revisions.append(revision)
    if revisions[0] == revisions[1]:
        return passed(f"build {builds[0]}.{revisions[0]} on both")
    shown = [f"{host.name} has build {builds[0]}.{revision}" for host, revision in zip(hosts, revisions, strict=True)]
    old = hosts[revisions.index(min(revisions))].name
    return failed(
        ", ".join(shown),
        wanted="the same on both",
        remedy=by_hand(f"install on {old} the cumulative update that makes build {builds[0]}.{max(revisions)}", _BOTH,
                       "after the restart that it asks for"),
    )  # fmt: skip


@requirement(
    "cpu-speculation-equal",
    "Both hosts have the same microcode and the same settings against attacks on speculative execution",
    Severity.RISKS,
    Scope.PAIR,
    read_by="Get-ItemProperty of HKLM:\\HARDWARE\\...\\CentralProcessor\\0: Update Revision, of Memory Management: "
    "FeatureSettingsOverride, FeatureSettingsOverrideMask; Win32_Processor: Name",
    mend="the same firmware and microcode on both; the same FeatureSettingsOverride",
    page=_SUPPORT + "troubleshoot-live-migration-issues",
)
def cpu_speculation_equal(ground: Ground) -> Verdict:
    hosts = (ground.source, ground.destination)
    settings, codes, models = [], [], []
    for host in hosts:
        what = f"the settings of {host.name} against attacks on speculative execution"
        row = _key(host, MEMORY_MANAGEMENT, what)
        if row is None:
            return unknown(f"the registry of {host.name} has no settings of memory management")
        settings.append((known(row.feature_settings_override, what), known(row.feature_settings_override_mask, what)))
        what = f"the microcode of {host.name}"
        row = _key(host, FIRST_PROCESSOR, what)
        codes.append(None if row is None else known(row.update_revision, what))
        models.append({known(item.name, what) for item in known(host.facts.processors, what)})
    names = [host.name for host in hosts]
    if settings[0] != settings[1]:
        return failed(
            f"FeatureSettingsOverride is {_set(settings[0])} on {names[0]}, {_set(settings[1])} on {names[1]}",
            wanted="the same on both",
            remedy=by_hand(
                "set FeatureSettingsOverride and FeatureSettingsOverrideMask in HKLM\\" + MEMORY_MANAGEMENT
                + f" of {names[1]} as {names[0]} has them, or the other way",
                f"administrator on {names[1]}", "after a restart",
            ),
        )  # fmt: skip
    if models[0] != models[1]:
        return passed(f"FeatureSettingsOverride is {_set(settings[0])} on both; their processors differ anyhow")
    for name, code in zip(names, codes, strict=True):
        if code is None:
            return unknown(f"{name} does not say which microcode it runs")
    if codes[0] == codes[1]:
        return passed(f"microcode {codes[0]}, FeatureSettingsOverride {_set(settings[0])} on both")
    return failed(
        f"{names[0]} runs microcode {codes[0]}, {names[1]} {codes[1]}",
        wanted="the same on both, for the processors are the same",
        remedy=by_hand("bring the firmware of both to the same release", _BOTH, "after a restart"),
    )


def _set(pair: tuple[int | None, int | None]) -> str:
    value, mask = pair
    if value is None and mask is None:
        return "not set"
    return f"{value} (mask {mask})"


# --- clocks ----------------------------------------------------------------------------------------------------------


@requirement(
    "time-skew",
    "The clocks of both hosts, and ours, are within what Kerberos takes",
    Severity.BLOCKS,
    Scope.PAIR,
    read_by="Win32_OperatingSystem: LocalDateTime, against our clock before and after it was asked",
    mend="w32tm /resync /rediscover",
    page="https://learn.microsoft.com/windows-server/networking/windows-time-service/windows-time-service-top",
)
def time_skew(ground: Ground) -> Verdict:
    hosts = (ground.source, ground.destination)
    (low, high), (low_there, high_there) = (_ahead(host) for host in hosts)
    names = [host.name for host in hosts]
    between = _surely_apart(low - high_there, high - low_there)
    here, there = _surely_apart(low, high), _surely_apart(low_there, high_there)
    if between > _NOTED:
        behind = names[0] if low + high < low_there + high_there else names[1]
        late = names[1] if behind == names[0] else names[0]
        return failed(
            f"the clock of {late} is {_span(between)} ahead of that of {behind}",
            wanted=f"{_span(_MOST)} at most, for Kerberos takes no more",
            remedy=native(
                f"w32tm /resync /rediscover on {names[0] if here >= there else names[1]}",
                administrator(names[0] if here >= there else names[1]),
            ),
            severity=None if between > _MOST else Severity.RISKS,
        )
    ours = max(here, there)
    if ours > _NOTED:
        ahead = low + high > dt.timedelta(0)
        return failed(
            f"the clocks of {names[0]} and {names[1]} are {_span(ours)} {'ahead of' if ahead else 'behind'} ours",
            wanted=f"{_span(_MOST)} at most, for Kerberos takes no more",
            remedy=by_hand(
                "set the clock of the machine that winmigrate runs on by the domain's time (or the hosts', if they are "
                "wrong: w32tm /resync /rediscover)",
                "whoever looks after these machines",
            ),
            severity=Severity.RISKS,
        )
    return passed(f"the clocks of {names[0]}, {names[1]} and ours differ by less than {_span(_NOTED)}")


def _ahead(host: HostIndex) -> tuple[dt.timedelta, dt.timedelta]:
    """How far its clock is ahead of ours: at least, at most; for it was read at some moment between two of ours."""
    what = f"the clock of {host.name}"
    there = known(known(host.facts.operating_system, what).local_date_time, what)
    since, until = host.facts.asked_from, host.facts.asked_at
    if there.tzinfo is None or since is None or until is None:
        return known(Unreadable("it answered a time without its zone" if since else "not asked"), what)
    return there - until, there - since


def _surely_apart(least: dt.timedelta, most: dt.timedelta) -> dt.timedelta:
    """The difference that there is at least."""
    nothing = dt.timedelta(0)
    return nothing if least <= nothing <= most else min(abs(least), abs(most))


def _span(span: dt.timedelta) -> str:
    seconds = round(span.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min" + (f" {rest} s" if rest else "") if minutes < 120 else f"{minutes // 60} h"
