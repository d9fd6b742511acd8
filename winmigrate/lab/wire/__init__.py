"""WinRM as a Windows host speaks it: HTTP, authentication, WSMan shells and PowerShell remoting, on loopback only."""

from winmigrate.lab.wire.accounts import Account, Accounts, install_user_file
from winmigrate.lab.wire.certificates import Certificate, ClientAuthority, make_certificate, principal_of
from winmigrate.lab.wire.clock import RealClock, WireClock
from winmigrate.lab.wire.faults import Disruption, Exchange, NoFaults, ScriptedFaults, WireFaults
from winmigrate.lab.wire.kerberos import Door
from winmigrate.lab.wire.logon import Limits, LogonContext
from winmigrate.lab.wire.server import WireServer

__all__ = [
    "Account",
    "Accounts",
    "Certificate",
    "ClientAuthority",
    "Disruption",
    "Door",
    "Exchange",
    "Limits",
    "LogonContext",
    "NoFaults",
    "RealClock",
    "ScriptedFaults",
    "WireClock",
    "WireFaults",
    "WireServer",
    "install_user_file",
    "make_certificate",
    "principal_of",
]
