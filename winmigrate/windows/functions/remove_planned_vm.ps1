function Remove-WinmigratePlannedVM {
    # Runs on the destination host. Destroys the planned VM that Compare-VM or a failed move left; never a real one, for
    # it looks for nothing but planned systems. Whoever calls it has looked for a running migration of that VM first.
    # Puts out one row: Removed is false if there was none. A refusal of Hyper-V is the error WinmigrateNotDestroyed.
    [CmdletBinding(SupportsShouldProcess = $true)]
    param(
        [Parameter(Mandatory = $true)] [guid] $VMId
    )
    $ErrorActionPreference = 'Stop'
    $where = @{ Namespace = 'root/virtualization/v2' }
    $planned = Get-CimInstance @where -ClassName Msvm_PlannedComputerSystem -Filter "Name='$VMId'"
    if (-not $planned) { return [pscustomobject]@{ VMId = "$VMId"; Removed = $false } }
    if (-not $PSCmdlet.ShouldProcess("$VMId", 'Destroy the planned VM')) { return }

    $service = Get-CimInstance @where -ClassName Msvm_VirtualSystemManagementService
    $asked = Invoke-CimMethod -InputObject $service -MethodName DestroySystem -Confirm:$false -Arguments @{
        AffectedSystem = [ref] $planned
    }
    $code = $asked.ReturnValue
    if ($code -eq 4096) {
        # 4096: Hyper-V goes on by itself. Its job's state is below 7 while it runs; 7 and 32768 are good ends.
        $job = Get-CimInstance -InputObject $asked.Job
        for ($waited = 0; $job.JobState -lt 7 -and $waited -lt 60; $waited++) {
            Start-Sleep -Seconds 1
            $job = Get-CimInstance -InputObject $asked.Job
        }
        $code = if ($job.JobState -in 7, 32768) { 0 } elseif ($job.ErrorCode) { $job.ErrorCode } else { 32768 }
    }
    if ($code -ne 0) {
        $said = "The planned VM $VMId was not destroyed: $code $($job.ErrorDescription)"
        $reason = New-Object System.InvalidOperationException $said
        $PSCmdlet.ThrowTerminatingError((New-Object System.Management.Automation.ErrorRecord @(
            $reason, 'WinmigrateNotDestroyed', 'InvalidResult', "$VMId")))
    }
    [pscustomobject]@{ VMId = "$VMId"; Removed = $true }
}
