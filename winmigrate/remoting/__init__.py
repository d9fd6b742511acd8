"""PowerShell on one host: CLIXML, sessions, recovery, retry of reads. Knows no Hyper-V."""
