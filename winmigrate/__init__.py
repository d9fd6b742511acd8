"""winmigrate moves running Hyper-V virtual machines between Windows hosts, with their storage."""

__version__ = "0.1.0"
