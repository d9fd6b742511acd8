"""Cases of networks and of identity."""

from __future__ import annotations

from dataclasses import replace

from tests.checks.case import Case, drop, put, refused, rows, unchanged
from tests.checks.world import ADAPTERS, GUARD, LISTENER, WEB, Change, World, adapter, denied, enum
from winmigrate.checks import Outcome, Severity
from winmigrate.errors import CannotConnect
from winmigrate.inventory.types import SecondHop
from winmigrate.marked import Place

P, F, U, S, L = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN, Outcome.SKIP, Outcome.PENDING


def _no_network(world: World) -> None:
    world.set("hv02", LISTENER)


def _no_addresses(world: World) -> None:
    world.set("hv02", LISTENER)
    world.refuse("hv02", "Get-NetIPAddress")


def _elsewhere(*subnets: str) -> Change:
    def change(world: World) -> None:
        world.set("hv01", "Get-NetIPAddress", *(
            {"IPAddress": address, "PrefixLength": 24, "AddressFamily": 2} for address in subnets
        ))  # fmt: skip

    return change


def _any(world: World) -> None:
    world.put("hv02", "Get-VMHost", UseAnyNetworkForMigration=True)


def _switches(*names: str) -> Change:
    return rows("hv02", "Get-VMSwitch", *({"Name": name} for name in names))


def _mapped(here: str, there: str, *names: str) -> Change:
    def change(world: World) -> None:
        world.networks = {here: there}
        _switches(*names)(world)

    return change


def _odd_switch(world: World) -> None:
    world.set("hv01", ADAPTERS, adapter(WEB, "L\u2019Externe"), adapter(WEB, None))
    world.set("hv02", "Get-VMSwitch", {"Name": "O'Brien's"})


def _protocols(here: str, there: str) -> Change:
    def change(world: World) -> None:
        for host, name in (("hv01", here), ("hv02", there)):
            kind = enum("MigrationAuthenticationType", name)
            world.put(host, "Get-VMHost", VirtualMachineMigrationAuthenticationType=kind)

    return change


def _all(*changes: Change) -> Change:
    def change(world: World) -> None:
        for one in changes:
            one(world)

    return change


_credssp = _protocols("CredSSP", "CredSSP")


def _hop(kind: str, *answer: object) -> Change:
    def change(world: World) -> None:
        place = Place("inventory.yml", 6, 5)
        world.hosts["hv01"] = replace(world.hosts["hv01"], second_hop=SecondHop(kind), place=place)
        if answer:
            world.answers["hv01"]["Get-VMHost"].hop = list(answer)

    return change


def _spoken(auth: str) -> Change:
    def change(world: World) -> None:
        world.hosts["hv01"] = replace(world.hosts["hv01"], auth=auth)

    return change


def _no_credential(world: World) -> None:
    world.credential = None


def _nobody(world: World) -> None:
    world.set("hv02", "whoami /groups", {"Sid": "S-1-5-32-545", "Attributes": ""})


def _nobody_at_the_source(world: World) -> None:
    world.set("hv01", "whoami /groups", {"Sid": "S-1-5-32-545", "Attributes": ""})


def _nobody_2012(world: World) -> None:
    _nobody(world)
    world.version("hv02", "2012R2")


def _down(world: World) -> None:
    world.down["hv02"] = CannotConnect("hv02", "it does not answer")


def _beside(host: str, statement: str) -> Change:
    """Rows, and an error beside them: the table is not whole."""
    return lambda world: world.answers[host][statement].append(denied("Not all of it."))


CASES = [
    Case(
        "net-switch-names", U, _all(_switches("Ext"), _beside("hv02", "Get-VMSwitch")),
        "the switches of hv02 cannot be read: part of it could not be read: access denied: Not all of it.",
    ),
    Case("net-switch-names", P, _beside("hv02", "Get-VMSwitch"), "counterpart"),
    Case(
        "migration-network-common-subnet", U, _all(_elsewhere("10.20.0.11"), _beside("hv01", "Get-NetIPAddress")),
        "the addresses of hv01",
    ),
    Case("cpu-vendor", U, _beside("hv02", "Win32_Processor"), "the processors of hv02"),
    Case("auth-type-equal", U, refused("hv01", "Get-VMHost"), "how hv01 authenticates", hop="C"),
    Case("migration-listener-addresses", P, unchanged, "hv02 takes migrations on 10.30.0.12", on="hv02"),
    Case(
        "migration-listener-addresses", F, _no_network, "hv02 takes migrations on no address",
        "Add-VMMigrationNetwork -Subnet '10.20.0.0/24', or Set-VMHost -UseAnyNetworkForMigration $true", on="hv02",
    ),
    Case("migration-listener-addresses", F, _no_addresses, "no address", "Set-VMHost", on="hv02"),
    Case(
        "migration-listener-addresses", U, refused("hv02", LISTENER),
        "the addresses hv02 takes migrations on cannot be read: access denied", on="hv02",
    ),
    Case("migration-network-common-subnet", P, unchanged, "10.30.0.12 of hv02 is in 10.30.0.0/24, as hv01 is"),
    Case(
        "migration-network-common-subnet", F, _elsewhere("10.20.0.11", "127.0.0.1", "169.254.3.4"),
        "hv02 takes migrations on 10.30.0.12; hv01 is in 10.20.0.0/24", "Add-VMMigrationNetwork -Subnet '10.20.0.0/24'",
        severity=Severity.RISKS,
    ),
    Case(
        "migration-network-common-subnet", F, _elsewhere("192.168.7.1"), "hv01 is in 192.168.7.0/24",
        "TCP 6600 and 445 of hv02",
    ),
    Case(
        "migration-network-common-subnet", U, refused("hv01", "Get-NetIPAddress"),
        "the addresses of hv01 cannot be read",
    ),
    Case("migration-network-common-subnet", S, _no_network, "see migration-listener-addresses"),
    Case("migration-network-isolated", P, unchanged, "hv02 uses 10.30.0.0/24", on="hv02"),
    Case(
        "migration-network-isolated", F, _any,
        "hv02 uses any of its networks for migrations (10.20.0.0/24, 10.30.0.0/24)",
        "Set-VMHost -UseAnyNetworkForMigration $false", on="hv02", severity=Severity.INFORMS,
    ),
    Case(
        "migration-network-isolated", U, drop("hv02", "Get-VMHost", "UseAnyNetworkForMigration"),
        "which networks hv02 uses for migrations cannot be read", on="hv02",
    ),
    Case("net-switch-names", P, unchanged, 'hv02 has a counterpart for "External"'),
    Case("net-switch-names", P, _switches("EXTERNAL"), "counterpart"),
    Case("net-switch-names", P, _mapped("External", "Ext", "Ext"), "counterpart"),
    Case("net-switch-names", P, rows("hv01", ADAPTERS, adapter(WEB, None)), "web01 is on no switch"),
    Case(
        "net-switch-names", F, _switches("Mgmt", "Ext"), 'web01 is on "External"; hv02 has "Mgmt", "Ext"',
        "map it in the playbook (networks: {External: Ext}), or on hv02: Rename-VMSwitch -Name 'Ext' "
        "-NewName 'External'", place="playbook.yml:4:5",
    ),
    Case(
        "net-switch-names", F, _mapped("External", "Prod", "Ext"),
        'web01 is on "External", which is mapped to "Prod"; hv02 has "Ext"',
        "Rename-VMSwitch -Name 'Ext' -NewName 'Prod'", place="playbook.yml:4:5",
    ),
    Case("net-switch-names", F, _switches(), "hv02 has no switch", "New-VMSwitch -Name 'External'"),
    Case(
        "net-switch-names", F, _odd_switch, "web01 is on \"L\u2019Externe\"; hv02 has \"O'Brien's\"",
        "(networks: {'L\u2019Externe': 'O''Brien''s'}), or on hv02: Rename-VMSwitch -Name 'O''Brien''s' "
        "-NewName 'L\u2019\u2019Externe'",
    ),
    Case("net-switch-names", U, refused("hv02", "Get-VMSwitch"), "the switches of hv02 cannot be read"),
    Case("net-switch-names", U, refused("hv01", ADAPTERS), "the adapters of web01 cannot be read"),
    Case(
        "net-switch-names", U, rows("hv01", ADAPTERS, denied()), "the adapters of web01 cannot be read",
    ),
    # --- identity
    Case("same-or-trusted-domain", P, unchanged, "both in corp.example"),
    Case(
        "same-or-trusted-domain", F,
        put("hv02", "Win32_ComputerSystem", PartOfDomain=False, Domain="WORKGROUP"), "hv02 is in no domain",
        "Add-Computer -DomainName 'corp.example' -Restart", hop="C",
    ),
    Case(
        "same-or-trusted-domain", F,
        _all(*(put(host, "Win32_ComputerSystem", PartOfDomain=False, Domain="W") for host in ("hv01", "hv02"))),
        "hv01 is in no domain", "join both hosts", hop="C",
    ),
    Case("same-or-trusted-domain", L, refused("hv02", "Win32_ComputerSystem"), "the domain of hv02 cannot be read"),
    Case("operator-admin-both", P, unchanged, "corp\\ops is administrator on hv02", on="hv02"),
    Case(
        "operator-admin-both", P,
        rows("hv02", "whoami /groups", {"Sid": "S-1-5-32-578", "Attributes": ""}), "is Hyper-V administrator",
        on="hv02",
    ),
    Case(
        "operator-admin-both", F, _nobody,
        "corp\\ops is neither administrator nor Hyper-V administrator on hv02",
        "Add-LocalGroupMember -SID S-1-5-32-578 -Member 'corp\\ops'", on="hv02", hop="B",
    ),
    Case("operator-admin-both", F, _nobody_at_the_source, "neither", "Add-LocalGroupMember", on="hv01", hop="A"),
    Case("operator-admin-both", F, _nobody_2012, "neither", "S-1-5-32-578", on="hv02", hop="B"),
    Case("operator-admin-both", U, refused("hv02", "whoami /groups"), "the groups of corp\\ops on hv02", on="hv02"),
    Case("auth-type-equal", P, unchanged, "Kerberos on both"),
    Case(
        "auth-type-equal", F, _protocols("Kerberos", "CredSSP"),
        "hv01 authenticates migrations by Kerberos, hv02 by CredSSP",
        "Set-VMHost -VirtualMachineMigrationAuthenticationType Kerberos", hop="C",
    ),
    Case("auth-type-equal", U, refused("hv02", "Get-VMHost"), "how hv02 authenticates migrations cannot be read"),
    Case("credssp-needs-source-logon", S, unchanged, "by Kerberos", on="hv01"),
    Case(
        "credssp-needs-source-logon", P, _all(_credssp, _spoken("credssp")), "sessions to hv01 are CredSSP", on="hv01",
    ),
    Case(
        "credssp-needs-source-logon", F, _credssp,
        "hv01 authenticates migrations by CredSSP, and our session there is ntlm", "Enable-WSManCredSSP -Role Server",
        on="hv01", hop="C",
    ),
    Case("credssp-needs-source-logon", U, refused("hv01", "Get-VMHost"), "how hv01 authenticates", on="hv01"),
    Case("credential-guard-vs-credssp", S, unchanged, "by Kerberos", on="hv01"),
    Case("credential-guard-vs-credssp", P, _credssp, "Credential Guard does not run on hv01", on="hv01"),
    Case(
        "credential-guard-vs-credssp", F, _all(_credssp, rows("hv01", GUARD, 1, 2)),
        "Credential Guard runs on hv01", "-VirtualMachineMigrationAuthenticationType Kerberos", on="hv01", hop="C",
    ),
    Case(
        "credential-guard-vs-credssp", U, _all(_credssp, refused("hv01", GUARD)),
        "whether Credential Guard runs on hv01 cannot be read", on="hv01",
    ),
    Case(
        "credential-guard-vs-credssp", S, _all(_credssp, lambda world: world.version("hv01", "2012R2")),
        "not on Windows Server 2012R2", on="hv01",
    ),
    Case("transport-second-hop", P, unchanged, "hv01 reaches hv02 by credential"),
    Case(
        "transport-second-hop", F, _hop("none"), "the inventory gives hv01 no second hop",
        "second_hop: credential", hop="B", place="inventory.yml:6:5",
    ),
    Case(
        "transport-second-hop", F, _hop("credential", denied("Access is denied to HV02.")),
        "hv01 does not reach hv02 by credential: access denied: Access is denied to HV02.",
        "give hv02 a credential in the inventory", hop="B",
    ),
    Case("transport-second-hop", F, _hop("credssp", denied()), "by credssp", "Enable-WSManCredSSP", hop="B"),
    Case("transport-second-hop", F, _hop("jea", denied()), "by jea", "is hv01$ there", hop="B"),
    Case(
        "transport-second-hop", U, _no_credential, "could not be tried", hop="B", needs="a credential for hv02",
    ),
    Case("transport-second-hop", S, lambda world: world.version("hv01", "2012R2"), "not on Windows Server 2012R2"),
    Case("migration-enabled", U, _down, "hv02: it does not answer", on="hv02", needs="a connection to hv02"),
]  # fmt: skip
