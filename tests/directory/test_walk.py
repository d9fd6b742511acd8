"""The demo fabric over Kerberos: our own commands, and clients that are not ours."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.directory.samba import DNS, PASSWORD, REALM, Directory
from tests.whole.labs import FABRICS, PLAYBOOK

pytestmark = pytest.mark.long


class Site:
    """The demo fabric, served with a keytab; commands are run as the owner of a ticket would run them."""

    def __init__(self, folder: Path, domain: Directory, keytab: Path, cache: str, *options: str) -> None:
        self.folder = folder
        self.environment = {**domain.environment, "KRB5CCNAME": cache, "COLUMNS": "140"}
        (folder / "playbook.yml").write_text(PLAYBOOK, encoding="utf-8")
        shutil.copy(FABRICS / "demo.yml", folder / "fabric.yml")
        words = [sys.executable, "-m", "winmigrate.lab.server", "fabric.yml", "--keytab", str(keytab), "--inventory",
                 "inventory.yml", "--log", "log.jsonl", *options]
        self.process = subprocess.Popen(words, cwd=folder, env=domain.environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.ready: dict[str, Any] = json.loads(self.process.stdout.readline())

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "winmigrate", *words], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True, check=False, timeout=120)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def serve(tmp_path: Path, domain: Directory, keytab: Path, ticket: Path) -> Iterator[Callable[..., Site]]:
    with ExitStack() as stack:

        def make(*options: str, cache: str = f"FILE:{ticket}") -> Site:
            made = Site(tmp_path, domain, keytab, cache, *options)
            stack.callback(made.close)
            return made

        yield make


@pytest.mark.parametrize("scheme", ["--http", "--auth=kerberos"], ids=["http", "https"])
def test_hosts_and_check_by_ticket(serve: Callable[..., Site], scheme: str) -> None:
    site = serve("--auth=kerberos", "--ticket", scheme)
    hosts = site.type("hosts")
    assert hosts.returncode == 0, hosts
    assert hosts.stdout.lower().count("as corp\\ops") == 3
    checked = site.type("check", "playbook.yml")
    assert checked.returncode == 1, checked  # a ticket passes no second hop on, and that is said
    assert "hop" in checked.stdout
    assert "BLOCKED" in checked.stdout


def test_a_run_by_password(serve: Callable[..., Site]) -> None:
    """Kerberos with a password that Move-VM can be given: three machines move; the one with a physical disk stays."""
    site = serve("--auth=kerberos", "--http", cache="FILE:/nonexistent")
    assert site.type("hosts").returncode == 0
    planned = site.type("plan", "playbook.yml")
    assert planned.returncode == 1, planned
    run_id = next(path.name for path in (site.folder / "runs").iterdir())
    done = site.type("run", run_id, "--yes")
    assert done.returncode == 0, done
    log = [json.loads(line) for line in (site.folder / "log.jsonl").read_text("utf-8").splitlines()]
    assert sorted(entry["name"] for entry in log if entry["kind"] == "move-started") == ["app01", "sql01", "web01"]
    assert not [entry for entry in log if entry["kind"] in ("defect", "logon-refused")]


def test_no_ticket_is_one_line_for_each_host(serve: Callable[..., Site]) -> None:
    said = serve("--auth=kerberos", "--ticket", "--http", cache="FILE:/nonexistent").type("hosts")
    assert said.returncode != 0
    assert (said.stdout + said.stderr).count("there is no Kerberos ticket to use") == 3


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("auth", ["kerberos", "negotiate"])
@pytest.mark.parametrize("credential", [{}, {"username": f"ops@{REALM}", "password": PASSWORD}],
                         ids=["ticket", "password"])
def test_pypsrp(serve: Callable[..., Site], with_ticket: None, scheme: str, auth: str,
                credential: dict[str, str]) -> None:
    from pypsrp.powershell import PowerShell, RunspacePool
    from pypsrp.wsman import WSMan

    ports = serve().ready["hosts"]["hv01"]
    wsman = WSMan("127.0.0.1", port=ports[scheme], ssl=scheme == "https", auth=auth, cert_validation=False,
                  negotiate_hostname_override=f"hv01.{DNS}", encryption="always", **credential)
    with RunspacePool(wsman) as pool:
        shell = PowerShell(pool)
        shell.add_cmdlet("Get-VM")
        assert len(shell.invoke()) == 4


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_pywinrm(serve: Callable[..., Site], with_ticket: None, scheme: str) -> None:
    import winrm

    ports = serve().ready["hosts"]["hv01"]
    session = winrm.Session(f"{scheme}://127.0.0.1:{ports[scheme]}/wsman", auth=("", ""), transport="kerberos",
                            kerberos_hostname_override=f"hv01.{DNS}", server_cert_validation="ignore",
                            message_encryption="always" if scheme == "http" else "auto")
    answer = session.run_ps("Get-VM")
    assert answer.status_code == 0, answer.std_err
    assert b"sql01" in answer.std_out
