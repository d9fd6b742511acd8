"""What is known of Windows, as data: builds, cmdlets by version, enums; and :class:`Unreadable`."""

from winmigrate.facts.unreadable import Unreadable
from winmigrate.facts.versions import BUILDS, VERSIONS, version_of_build

__all__ = ["BUILDS", "VERSIONS", "Unreadable", "version_of_build"]
