"""pypsrp's own tests, from its sdist and unmodified, against the lab's WinRM: its integration tests, and its recorded
scenarios with the recordings of Windows hosts as the book that the lab plays."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab.console.things import console_engine
from tests.lab.pypsrp.cassettes import CassetteEngine, first_output
from tests.lab.pypsrp.real import INAPPLICABLE
from tests.lab.wire.scripted import OPS, PASSWORD, _informational, state
from winmigrate.lab.engine.definitions import parse_definition
from winmigrate.lab.engine.editions import WINDOWS_POWERSHELL_5_1
from winmigrate.lab.engine.effects import Call, Effect, Implementation, Message, Output, Wait
from winmigrate.lab.engine.effects import Engine as AnyEngine
from winmigrate.lab.engine.engine import Engine
from winmigrate.lab.engine.restricted import Restriction, Visible
from winmigrate.lab.engine.statements import CommandCall, read_pipeline
from winmigrate.lab.engine.table import CommandTable
from winmigrate.lab.engine.values import PSObject, SecureString
from winmigrate.lab.engine.writer import write
from winmigrate.lab.wire import Accounts, LogonContext, RealClock, WireServer

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[3]
LEAF = "WSMan:\\localhost\\Service\\AllowUnencrypted"


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pypsrp's tests, fresh from its sdist."""
    folder = tmp_path_factory.mktemp("sdist")
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
         "--no-binary", "pypsrp", "--dest", str(folder), "pypsrp==0.9.1"],
        check=True, timeout=300,
    )  # fmt: skip
    (archive,) = folder.glob("pypsrp-0.9.1.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return folder / "pypsrp-0.9.1" / "tests"


def run_tests(sdist: Path, server: WireServer, file: str, *options: str, **more: str) -> int:
    """Runs a file of theirs against the server; gives how many passed. Fails with what it said otherwise."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("REQUESTS_CA", "PYTEST_", "NTLM"))}
    env |= {
        "PYPSRP_SERVER": "127.0.0.1", "PYPSRP_USERNAME": "LAB\\ops", "PYPSRP_PASSWORD": PASSWORD,
        "PYPSRP_HTTP_PORT": str(server.http_port), "PYPSRP_HTTPS_PORT": str(server.https_port),
        "NO_PROXY": "127.0.0.1", "PYTHONPATH": str(ROOT), **more,
    }  # fmt: skip
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(sdist), "-p", "no:cacheprovider",
         "-p", "tests.lab.pypsrp.real", *options, str(sdist / "tests_pypsrp" / file)],
        cwd=sdist, env=env, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    passed = re.search(r"(\d+) passed", done.stdout)
    print(f"\n{file} of pypsrp 0.9.1: {passed[0] if passed else 'nothing passed'} in {time.monotonic() - begun:.1f} s")
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert passed is not None
    return int(passed[1])


@contextmanager
def served(users: str, engines: AnyEngine | Mapping[str, AnyEngine]) -> Iterator[WireServer]:
    server = WireServer("HV01", engines, Accounts([OPS], "HV01"), RealClock(),
                        schemes=("negotiate", "credssp", "basic"))
    server.start()
    try:
        yield server
    finally:
        server.stop()


# --- their integration tests -------------------------------------------------------------------------------------


class Desktop:
    """The few commands that the integration tests ask for, and a console for their "echo hi"."""

    def __init__(self) -> None:
        self.console = console_engine(time.monotonic)
        self.seal: Callable[[LogonContext, str], str] = lambda _context, _text: ""

    def run(self, create_pipeline: str, context: LogonContext, stopping: Callable[[], bool],
            secrets: Callable[[str], str], *rest: Any) -> Iterator[Message | Wait]:
        statements = read_pipeline(create_pipeline, secrets).statements
        for (called,) in statements:
            yield from self._one(called, context)
        yield Message("PIPELINE_STATE", state(4), "Completed")

    def _one(self, called: CommandCall, context: LogonContext) -> Iterator[Message]:
        given = dict(called.arguments)
        if called.name == "Get-Item":
            found = PSObject(("System.IO.DirectoryInfo", "System.Object"), {}, {}, str(given["Path"]))
            yield Message("PIPELINE_OUTPUT", write(found))
        elif called.name == "Set-Variable":
            context.state[given["Name"]] = given["Value"]
        elif "PtrToStringAuto" in called.name:
            kept = context.state["password"]
            assert isinstance(kept, SecureString)
            yield Message("PIPELINE_OUTPUT", write(kept.text))
        elif called.name == "ConvertTo-SecureString":
            yield Message("PIPELINE_OUTPUT", f"<SS>{self.seal(context, str(given['String']))}</SS>")
        else:
            said = re.search("Write-Verbose '(.*)'", called.name)
            assert said is not None
            yield Message("VERBOSE_RECORD", _informational(said[1]))


class Recorded:
    """An engine whose Get-Item puts out what Windows' WSMan provider did."""

    def __init__(self, engine: Engine, leaf: str) -> None:
        self._engine, self._leaf = engine, leaf

    def run(self, *given: Any) -> Iterator[Message | Wait]:
        for step in self._engine.run(*given):
            wanted = isinstance(step, Message) and step.kind == "PIPELINE_OUTPUT"
            yield Message("PIPELINE_OUTPUT", self._leaf) if wanted else step


def jea_engine(leaf: str) -> Recorded:
    """The endpoint that the test's authors describe: Get-Item alone is visible."""
    raw = {"default": None, "sets": {"(only)": ["Path@0"]}, "parameters": {"Path": {"type": "System.String"}}}
    definition = parse_definition("Get-Item", raw, module="Microsoft.PowerShell.Management")

    def get_item(call: Call) -> Iterator[Effect]:
        yield Output(call.get("Path"))

    table = CommandTable({"Get-Item": (definition, Implementation("Get-Item", "GetItemCommand", get_item))})
    return Recorded(Engine(WINDOWS_POWERSHELL_5_1, table, restriction=Restriction((Visible("Get-Item"),))), leaf)


def test_their_integration_tests(users: str, sdist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """http and https with ntlm, negotiate and credssp, https with basic: WinRS, PSRP with secrets both ways, JEA."""
    pytest.importorskip("requests_credssp")
    desktop = Desktop()
    leaf = first_output(sdist / "tests_pypsrp" / "responses" / "test_psrp_with_jea_configuration.yml")
    with capsys.disabled(), served(users, {"Microsoft.PowerShell": desktop, "JEARole": jea_engine(leaf)}) as server:
        shells = server.service._shells
        desktop.seal = lambda context, text: shells[context.shell_id].protocol._pool._cipher.encrypt(text)
        passed = run_tests(sdist, server, "test_integration.py", PYPSRP_RUN_INTEGRATION="1")
        assert passed == 3
        assert server.service.count() == 0


# --- their recorded scenarios ------------------------------------------------------------------------------------


def test_their_recorded_scenarios(users: str, sdist: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """25 of the 32; each of the others has its reason in tests.lab.pypsrp.real."""
    book = CassetteEngine(sdist / "tests_pypsrp" / "responses")
    with capsys.disabled(), served(users, {"Microsoft.PowerShell": book, "JEARole": book}) as server:
        passed = run_tests(
            sdist, server, "test_powershell.py", PYPSRP_PORT=str(server.https_port), PYPSRP_AUTH="ntlm"
        )
        print(f"{len(book)} recorded pipelines, {book.messages()} messages; out: {', '.join(INAPPLICABLE)}")
    assert not book.unknown
    assert passed == 25
