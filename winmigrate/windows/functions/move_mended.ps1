function Move-WinmigrateVM {
    # Runs on the source host. Compares, connects the planned VM's adapters to the mapped switches, compares again and
    # moves with that report, all in one breath, for a report cannot leave its session. If anything is left that has a
    # cause of its own, it puts out rows like Compare-WinmigrateVM and ends with the error WinmigrateStillIncompatible;
    # entries whose source is the VM itself only say "incompatible" once more, and Move-VM has the last word on them.
    [CmdletBinding(SupportsShouldProcess = $true)]
    param(
        [Parameter(Mandatory = $true)] [guid] $VMId,
        [Parameter(Mandatory = $true)] [string] $DestinationHost,
        [pscredential] $DestinationCredential,
        [switch] $IncludeStorage,
        [string] $DestinationStoragePath,
        [string] $VirtualMachinePath,
        [string] $SnapshotFilePath,
        [string] $SmartPagingFilePath,
        [hashtable[]] $Vhds,
        [Parameter(Mandatory = $true)] [hashtable] $SwitchMap
    )
    $ErrorActionPreference = 'Stop'
    if (-not $PSCmdlet.ShouldProcess("$VMId", "Move to $DestinationHost")) { return }
    foreach ($own in 'VMId', 'SwitchMap', 'Confirm', 'WhatIf') { $null = $PSBoundParameters.Remove($own) }

    $vm = Get-VM -Id $VMId
    $report = Compare-VM -VM $vm @PSBoundParameters

    $names = @{}
    foreach ($adapter in Get-VMNetworkAdapter -VM $vm) { $names[$adapter.Id] = $adapter.SwitchName }
    $there = @{ ComputerName = $DestinationHost }
    if ($DestinationCredential) { $there.Credential = $DestinationCredential }
    $switches = @(Get-VMSwitch @there)
    foreach ($adapter in Get-VMNetworkAdapter -VM $report.VM) {
        $name = $names[$adapter.Id]
        if (-not $name -or -not $SwitchMap.ContainsKey($name)) { continue }
        $mapped = $switches | Where-Object { $_.Name -eq $SwitchMap[$name] }
        if (-not $mapped) { throw "There is no switch '$($SwitchMap[$name])' on $DestinationHost." }
        Connect-VMNetworkAdapter -VMNetworkAdapter $adapter -VMSwitch $mapped -Confirm:$false
    }
    $report = Compare-VM -CompatibilityReport $report

    $left = @($report.Incompatibilities |
        Where-Object { -not $_.Source -or $_.Source.GetType().Name -ne 'VirtualMachine' })
    if ($left.Count) {
        foreach ($found in $left) {
            [pscustomobject]@{
                Message    = $found.Message
                MessageId  = $found.MessageId
                SourceType = if ($found.Source) { $found.Source.GetType().Name }
                SourceId   = if ($found.Source) { "$($found.Source.Id)" }
                SourceName = if ($found.Source) { "$($found.Source.Name)" }
            }
        }
        $reason = New-Object System.InvalidOperationException "Still incompatible: $($left[0].Message)"
        $PSCmdlet.ThrowTerminatingError((New-Object System.Management.Automation.ErrorRecord @(
            $reason, 'WinmigrateStillIncompatible', 'InvalidOperation', "$VMId")))
    }
    Move-VM -CompatibilityReport $report -Confirm:$false
}
