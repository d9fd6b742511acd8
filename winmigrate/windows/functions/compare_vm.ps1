function Compare-WinmigrateVM {
    # Runs on the source host. Asks Hyper-V whether a VM may move, and puts out one flat row for each incompatibility.
    # With a map of switches it connects the planned VM's adapters first and asks again. Compare-VM leaves a planned VM
    # at the destination: Remove-WinmigratePlannedVM takes it away. A refusal ends it with Windows' own error.
    [CmdletBinding()]
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
        [hashtable] $SwitchMap = @{}
    )
    $ErrorActionPreference = 'Stop'
    # All that is left in $PSBoundParameters is Compare-VM's, and only what was given: older versions lack some of it.
    $null = $PSBoundParameters.Remove('VMId')
    $null = $PSBoundParameters.Remove('SwitchMap')

    $vm = Get-VM -Id $VMId
    $report = Compare-VM -VM $vm @PSBoundParameters

    if ($SwitchMap.Count) {
        # The planned adapter keeps the Id of the one it stands for; its own SwitchName is not to be relied upon.
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
        # A report does not shrink when what it names is mended: only a fresh one tells.
        $report = Compare-VM -CompatibilityReport $report
    }

    foreach ($found in $report.Incompatibilities) {
        [pscustomobject]@{
            Message    = $found.Message
            MessageId  = $found.MessageId
            SourceType = if ($found.Source) { $found.Source.GetType().Name }
            SourceId   = if ($found.Source) { "$($found.Source.Id)" }
            SourceName = if ($found.Source) { "$($found.Source.Name)" }
        }
    }
}
