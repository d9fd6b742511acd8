"""The refusals and failures of a migration, in the words of Windows.

Shape of a message as posted from real systems: an outer sentence that ends with ``(Virtual machine ID <GUID>)``, then
the cause with host names in single quotes and ``(0xHHHHHHHH)``, then what to do, with blank lines between.
Not known from any published source, and therefore ours: the error category of Move-VM's errors, the MessageIds other
than 33012, and every text that a comment marks as such.
"""

from __future__ import annotations

from winmigrate.lab.fabric.world import VM, Host

NO_CREDENTIALS = 0x8009030E
NOT_RECOGNIZED = 0x8009030D
UNKNOWN_PRINCIPAL = 0x80090303
NO_AUTHORITY = 0x80090311
WRONG_PRINCIPAL = 0x80090322
ACCESS_DENIED = 0x80070005
REFUSED = 0x8007274D
NO_ANSWER = 0x8007274C
RESET = 0x80072746
TIMED_OUT = 0x800705B4
NO_RESOURCES = 0x800705AA
DISK_FULL = 0x80070070
FILE_EXISTS = 0x80070050
CANCELLED = 0x800704C7
LOGON_FAILURE = 0x8007052E
NOT_ENOUGH_MEMORY = 0x8007000E

#: Known from published reports.
SWITCH_MISSING = 33012
#: Invented numbers, so that each kind has one of its own.
WRAPPER_FAILED = 21024
WRAPPER_INCOMPATIBLE = 24000
PROCESSOR = 24001
VERSION = 24002
DEVICE = 24003
STORAGE = 24004


class MigrationFailure(Exception):
    """Why a move or comparison was refused or failed, with what an ErrorRecord of it holds.

    ``error_id``: FullyQualifiedErrorId before the comma. ``hresult`` may be None. ``causes`` are the sentences without
    the outer one. ``message_id`` is what Compare-VM would number it.
    """

    exception = "Microsoft.HyperV.PowerShell.VirtualizationException"

    def __init__(self, message: str, *, error_id: str = "OperationFailed", category: str = "NotSpecified",
                 hresult: int | None = None, message_id: int = WRAPPER_FAILED, slug: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.error_id = error_id
        self.category = category
        self.hresult = hresult
        self.message_id = message_id
        self.slug = slug


def outer(vm: VM, side: str, host: Host) -> str:
    """The sentence that every failed move begins with; ``side`` is "source" or "destination"."""
    return f"Virtual machine migration operation for '{vm.name}' failed at migration {side} '{host.name}'. " \
           f"(Virtual machine ID {vm.guid})"


def _failed(vm: VM, side: str, host: Host, *causes: str, hresult: int | None = None, slug: str = "",
            error_id: str = "OperationFailed", category: str = "NotSpecified",
            message_id: int = WRAPPER_FAILED) -> MigrationFailure:
    return MigrationFailure("\n\n".join([outer(vm, side, host), *causes]), hresult=hresult, slug=slug,
                            error_id=error_id, category=category, message_id=message_id)


def coded(sentence: str, code: int) -> str:
    return f"{sentence} (0x{code:08X})."


_NO_CONNECTION = "The Virtual Machine Management Service failed to establish a connection for a Virtual Machine " \
                 "migration with host '{host}': {cause} (0x{code:08X})."
_NO_AUTHENTICATION = "The Virtual Machine Management Service failed to authenticate the connection for a Virtual " \
                     "Machine migration at the source host: no suitable credentials available. Make sure the " \
                     "operation is initiated on the source host of the migration, or the source host is configured " \
                     "to use Kerberos for the authentication of migration connections and Constrained Delegation is " \
                     "enabled for the host in Active Directory."


# --- what the cmdlet itself refuses ----------------------------------------------------------------------------------


def source_not_enabled() -> MigrationFailure:
    return MigrationFailure("The source host is not configured for live migration. Use the Enable-VMMigration cmdlet "
                            "to modify the Hyper-V settings on the source host to enable migration.",
                            category="InvalidOperation", slug="migration-disabled")


def destination_not_enabled() -> MigrationFailure:
    # By analogy with the source's sentence; no published text of it was found.
    return MigrationFailure("The destination host is not configured for live migration. Use the Enable-VMMigration "
                            "cmdlet to modify the Hyper-V settings on the destination host to enable migration.",
                            category="InvalidOperation", slug="migration-disabled")


def clustered(vm: VM) -> MigrationFailure:
    # That the cmdlet refuses is known, its words are not.
    return MigrationFailure(f"The virtual machine '{vm.name}' is clustered. Remove the virtual machine from the "
                            "cluster before its storage is moved to another host.",
                            category="InvalidOperation", error_id="OperationFailed", slug="clustered")


def shared_disk(vm: VM, path: str) -> MigrationFailure:
    # That the -VHDs form throws is known, its words are not.
    return MigrationFailure(f"The virtual hard disk '{path}' of virtual machine '{vm.name}' is shared and cannot be "
                            "moved with the virtual machine.", category="InvalidArgument",
                            error_id="InvalidParameter", slug="shared-disk")


def second_hop(host: Host, protocol: str) -> MigrationFailure:
    scheme = "Kerberos" if protocol == "kerberos" else "Negotiate"
    return MigrationFailure(f"The operation on computer '{host.name}' failed: WinRM cannot process the request. The "
                            f"following error with errorcode 0x8009030e occurred while using {scheme} "
                            "authentication: A specified logon session does not exist. It may already have been "
                            "terminated.", hresult=NO_CREDENTIALS, error_id="OperationFailed", slug="second-hop")


def logon_failure(host: Host) -> MigrationFailure:
    return MigrationFailure(f"The operation on computer '{host.name}' failed: WinRM cannot process the request. The "
                            "following error with errorcode 0x8007052e occurred while using Negotiate "
                            "authentication: The user name or password is incorrect.", hresult=LOGON_FAILURE,
                            error_id="OperationFailed", slug="logon-failure")


def no_logon_servers(host: Host) -> MigrationFailure:
    return MigrationFailure(f"The operation on computer '{host.name}' failed: WinRM cannot process the request. The "
                            "following error with errorcode 0x8007051f occurred while using Negotiate "
                            "authentication: There are currently no logon servers available to service the logon "
                            "request.", hresult=0x8007051F, slug="no-logon-servers")


def password_expired(host: Host) -> MigrationFailure:
    return MigrationFailure(f"The operation on computer '{host.name}' failed: WinRM cannot process the request. The "
                            "following error with errorcode 0x80070532 occurred while using Negotiate "
                            "authentication: The password for this account has expired.", hresult=0x80070532,
                            slug="password-expired")


def account_disabled(host: Host) -> MigrationFailure:
    return MigrationFailure(f"The operation on computer '{host.name}' failed: WinRM cannot process the request. The "
                            "following error with errorcode 0x80070533 occurred while using Negotiate "
                            "authentication: This user can't sign in because this account is currently disabled.",
                            hresult=0x80070533, slug="account-disabled")


def account_expired(host: Host) -> MigrationFailure:
    return MigrationFailure(f"The operation on computer '{host.name}' failed: WinRM cannot process the request. The "
                            "following error with errorcode 0x80070701 occurred while using Negotiate "
                            "authentication: The user's account has expired.", hresult=0x80070701,
                            slug="account-expired")


def no_permission(host: Host) -> MigrationFailure:
    return MigrationFailure("You do not have the required permission to complete this task. Contact the administrator "
                            f"of the authorization policy for the computer '{host.name}'.", hresult=ACCESS_DENIED,
                            error_id="AccessDenied", category="PermissionDenied", slug="access-denied")


def unreachable(name: str) -> MigrationFailure:
    return MigrationFailure(f"The operation on computer '{name}' failed: The WinRM client cannot complete the "
                            "operation within the time specified. Check if the machine name is valid and is reachable "
                            "over the network and firewall exception for Windows Remote Management service is "
                            "enabled.", error_id="OperationFailed", slug="unreachable")


def unknown_host(name: str) -> MigrationFailure:
    return MigrationFailure(f"The operation on computer '{name}' failed: WinRM cannot process the request. The "
                            f"following error occurred while using Kerberos authentication: Cannot find the computer "
                            f"{name}. Verify that the computer exists on the network and that the name provided is "
                            "spelled correctly.", error_id="OperationFailed", slug="unknown-host")


def in_its_state(vm: VM) -> MigrationFailure:
    return MigrationFailure(f"'{vm.name}' failed to perform the operation. The operation cannot be performed while the "
                            f"object is in its current state. (Virtual machine ID {vm.guid})",
                            error_id="InvalidState", category="InvalidOperation", slug="in-use")


# --- negotiation -----------------------------------------------------------------------------------------------------


def limit_reached(vm: VM, side: str, host: Host, limit: int) -> MigrationFailure:
    return _failed(vm, side, host, f"Failed to perform migration on virtual machine '{vm.name}' because virtual "
                   f"machine migration limit '{limit}' was reached, please wait for completion of an ongoing "
                   f"migration operation. (Virtual machine ID {vm.guid})", slug="limit")


def storage_limit_reached(vm: VM, side: str, host: Host, limit: int) -> MigrationFailure:
    return _failed(vm, side, host, f"Storage migration for '{vm.name}' was not finished because maximum storage "
                   f"migration limit '{limit}' was reached, please wait for completion of an ongoing migration "
                   f"operation (Virtual machine ID {vm.guid}).", slug="storage-limit")


def no_credentials(vm: VM, source: Host, destination: Host) -> MigrationFailure:
    return _failed(vm, "source", source, _NO_CONNECTION.format(
        host=destination.name, cause="No credentials are available in the security package", code=NO_CREDENTIALS),
        _NO_AUTHENTICATION, hresult=NO_CREDENTIALS, slug="no-credentials")


def not_recognized(vm: VM, source: Host, destination: Host) -> MigrationFailure:
    return _failed(vm, "source", source, _NO_CONNECTION.format(
        host=destination.name, cause="The credentials supplied to the package were not recognized",
        code=NOT_RECOGNIZED), _NO_AUTHENTICATION, hresult=NOT_RECOGNIZED, slug="not-recognized")


def no_authority(vm: VM, source: Host, destination: Host) -> MigrationFailure:
    """Domains that do not trust each other. The codes of these three are SSPI's, with its sentences."""
    return _failed(vm, "source", source, _NO_CONNECTION.format(
        host=destination.name, cause="No authority could be contacted for authentication", code=NO_AUTHORITY),
        hresult=NO_AUTHORITY, slug="no-authority")


def unknown_principal(vm: VM, source: Host, destination: Host) -> MigrationFailure:
    return _failed(vm, "source", source, _NO_CONNECTION.format(
        host=destination.name, cause="The specified target is unknown or unreachable", code=UNKNOWN_PRINCIPAL),
        hresult=UNKNOWN_PRINCIPAL, slug="unknown-principal")


def wrong_principal(vm: VM, source: Host, destination: Host) -> MigrationFailure:
    return _failed(vm, "source", source, _NO_CONNECTION.format(
        host=destination.name, cause="The target principal name is incorrect", code=WRONG_PRINCIPAL),
        hresult=WRONG_PRINCIPAL, slug="wrong-principal")


def migration_access_denied(vm: VM, destination: Host) -> MigrationFailure:
    return _failed(vm, "destination", destination, coded("General access denied error", ACCESS_DENIED),
                   hresult=ACCESS_DENIED, error_id="AccessDenied", category="PermissionDenied", slug="access-denied")


def refused(vm: VM, source: Host, destination: Host) -> MigrationFailure:
    return _failed(vm, "source", source, _NO_CONNECTION.format(
        host=destination.name, cause="No connection could be made because the target machine actively refused it.",
        code=REFUSED), hresult=REFUSED, slug="refused")


def no_answer(vm: VM, source: Host, destination: Host) -> MigrationFailure:
    return _failed(vm, "source", source, _NO_CONNECTION.format(
        host=destination.name, cause="A connection attempt failed because the connected party did not properly "
        "respond after a period of time, or established connection failed because connected host has failed to "
        "respond.", code=NO_ANSWER), hresult=NO_ANSWER, slug="no-answer")


def incompatible(vm: VM, destination: Host, cause: str, *, message_id: int, slug: str) -> MigrationFailure:
    """The destination cannot take it: wrapper, then the sentence with the physical computer and the cause."""
    return _failed(vm, "destination", destination, f"{not_compatible(vm, destination)} {cause}".strip(),
                   message_id=message_id, slug=slug)


def not_compatible(vm: VM, destination: Host) -> str:
    return f"The virtual machine '{vm.name}' is not compatible with physical computer '{destination.name}'."


def switch_missing(name: str) -> str:
    return f"Could not find Ethernet switch '{name}'."


HARDWARE = "The virtual machine cannot be moved to the destination computer. The hardware on the destination " \
           "computer is not compatible with the hardware requirements of this virtual machine."


def hardware(vm: VM, destination: Host) -> MigrationFailure:
    """Another processor manufacturer."""
    return _failed(vm, "destination", destination, f"{HARDWARE} (Virtual machine ID {vm.guid})", message_id=PROCESSOR,
                   slug="cpu-vendor")


def features(vm: VM, destination: Host) -> MigrationFailure:
    return _failed(vm, "destination", destination, f"Virtual machine '{vm.name}' is using processor-specific features "
                   f"not supported on host '{destination.name}'. (Virtual machine ID {vm.guid})",
                   message_id=PROCESSOR, slug="cpu-features")


def memory_missing(vm: VM, destination: Host) -> MigrationFailure:
    return _failed(vm, "destination", destination, coded("Failed to create partition: Insufficient system resources "
                   "exist to complete the requested service.", NO_RESOURCES), hresult=NO_RESOURCES, slug="memory")


def same_id(vm: VM, destination: Host) -> MigrationFailure:
    # No published text was found.
    return _failed(vm, "destination", destination, f"A virtual machine with ID {vm.guid} is already registered on "
                   f"physical computer '{destination.name}'.", slug="same-id")


def file_exists(vm: VM, destination: Host, path: str) -> MigrationFailure:
    # The Win32 sentence and its code are Windows'; how VMMS words it around them was not found published.
    return _failed(vm, "destination", destination, f"Migration did not succeed. Failed to create file '{path}': "
                   "'The file exists.'('0x80070050').", hresult=FILE_EXISTS, message_id=STORAGE, slug="file-exists")


def bad_path(vm: VM, destination: Host, path: str) -> MigrationFailure:
    # The Win32 sentence and its code are Windows'; how VMMS words it around them was not found published.
    return _failed(vm, "destination", destination, f"Migration did not succeed. Failed to create folder '{path}': "
                   "'The system cannot find the path specified.'('0x80070003').", hresult=0x80070003,
                   message_id=STORAGE, slug="bad-path")


def no_network_path(vm: VM, destination: Host, path: str) -> MigrationFailure:
    # Files are copied over SMB. The Win32 sentence and its code are Windows'; how VMMS words it around them is ours.
    return _failed(vm, "destination", destination, f"Migration did not succeed. Failed to create file '{path}': "
                   "'The network path was not found.'('0x80070035').", hresult=0x80070035, message_id=STORAGE,
                   slug="no-network-path")


def attachment(vm: VM, path: str, cause: str, code: int) -> str:
    """What VMMS says of a disk that it cannot open."""
    if code == ACCESS_DENIED:
        return f"'{vm.name}': Hyper-V Virtual Machine Management service Account does not have permission to open " \
               f"attachment '{path}'. Error: '{cause}' (0x{code:08X}). (Virtual machine ID {vm.guid})"
    return f"'{vm.name}': Attachment '{path}' cannot be opened. Error: '{cause}' (0x{code:08X}). " \
           f"(Virtual machine ID {vm.guid})"


def not_registered(vm: VM, path: str, cause: str, code: int) -> str:
    """What VMMS says of a configuration that it cannot open (event 20100)."""
    return "The Virtual Machine Management Service failed to register the configuration for the virtual machine " \
           f"'{vm.guid}' at '{path}': {cause} (0x{code:08X}). If the virtual machine is managed by a failover " \
           "cluster, ensure that the file is located at a path that is accessible to other nodes of the cluster."


def not_opened(vm: VM, destination: Host, words: str, code: int, slug: str) -> MigrationFailure:
    return _failed(vm, "destination", destination, words, hresult=code, message_id=STORAGE, slug=slug)


def not_started(vm: VM, words: str, code: int, slug: str) -> MigrationFailure:
    return MigrationFailure(f"'{vm.name}' failed to start. (Virtual machine ID {vm.guid})\n\n{words}", hresult=code,
                            message_id=STORAGE, slug=slug)


def lun_unseen(vm: VM, name: str) -> str:
    # Posted of virtual Fibre Channel whose LUNs are not there; the adapter's name stands where posts have the default.
    return f"'{vm.name}' {name}: Failed to finish reserving resources with Error 'Unspecified error' (0x80004005). " \
           f"(Virtual machine ID {vm.guid})"


# --- on the way ------------------------------------------------------------------------------------------------------


def disk_full(vm: VM, source: Host, path: str) -> MigrationFailure:
    # The Win32 sentence and its code are Windows'; how VMMS words it around them was not found published.
    return _failed(vm, "source", source, f"Migration did not succeed. Failed to copy file to '{path}': "
                   f"'There is not enough space on the disk.'('0x{DISK_FULL:08X}').", hresult=DISK_FULL,
                   slug="disk-full")


def share_denied(vm: VM, source: Host, path: str, destination: Host) -> MigrationFailure:
    share = path if path.startswith("\\\\") else f"\\\\{destination.name}\\{path[:1]}${path[2:]}"
    return _failed(vm, "source", source, f"Failed to copy file '{path}' to '{share}': Access is denied. "
                   f"(0x{ACCESS_DENIED:08X})", hresult=ACCESS_DENIED, slug="cifs-delegation")


def connection_reset(vm: VM, source: Host) -> MigrationFailure:
    return _failed(vm, "source", source, coded("Failed to send data for a Virtual Machine migration: An existing "
                   "connection was forcibly closed by the remote host.", RESET), hresult=RESET, slug="reset")


def storage_lost(vm: VM, source: Host) -> MigrationFailure:
    # The Win32 sentence and its code are Windows'; how VMMS words it around them was not found published.
    return _failed(vm, "source", source, coded("The network path was not found.", 0x80070035), hresult=0x80070035,
                   slug="storage-lost")


def timed_out(vm: VM, destination: Host) -> MigrationFailure:
    return _failed(vm, "destination", destination, coded("Failed to receive data for a Virtual Machine migration: "
                   "This operation returned because the timeout period expired.", TIMED_OUT), hresult=TIMED_OUT,
                   slug="timeout")


def out_of_memory(vm: VM, destination: Host) -> MigrationFailure:
    return _failed(vm, "destination", destination, coded("Not enough memory resources are available to complete this "
                   "operation.", NOT_ENOUGH_MEMORY), hresult=NOT_ENOUGH_MEMORY, slug="memory")


def cancelled(vm: VM, source: Host) -> MigrationFailure:
    # The Win32 sentence and its code are Windows'; how VMMS words it around them was not found published.
    return _failed(vm, "source", source, coded("The operation was canceled by the user.", CANCELLED),
                   hresult=CANCELLED, category="OperationStopped", slug="cancelled")


#: What a planned fault may name as the way in which a move breaks.
BY_NAME = ("reset", "timeout", "disk-full", "memory")


def by_name(name: str, vm: VM, source: Host, destination: Host, path: str) -> MigrationFailure:
    """The failure that a fault plan names. Raises KeyError for an unknown name."""
    made = {
        "reset": lambda: connection_reset(vm, source),
        "timeout": lambda: timed_out(vm, destination),
        "disk-full": lambda: disk_full(vm, source, path),
        "memory": lambda: out_of_memory(vm, destination),
    }
    return made[name]()
