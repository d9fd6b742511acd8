"""PowerShell's object cmdlets (Select-, Where-, Sort-, Group-, Measure-, ForEach-Object and their like)."""
