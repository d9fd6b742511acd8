"""Small fabrics, built in a test: hosts and machines as keywords, YAML for the lab as the result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from winmigrate.errors import UsageError

#: The user of a fabric that names none; it can do nothing outside of a lab.
USER, PASSWORD = "ops", "Spare key 0x2F!"


class Fabric:
    """A fabric file in the making. Keywords are the file's own keys (``winmigrate schema fabric``); sizes are text
    such as "4 GB". What is not said has the lab's defaults.

    >>> print(Fabric().host("hv01").vm("web01", on="hv01", memory="4 GB").host("hv02", version="2022").text())
    """

    def __init__(self, *, domain: str = "corp.example", **settings: Any) -> None:
        self._tree: dict[str, Any] = {"domain": domain, **settings, "users": {}, "delegation": {}, "hosts": {}}

    def host(self, name: str, **settings: Any) -> Fabric:
        """Adds a host, of Windows Server 2019 if ``version`` says nothing else."""
        if name in self._tree["hosts"]:
            raise UsageError(f'this fabric has a host "{name}" already')
        self._tree["hosts"][name] = settings
        return self

    def vm(self, name: str, *, on: str, **settings: Any) -> Fabric:
        """Adds a virtual machine to a host."""
        if on not in self._tree["hosts"]:
            raise UsageError(f'this fabric has no host "{on}": add it before its machines')
        vms = self._tree["hosts"][on].setdefault("vms", {})
        if name in vms:
            raise UsageError(f'"{on}" has a machine "{name}" already')
        vms[name] = settings or None
        return self

    def user(self, name: str, password: str = PASSWORD, *, administrator: Any = True, **settings: Any) -> Fabric:
        """Adds a user; the first one is who the inventory logs on as."""
        self._tree["users"][name] = {"password": password, "administrator": administrator, **settings}
        return self

    def delegate(self, source: str, *to: str) -> Fabric:
        """Lets a host's live migrations go to others by Kerberos. A fabric that says nothing lets all go to all."""
        self._tree["delegation"][source] = list(to)
        return self

    def fault(self, **given: Any) -> Fabric:
        """Plans a fault, such as ``kind="drop", host="hv01", vm="web01", phase="storage"``."""
        self._tree.setdefault("faults", []).append(given)
        return self

    def text(self) -> str:
        """The fabric file's text."""
        tree = dict(self._tree)
        names = list(tree["hosts"])
        if not tree["users"]:
            tree["users"] = {USER: {"password": PASSWORD, "administrator": True}}
        if not tree["delegation"] and len(names) > 1:
            tree["delegation"] = {name: [other for other in names if other != name] for name in names}
        if not tree["delegation"]:
            del tree["delegation"]
        return str(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True))

    def write(self, path: Path) -> Path:
        """Writes the fabric file, and gives its path."""
        path.write_text(self.text(), encoding="utf-8")
        return path
