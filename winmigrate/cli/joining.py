"""How other clients connect to a served lab: snippets for pypsrp, pywinrm and Ansible, ready to be pasted.

No password is printed: each reads it from the file (0600) that the lab writes beside its inventory.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def credential_file(inventory: Path) -> Path:
    """Where the lab puts the user and password of an inventory that it writes."""
    return inventory.with_name(f"{inventory.stem}.credential.yml")


def pypsrp(ports: Mapping[str, Any], credential: Path) -> str:
    """Python that asks a host for its machines by PSRP."""
    return f"""\
import yaml
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan
who = yaml.safe_load(open({str(credential)!r}))
with RunspacePool(WSMan("127.0.0.1", port={ports["http"]}, ssl=False, auth="ntlm", no_proxy=True, **who)) as pool:
    print(*PowerShell(pool).add_cmdlet("Get-VM").invoke(), sep="\\n")
"""


def pywinrm(ports: Mapping[str, Any], credential: Path) -> str:
    """Python that asks a host who we are by WinRS."""
    return f"""\
import winrm, yaml
who = yaml.safe_load(open({str(credential)!r}))
session = winrm.Session("https://127.0.0.1:{ports["https"]}/wsman", auth=(who["username"], who["password"]),
                        transport="ntlm", server_cert_validation="ignore")
print(session.run_cmd("whoami").std_out.decode())
"""


def ansible(name: str, ports: Mapping[str, Any], credential: Path) -> str:
    """A command line of Ansible's `raw` by its psrp plugin; user and password come as extra variables."""
    variables = {
        "ansible_host": "127.0.0.1", "ansible_port": ports["http"], "ansible_connection": "psrp",
        "ansible_psrp_protocol": "http", "ansible_psrp_auth": "ntlm", "ansible_psrp_ignore_proxy": "true",
        "ansible_user": "'{{ username }}'", "ansible_password": "'{{ password }}'",
    }  # fmt: skip
    words = " ".join(f"{key}={value}" for key, value in variables.items())
    return f"ansible all -i {name}, -m raw -a hostname -e @{shlex.quote(str(credential))} -e {shlex.quote(words)}\n"


def how_to_connect(ready: Mapping[str, Any], inventory: Path) -> str:
    """What `lab serve` prints of it, for the first of its hosts."""
    name, ports = next(iter(ready["hosts"].items()))
    credential = credential_file(inventory)
    parts = (("pypsrp", pypsrp(ports, credential)), ("pywinrm", pywinrm(ports, credential)),
             ("Ansible", ansible(name, ports, credential)))  # fmt: skip
    return "\n".join(f"# {title}, to {name}:\n{text}" for title, text in parts)
