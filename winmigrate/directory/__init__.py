"""Active Directory, read from the ops box over LDAP, or through the AD cmdlets of a host."""

from winmigrate.directory.asking import Directory, Opener, Question
from winmigrate.directory.cmdlets import through
from winmigrate.directory.ldap import Server, connected
from winmigrate.directory.nouns import Account, DirectoryFacts, Trust
from winmigrate.directory.reading import Named, Wanted, named, read_directory, read_file_servers

__all__ = [
    "Account",
    "Directory",
    "DirectoryFacts",
    "Named",
    "Opener",
    "Question",
    "Server",
    "Trust",
    "Wanted",
    "connected",
    "named",
    "read_directory",
    "read_file_servers",
    "through",
]
