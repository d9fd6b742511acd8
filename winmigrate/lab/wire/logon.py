"""Who a session runs as, and what a host allows."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LogonContext:
    """What a pipeline runs as; given to the engine as ``context``.

    ``user`` is DOMAIN\\name as this host resolved it, ``protocol`` "ntlm", "kerberos", "credssp", "basic" or
    "certificate". ``delegated``: the session holds credentials that reach a further host (CredSSP, or a forwarded
    ticket). ``endpoint`` is the session configuration ("Microsoft.PowerShell").
    ``run_as``: whose rights a session of a restricted endpoint has instead of the user's: "virtual" is a virtual
    account (an administrator here, the host's computer account elsewhere), else DOMAIN\\name; empty: the user's own.
    ``state`` is the runspace's own memory (functions, variables): one dict a shell.
    """

    user: str
    protocol: str
    delegated: bool
    host: str
    shell_id: str = ""
    command_id: str = ""
    endpoint: str = "Microsoft.PowerShell"
    client: str = "127.0.0.1"
    run_as: str = ""
    state: dict[str, object] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """What Windows enforces: its defaults since Server 2012 R2. Times are seconds of the clock, sizes bytes.

    ``idle_close``: a TCP connection without a request is closed (about two minutes on Windows).
    ``disconnect_after``: a shell that nobody asks anything of is shown as Disconnected, and another client may connect
    to it; its own client may go on as if nothing were (adityatelange/evil-winrm-py#3, jborean93/pypsrp#21).
    ``processes_per_shell`` counts the shell's own. ``output_buffer``: what a command may have said that nobody has
    fetched, before it waits (Block) or its oldest messages are dropped (Drop, while disconnected); Windows' own size is
    documented nowhere. ``redelivery``: what was fetched last of a command comes again after a Reconnect or Connect.
    """

    max_envelope: int = 500 * 1024
    fragment: int = 32 * 1024
    shells_per_user: int = 30
    concurrent_users: int = 10
    processes_per_shell: int = 25
    memory_per_shell: int = 1024 * 1024 * 1024
    operations_per_user: int = 1500
    commands_per_shell: int = 1000
    output_buffer: int = 16 * 1024 * 1024
    redelivery: bool = False
    idle_close: float = 120.0
    disconnect_after: float = 60.0
    shell_idle_timeout: float = 7200.0
    min_idle_timeout: float = 60.0
    max_idle_timeout: float = 2147483.647
    default_operation_timeout: float = 60.0
