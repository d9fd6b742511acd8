"""Ansible, as it is on PyPI, runs `raw` against the lab by its psrp and its winrm connection plugin."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from winmigrate.testing.serving import lab

pytestmark = pytest.mark.long

FABRIC = Path(__file__).parents[2] / "fixtures" / "fabrics" / "demo.yml"
PACKAGES = ("ansible-core >= 2.16, < 3", "pypsrp == 0.9.1", "pywinrm >= 0.5, < 1", "requests-credssp >= 2, < 3")
HOSTS = ("psrp_http", "psrp_https", "psrp_credssp", "winrm_http", "winrm_https", "winrm_credssp")


@pytest.fixture(scope="module")
def ansible(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, in an environment of its own."""
    folder = tmp_path_factory.mktemp("ansible")
    venv.create(folder / "env", with_pip=True)
    pip = [str(folder / "env" / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *PACKAGES], check=True, timeout=300)
    return folder / "env" / "bin" / "ansible"


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("served")
    ours = folder / "inventory.yml"
    fabric = folder / "fabric.yml"
    fabric.write_text(
        FABRIC.read_text(encoding="utf-8").replace("    version: 2019\n", "    version: 2019\n    credssp: true\n"),
        encoding="utf-8",
    )
    with lab(fabric, ours, clock="real") as ready:  # Ansible tells no clock when it waits
        who = yaml.safe_load((folder / "inventory.credential.yml").read_text(encoding="utf-8"))
        path = folder / "hosts.yml"
        path.write_text(yaml.safe_dump({"all": {"hosts": _hosts(ready["hosts"]["hv01"], who)}}), encoding="utf-8")
        yield path


def _hosts(ports: dict[str, Any], who: dict[str, str]) -> dict[str, Any]:
    found = {}
    for name in HOSTS:
        plugin, _, way = name.partition("_")
        auth, scheme = ("credssp", "https") if way == "credssp" else ("ntlm", way)
        found[name] = {
            "ansible_host": "127.0.0.1", "ansible_port": ports[scheme], "ansible_connection": plugin,
            "ansible_user": who["username"], "ansible_password": who["password"], "ansible_shell_type": "powershell",
        }
        if plugin == "psrp":
            found[name] |= {
                "ansible_psrp_protocol": scheme, "ansible_psrp_auth": auth, "ansible_psrp_ignore_proxy": True,
                "ansible_psrp_cert_validation": "ignore",
            }
        else:
            found[name] |= {
                "ansible_winrm_scheme": scheme, "ansible_winrm_transport": auth,
                "ansible_winrm_server_cert_validation": "ignore",
            }
    return found


def raw(ansible: Path, inventory: Path, command: str, folder: Path) -> dict[str, dict[str, Any]]:
    """What each host's task came to, by Ansible's own account."""
    environment = {
        **os.environ, "NO_PROXY": "*", "no_proxy": "*", "LC_ALL": "C.UTF-8", "ANSIBLE_HOME": str(folder),
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1",
    }
    tree = folder / "tree"
    done = subprocess.run(
        [ansible, "all", "-i", inventory, "-m", "raw", "-a", command, "--tree", tree], env=environment, text=True,
        capture_output=True, timeout=120,
    )
    results = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in tree.iterdir()}
    assert set(results) == set(HOSTS), done.stdout + done.stderr
    return results


@pytest.mark.parametrize(("command", "lines"), [
    ("whoami", ["corp\\ops"]),
    ("hostname", ["HV01"]),
    ("Write-Output 'grüße', 5", ["grüße", "5"]),
    ("Get-VM -Name web01 | Select-Object -ExpandProperty Name; hostname", ["web01", "HV01"]),
])
def test_output(ansible: Path, inventory: Path, tmp_path: Path, command: str, lines: list[str]) -> None:
    for host, result in raw(ansible, inventory, command, tmp_path).items():
        assert (result.get("rc"), result.get("stdout_lines")) == (0, lines), (host, result)


def test_a_failing_command(ansible: Path, inventory: Path, tmp_path: Path) -> None:
    for host, result in raw(ansible, inventory, "whoami /nonsense", tmp_path).items():
        assert result["rc"] == 1, host
        assert "Invalid argument/option - '/nonsense'" in result["stderr"], host


def test_an_unknown_command(ansible: Path, inventory: Path, tmp_path: Path) -> None:
    for host, result in raw(ansible, inventory, "fake cmdlet", tmp_path).items():
        # psrp asks for $LASTEXITCODE, which no program has set; winrm for powershell.exe's own exit code
        assert result["rc"] == (0 if host.startswith("psrp") else 1), host
        assert "The term 'fake' is not recognized as the name of a cmdlet" in result["stderr"].replace("\r\n", ""), host


