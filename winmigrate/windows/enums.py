"""Numbers of the .NET enumerations in our columns, by enumeration and name.

Hyper-V's are those of module version 2.0.0.0, from the machine-made stubs of dsccommunity/HyperVDsc (MIT), commit
17e8eb7, tests/Unit/Stubs/Hyper-V.stubs.psm1. The others are from Microsoft's reference of the CIM classes behind the
cmdlets (MSFT_NetIPAddress, MSFT_Volume). Names decide, numbers fill in: one number is a typing error in Hyper-V itself.
"""

from __future__ import annotations

ENUMS: dict[str, dict[str, int]] = {
    "CheckpointType": {"Disabled": 2, "Production": 3, "ProductionOnly": 4, "Standard": 5},
    "ControllerType": {"IDE": 0, "SCSI": 1, "PMEM": 2},
    "DvdMediaType": {"None": 0, "ISO": 1, "PassThrough": 2},
    "IPProtocolPreference": {"IPv4": 0, "IPv6": 1},
    "MigrationAuthenticationType": {"CredSSP": 0, "Kerberos": 1},
    "OnOffState": {"On": 0, "Off": 1},
    "SnapshotType": {
        "Standard": 0, "Recovery": 1, "Planned": 2, "Missing": 5, "Replica": 6, "AppConsistentReplica": 7,
        "SyncedReplica": 8,
    },
    "StartAction": {"Nothing": 2, "StartIfRunning": 3, "Start": 4},
    "StopAction": {"TurnOff": 2, "Save": 3, "ShutDown": 4},
    "VMHeartbeatStatus": {
        "Unknown": 0, "Disabled": 1, "NoContact": 2, "Error": 3, "LostCommunication": 4, "OkApplicationsUnknown": 5,
        "OkApplicationsHealthy": 6, "OkApplicationsCritical": 7, "Paused": 8,
    },
    "VMIntegrationComponentOperationalStatus": {
        "Ok": 2, "Degraded": 3, "Error": 6, "NonRecoverableError": 7, "NoContact": 12, "LostCommunication": 13,
        "ProtocolMismatch": 32775, "ApplicationCritical": 32782, "CommunicationTimedOut": 32783,
        "CommunicationFailed": 32784, "Disabled": 32896,
    },
    "VMMigrationPerformance": {"TCPIP": 0, "Compression": 1, "SMB": 2},
    "VMNetworkAdapterPortMirroringMode": {"None": 0, "Destination": 1, "Source": 2},
    "VMNetworkAdapterPrivateVlanMode": {"Isolated": 1, "Community": 2, "Promiscuous": 3},
    "VMNetworkAdapterVlanMode": {"Untagged": 0, "Access": 1, "Trunk": 2, "Private": 3},
    # ApplyingSnapshot is 23769 in the module itself (32769 was meant).
    "VMOperationalStatus": {
        "Ok": 2, "Degraded": 3, "PredictiveFailure": 5, "InService": 11, "Dormant": 15, "SupportingEntityInError": 16,
        "ApplyingSnapshot": 23769, "CreatingSnapshot": 32768, "DeletingSnapshot": 32770, "WaitingToStart": 32771,
        "MergingDisks": 32772, "ExportingVirtualMachine": 32773, "MigratingVirtualMachine": 32774,
        "BackingUpVirtualMachine": 32776, "ModifyingUpVirtualMachine": 32777, "StorageMigrationPhaseOne": 32778,
        "StorageMigrationPhaseTwo": 32779, "MigratingPlannedVm": 32780, "CheckingCompatibility": 32781,
        "ApplicationCriticalState": 32782, "CommunicationTimedOut": 32783, "CommunicationFailed": 32784,
        "NoIommu": 32785, "NoIovSupportInNic": 32786, "SwitchNotInIovMode": 32787, "IovBlockedByPolicy": 32788,
        "IovNoAvailResources": 32789, "IovGuestDriversNeeded": 32790, "CriticalIoError": 32795,
    },
    "VMReplicationMode": {"None": 0, "Primary": 1, "Replica": 2, "TestReplica": 3, "ExtendedReplica": 4},
    "VMReplicationState": {
        "Disabled": 0, "ReadyForInitialReplication": 1, "InitialReplicationInProgress": 2,
        "WaitingForInitialReplication": 3, "Replicating": 4, "PreparedForFailover": 5,
        "FailedOverWaitingCompletion": 6, "FailedOver": 7, "Suspended": 8, "Error": 9,
        "WaitingForStartResynchronize": 10, "Resynchronizing": 11, "ResynchronizeSuspended": 12,
        "RecoveryInProgress": 13, "FailbackInProgress": 14, "FailbackComplete": 15, "WaitingForUpdateCompletion": 16,
        "UpdateError": 17, "WaitingForRepurposeCompletion": 18, "PreparedForSyncReplication": 19,
        "PreparedForGroupReverseReplication": 20, "FiredrillInProgress": 21,
    },
    "VMState": {
        "Other": 1, "Running": 2, "Off": 3, "Stopping": 4, "Saved": 6, "Paused": 9, "Starting": 10, "Reset": 11,
        "Saving": 32773, "Pausing": 32776, "Resuming": 32777, "FastSaved": 32779, "FastSaving": 32780,
        "ForceShutdown": 32781, "ForceReboot": 32782, "Hibernated": 32783, "ComponentServicing": 32784,
        "RunningCritical": 32785, "OffCritical": 32786, "StoppingCritical": 32787, "SavedCritical": 32788,
        "PausedCritical": 32789, "StartingCritical": 32790, "ResetCritical": 32791, "SavingCritical": 32792,
        "PausingCritical": 32793, "ResumingCritical": 32794, "FastSavedCritical": 32795, "FastSavingCritical": 32796,
    },
    "VMSwitchType": {"Private": 0, "Internal": 1, "External": 2},
    "VhdFormat": {"Unknown": 0, "VHD": 2, "VHDX": 3, "VHDSet": 4},
    "VhdType": {"Unknown": 0, "Fixed": 2, "Dynamic": 3, "Differencing": 4},
    "VirtualMachineSubType": {"Unknown": 0, "Generation1": 1, "Generation2": 2},
    "AddressFamily": {"IPv4": 2, "IPv6": 23},
    "DriveType": {
        "Unknown": 0, "Invalid Root Path": 1, "Removable": 2, "Fixed": 3, "Remote": 4, "CD-ROM": 5,
        "RAM Disk": 6,
    },
    "HealthStatus": {"Healthy": 0, "Scan Needed": 1, "Spot Fix Needed": 2, "Full Repair Needed": 3},
    "InstallState": {},
}  # fmt: skip
