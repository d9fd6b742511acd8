"""Cases of delegation and the accounts behind it: a domain, read by the AD cmdlets of hv01."""

from __future__ import annotations

import datetime as dt

from tests.checks.case import Case, put, unchanged
from tests.checks.domain import (
    BASE,
    DISABLED,
    MIGRATION,
    NORMAL,
    SENSITIVE,
    SID,
    UNCONSTRAINED,
    WORKSTATION,
    four,
)
from tests.checks.world import DISKS, NOW, VM, WEB, Chains, Change, World, drive, enum, vhd
from tests.survey.hosts import Failure
from winmigrate.checks import Outcome, Severity

P, F, U, S, L = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP, Outcome.PENDING

_HV01 = f"CN=HV01,CN=Computers,{BASE}"
_NONE = {"msDS_AllowedToDelegateTo": []}


def account(name: str, **attributes: object) -> Change:
    return lambda world: world.domain.put(name, **attributes)


def both(*changes: Change) -> Change:
    def change(world: World) -> None:
        for one in changes:
            one(world)

    return change


def no_directory(world: World) -> None:
    world.directory = None


def no_cmdlets(world: World) -> None:
    world.domain.failure = Failure(
        "The term 'Get-ADDomain' is not recognized as the name of a cmdlet, function, script file, or operable "
        "program.", "CommandNotFoundException", 13,
    )  # fmt: skip


def no_controller(world: World) -> None:
    world.domain.failure = Failure(
        "Unable to contact the server. This may be because this server does not exist, it is currently down, or it "
        "does not have the Active Directory Web Services running.",
        "ActiveDirectoryServer:0,Microsoft.ActiveDirectory.Management.Commands.GetADDomain", 17,
    )  # fmt: skip


def lists(name: str, *services: str) -> Change:
    return account(name, msDS_AllowedToDelegateTo=list(services))


def credssp(host: str) -> Change:
    kind = enum("MigrationAuthenticationType", "CredSSP")
    return put(host, "Get-VMHost", VirtualMachineMigrationAuthenticationType=kind)


def group(name: str, rid: int, *inside: str, above: tuple[str, ...] = ()) -> Change:
    def change(world: World) -> None:
        world.domain.add("group", name, rid, "CN=Users", groups=above)
        for one in inside:
            world.domain.entries[one].groups.append(name)

    return change


def gone(name: str) -> Change:
    def change(world: World) -> None:
        del world.domain.entries[name]

    return change


def elsewhere(host: str, domain: str) -> Change:
    return put(host, "Win32_ComputerSystem", Domain=domain)


def trust(target: str, direction: str, *, forest: bool = False) -> Change:
    return lambda world: world.domain.trusts.append(
        {"Target": target, "Direction": direction, "ForestTransitive": forest}
    )


def forest(*domains: str) -> Change:
    def change(world: World) -> None:
        world.domain.domains = list(domains)

    return change


def operator(user: str, sid: str) -> Change:
    def change(world: World) -> None:
        world.set("hv01", "whoami /user", {"User": user, "Sid": sid})

    return change


def on_share(world: World) -> None:
    folder = "\\\\sofs.corp.example\\vms\\web01"
    disk = f"{folder}\\web01.vhdx"
    world.put("hv01", VM, Path=folder, ConfigurationLocation=folder, SnapshotFileLocation=folder,
              SmartPagingFilePath=folder)
    world.set("hv01", DISKS, drive(WEB, disk))
    world.answers["hv01"]["Get-VHD"] = Chains(vhd(disk))
    world.storage = type(world.storage)()


def twice(world: World) -> None:
    world.domain.computer("OLD02", 1900)
    world.domain.put("OLD02$", servicePrincipalName=[f"{MIGRATION}/hv02.corp.example"])


def resource_based(*names: str) -> Change:
    return account("HV02$", PrincipalsAllowedToDelegateToAccount=list(names))


def changed(minutes: int) -> Change:
    return account("HV01$", whenChanged=NOW - dt.timedelta(minutes=minutes))


_SHORT, _FULL, _CIFS_SHORT, _CIFS_FULL = four("HV02")
_GIVEN = "Set-ADComputer -Identity 'HV01$' -Add @{'msDS-AllowedToDelegateTo'="
_TRANSITION = "Set-ADAccountControl -Identity 'HV01$' -TrustedToAuthForDelegation $true"
_BY_GROUP = both(lists("HV01$"), group("Movers", 2101, "HV01$"), resource_based(f"CN=Movers,CN=Users,{BASE}"))
_NESTED = both(
    lists("HV01$"), group("All Movers", 2102), group("Rack A", 2103, "HV01$", above=("All Movers",)),
    resource_based(f"CN=All Movers,CN=Users,{BASE}"),
)  # fmt: skip

CASES = [
    # --- the migration service
    Case("kcd-migration-service", P, unchanged, "HV01$ may be delegated to the migration service by both names of HV"),
    Case("kcd-migration-service", P, lists("HV01$", _SHORT.upper(), _FULL.lower()), "by both names"),
    Case("kcd-migration-service", P, both(lists("HV01$"), resource_based(_HV01)), "HV02$ lets HV01$ act there"),
    Case("kcd-migration-service", P, _BY_GROUP, "(resource-based)"),
    Case("kcd-migration-service", P, _NESTED, "(resource-based)"),
    Case(
        "kcd-migration-service", F, lists("HV01$", _CIFS_SHORT, _CIFS_FULL),
        f"HV01$ may not be delegated to {_SHORT}, {_FULL}", f"{_GIVEN}'{_SHORT}','{_FULL}'}}", hop="C",
    ),
    Case("kcd-migration-service", F, lists("HV01$", _SHORT), f"delegated to {_FULL};", f"{_GIVEN}'{_FULL}'}}"),
    Case("kcd-migration-service", F, lists("HV01$", _FULL), f"delegated to {_SHORT};", f"{_GIVEN}'{_SHORT}'}}"),
    Case("kcd-migration-service", F, lists("HV01$", *four("HV03")), f"delegated to {_SHORT}, {_FULL};"),
    Case(
        "kcd-migration-service", F, both(lists("HV01$"), account("HV01$", userAccountControl=UNCONSTRAINED)),
        "trusted for unconstrained delegation, which a remote session does not feed", _GIVEN,
    ),
    Case("kcd-migration-service", F, both(lists("HV01$"), resource_based(f"CN=HV03,CN=Computers,{BASE}")), "not be"),
    Case(
        "kcd-migration-service", F, account("HV01$", userAccountControl=WORKSTATION | DISABLED),
        "the account HV01$ is disabled", "Set-ADAccountControl -Identity 'HV01$' -Enabled $true",
    ),
    Case("kcd-migration-service", S, both(credssp("hv01"), credssp("hv02")), "by CredSSP"),
    Case("kcd-migration-service", L, no_directory, "the inventory names no directory",
         needs="a directory in the inventory"),
    Case("kcd-migration-service", L, no_cmdlets, "hv01 has no AD cmdlets", needs="on hv01: Install-WindowsFeature "
         "-Name RSAT-AD-PowerShell; or directory: {server: ...}"),
    Case("kcd-migration-service", L, no_controller, "no domain controller answers a session on hv01"),
    Case("kcd-migration-service", L, gone("HV01$"), "corp.example shows no such account"),
    Case("kcd-migration-service", L, account("HV01$", msDS_AllowedToDelegateTo=7), "expected a list of texts"),
    Case(
        "kcd-migration-service", L, elsewhere("hv02", "other.example"), "hv02.other.example is not of corp.example",
        needs="a directory of other.example",
    ),
    # --- files
    Case("kcd-cifs", P, unchanged, "HV01$ may be delegated to cifs by both names of HV02"),
    Case("kcd-cifs", P, both(lists("HV01$"), resource_based(_HV01)), "(resource-based)"),
    Case("kcd-cifs", F, lists("HV01$", _SHORT, _FULL), f"delegated to {_CIFS_SHORT}, {_CIFS_FULL};",
         f"{_GIVEN}'{_CIFS_SHORT}','{_CIFS_FULL}'}}"),
    Case("kcd-cifs", L, no_directory, "the inventory names no directory"),
    # --- any protocol
    Case("kcd-protocol-transition", P, unchanged, "HV01$ is delegated by any protocol"),
    Case(
        "kcd-protocol-transition", P,
        both(account("HV01$", userAccountControl=WORKSTATION), lists("HV01$"), resource_based(_HV01)),
        "HV02$ trusts HV01$ itself",
    ),
    Case("kcd-protocol-transition", F, account("HV01$", userAccountControl=WORKSTATION), "Kerberos only", _TRANSITION),
    Case("kcd-protocol-transition", L, account("HV01$", userAccountControl=None), "the services that HV01$ may be"),
    Case("kcd-protocol-transition", L, no_directory, "the inventory names no directory"),
    # --- the way back
    Case("kcd-reverse", P, unchanged, "HV02$ may act on hv01 in anybody's name"),
    Case(
        "kcd-reverse", P, both(lists("HV02$"), account("HV01$", PrincipalsAllowedToDelegateToAccount=[
            f"CN=HV02,CN=Computers,{BASE}"])), "may act on hv01",
    ),
    Case("kcd-reverse", F, lists("HV02$", *four("HV01")[:3]), "HV02$ may not be delegated to cifs/hv01.corp.example",
         "Set-ADComputer -Identity 'HV02$' -Add", severity=Severity.INFORMS),
    Case("kcd-reverse", F, account("HV02$", userAccountControl=WORKSTATION), "HV02$ is delegated by Kerberos only",
         "Set-ADAccountControl -Identity 'HV02$'"),
    Case("kcd-reverse", U, no_directory, "the inventory names no directory"),
    # --- names
    Case("spn-registered", P, unchanged, f"HV02$ alone is registered as {_SHORT} and {_FULL}", on="hv02"),
    Case("spn-registered", F, account("HV02$", servicePrincipalName=[_SHORT, "HOST/HV02"]),
         f"HV02$ is not registered as {_FULL}", "Restart-Service -Name vmms", on="hv02"),
    Case("spn-registered", F, twice, f"{_FULL} is registered for OLD02$ as well as for HV02$",
         f'setspn -D "{_FULL}" OLD02', on="hv02"),
    Case("spn-registered", F, account("HV02$", userAccountControl=WORKSTATION | DISABLED), "HV02$ is disabled",
         "Set-ADAccountControl -Identity 'HV02$' -Enabled $true", on="hv02"),
    Case("spn-registered", L, no_controller, "no domain controller answers", on="hv02"),
    Case("spn-registered", S, both(credssp("hv01"), credssp("hv02")), "by CredSSP", on="hv02"),
    # --- what was changed just now
    Case("kerberos-cache", P, unchanged, "HV01$ was last changed 2026-01-05 08:00 UTC", on="hv01"),
    Case("kerberos-cache", P, changed(15), "was last changed", on="hv01"),
    Case("kerberos-cache", F, changed(14), "HV01$ was changed 14 min ago", "wait 1 min; or on hv01: klist purge",
         on="hv01", severity=Severity.INFORMS),
    Case("kerberos-cache", U, account("HV01$", whenChanged=None), "does not show when HV01$", on="hv01"),
    Case("kerberos-cache", U, no_directory, "the inventory names no directory", on="hv01"),
    # --- the operator
    Case("operator-delegatable", P, unchanged, "corp\\ops may be delegated", on="hv01"),
    Case("operator-delegatable", P, group("Domain Admins", 512, "ops"), "may be delegated", on="hv01"),
    Case("operator-delegatable", F, account("ops", userAccountControl=NORMAL | SENSITIVE),
         "corp\\ops is sensitive and cannot be delegated", "Set-ADUser -Identity 'ops' -AccountNotDelegated $false",
         on="hv01", hop="C"),
    Case("operator-delegatable", F, group("Protected Users", 525, "ops"), "corp\\ops is in Protected Users",
         "use another account; or Remove-ADGroupMember", on="hv01"),
    Case("operator-delegatable", F, both(group("Protected Users", 525), group("Tier 0", 2104, "ops", above=(
         "Protected Users",))), "is in Protected Users", "Remove-ADGroupMember", on="hv01"),
    Case("operator-delegatable", F, operator("hv01\\ops", "S-1-5-21-9-9-9-1001"), "an account of hv01 alone",
         "a credential of the domain", on="hv01"),
    Case("operator-delegatable", L, operator("other\\ops", "S-1-5-21-9-9-9-1105"), "no account of corp.example",
         on="hv01"),
    Case("operator-delegatable", L, operator("corp\\new", f"{SID}-1999"), "shows no account corp\\new", on="hv01"),
    Case("operator-delegatable", L, operator("WinRM VA_1_corp_ops", "S-1-5-94-1"), "is no account of a domain",
         on="hv01"),
    Case("operator-delegatable", L, no_directory, "the inventory names no directory", on="hv01"),
    # --- file servers
    Case("smb-delegation", P, on_share, "hv01 and hv02 may be delegated to sofs.corp.example"),
    Case(
        "smb-delegation", P, both(
            on_share, account("SOFS$", PrincipalsAllowedToDelegateToAccount=[]),
            lists("HV01$", "cifs/SOFS", "cifs/sofs.corp.example"),
            lists("HV02$", "cifs/SOFS", "cifs/sofs.corp.example"),
        ), "may be delegated to sofs.corp.example",
    ),
    Case("smb-delegation", F, both(on_share, account("SOFS$", PrincipalsAllowedToDelegateToAccount=[_HV01])),
         "not delegated: HV02$ to cifs/sofs.corp.example", "Enable-SmbDelegation -SmbServer 'SOFS' -SmbClient 'HV02'",
         severity=Severity.RISKS),
    Case("smb-delegation", U, both(on_share, gone("SOFS$")), "the account of the file server sofs.corp.example"),
    Case("smb-delegation", U, both(on_share, no_directory), "the inventory names no directory"),
    Case("smb-delegation", S, unchanged, ""),
    # --- trusts
    Case("same-or-trusted-domain", P, both(elsewhere("hv02", "eu.corp.example"), forest("corp.example",
         "eu.corp.example")), "hv02 in eu.corp.example, which trusts corp.example"),
    Case("same-or-trusted-domain", P, both(elsewhere("hv02", "other.example"), trust("other.example", "BiDirectional")),
         "which trusts corp.example"),
    Case("same-or-trusted-domain", P, both(elsewhere("hv02", "eu.other.example"), trust("other.example", "Inbound",
         forest=True)), "which trusts corp.example"),
    Case("same-or-trusted-domain", F, both(elsewhere("hv02", "other.example"), trust("other.example", "Outbound")),
         "other.example, which does not trust corp.example", "a trust in both directions"),
    Case("same-or-trusted-domain", F, elsewhere("hv02", "other.example"), "which does not trust", "a trust"),
    Case("same-or-trusted-domain", L, both(elsewhere("hv02", "other.example"), forest("corp.example",
         "eu.corp.example")), "the rehearsal shows"),
    Case("same-or-trusted-domain", L, both(elsewhere("hv02", "other.example"), no_directory), "the rehearsal shows",
         hop="C"),
]  # fmt: skip
