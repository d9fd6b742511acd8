"""The fabric that is not there: Windows hosts behind real WinRM, on loopback."""
