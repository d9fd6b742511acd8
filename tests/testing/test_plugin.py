"""The pytest plugin, as whoever builds on winmigrate uses it: test modules of their own, run by pytest."""

from __future__ import annotations

import re
import shutil
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from winmigrate.errors import UsageError
from winmigrate.request import Event, Stream, command, request, statement
from winmigrate.testing import Fabric, site
from winmigrate.transcript import Entry, Header, Transcript, request_to_data, save_transcript
from winmigrate.verbs import Recording, check

pytest_plugins = ["pytester"]

ASKS = """
from winmigrate.request import command, request, statement

def ask(session, name, **parameters):
    return session.ask(request(statement(command(name, **parameters))))
"""


@pytest.fixture
def folder(pytester: pytest.Pytester) -> Path:
    """A folder of tests with a recording beside them: Get-VM -Id a, Get-VMHost."""
    row = Event(0.0, Stream.OUTPUT, "<S>web01</S>")
    asked = [command("Get-VM", Id="a"), command("Get-VMHost")]
    entries = tuple(Entry(request_to_data(request(statement(one))), (row,)) for one in asked)
    (pytester.path / "book").mkdir()
    save_transcript(Transcript(Header("invented", "a test", "hv01"), entries), pytester.path / "book" / "hv01.jsonl")
    return pytester.path


def run(pytester: pytest.Pytester, test: str) -> pytest.RunResult:
    """In a process of its own: in this one pytester would forget modules that other tests hold on to."""
    pytester.makepyfile(ASKS + test)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q")


def test_the_entry_point_is_there() -> None:
    [found] = entry_points(group="pytest11", name="winmigrate")
    assert found.value == "winmigrate.testing.plugin"


@pytest.mark.parametrize(
    ("body", "outcome", "said"),
    [
        (
            "session = replay('book').connector('hv01')\n"
            "    assert ask(session, 'Get-VM', Id='a').events[0].clixml == '<S>web01</S>'\n"
            "    ask(session, 'Get-VMHost')",
            "passed",
            [],
        ),
        (
            "ask(replay('book').connector('hv01'), 'Get-VM', Id='a')",
            "failed",
            ["*recorded and never asked: hv01, entry 2: Get-VMHost*"],
        ),
        ("ask(replay('book', unused='ignore').connector('hv01'), 'Get-VM', Id='a')", "passed", []),
        (
            "ask(replay('book', unused='ignore').connector('hv01'), 'Get-VM', Id='b')",
            "failed",
            ["*nearest is entry 1: Get-VM -Id \"a\"*", "*asked \"b\", recorded \"a\"*"],
        ),
        (
            "session = replay('book', unused='ignore').connector('hv01')\n"
            "    try:\n        ask(session, 'Get-VM', Id='b')\n    except Exception:\n        pass",
            "failed",
            ["*asked and not recorded: hv01: not recorded: Get-VM*", "*nearest is entry 1*"],
        ),
        (
            "session = replay('book/hv01.jsonl', strict=False).connector('hv01')\n"
            "    ask(session, 'Get-VMHost')\n    ask(session, 'Get-VMHost')",
            "passed",
            [],
        ),
        ("replay('nowhere')", "failed", ["*nowhere: cannot be read*"]),
        ("replay('book', unused='shrug')", "failed", ["*wanted: fail or ignore*"]),
    ],
    ids=["used up", "unused", "unused, told", "miss", "miss swallowed", "loose", "no book", "no choice"],
)
def test_replay(pytester: pytest.Pytester, folder: Path, body: str, outcome: str, said: list[str]) -> None:
    result = run(pytester, f"\ndef test_it(replay):\n    {body}\n")
    result.assert_outcomes(**{outcome: 1})
    for line in said:
        result.stdout.fnmatch_lines([line])


def test_a_lab_of_a_built_fabric(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        r"""
import winmigrate

PLAYBOOK = '''
winmigrate: 1
inventory: inventory.yml
migrations: [{vm: web01, to: hv02, storage: {path: 'D:\\VMs\\{vm}'}}]
'''

def test_it(lab, fabric):
    hosts = fabric().host("hv01").vm("web01", on="hv01", memory="4 GB").host("hv02", version="2022")
    site = lab(hosts, playbook=PLAYBOOK)
    ground = site.ground()
    planned = winmigrate.plan(site.playbook, ground=ground)
    assert [step.move.vm_name for step in planned.plan.steps] == ["web01"]
    assert winmigrate.run(planned.folder, ground=ground).exit_code == 0
    assert site.where() == {"web01": ["hv02"]}
""",
    )
    result.assert_outcomes(passed=1)


def test_a_fabric_says_what_does_not_fit() -> None:
    fabric = Fabric().host("hv01").vm("web01", on="hv01")
    for wrong in (
        lambda: fabric.host("hv01"),
        lambda: fabric.vm("web01", on="hv01"),
        lambda: fabric.vm("web02", on="hv02"),
    ):
        with pytest.raises(UsageError):
            wrong()


def test_a_fabric_is_what_was_said_of_it(tmp_path: Path) -> None:
    from winmigrate.lab.fabric.loading import load_fabric

    fabric = (
        Fabric(seed=3)
        .user("admin", "word")
        .host("hv01", version="2016", volumes={"D": "1 TB"})
        .host("hv02")
        .vm("web01", on="hv01", memory="4 GB", checkpoints=["before"])
        .delegate("hv01", "hv02")
        .fault(kind="drop", host="hv01", vm="web01", phase="storage")
    )
    world = load_fabric(fabric.write(tmp_path / "fabric.yml"))
    try:
        assert [host.version for host in world.hosts.values()] == ["2016", "2019"]
        assert [user.name for user in world.users] == ["admin"]
        [vm] = world.hosts["hv01"].vms.values()
        assert vm.name == "web01"
        assert list(world.domain.delegation) == ["hv01"]
    finally:
        world.clock.close()
    both_ways = load_fabric(Fabric().host("hv01").host("hv02").write(tmp_path / "two.yml"))
    both_ways.clock.close()
    assert list(both_ways.domain.delegation) == ["hv01", "hv02"]
    Fabric().host("hv01").write(tmp_path / "one.yml")
    load_fabric(tmp_path / "one.yml").clock.close()


@pytest.fixture(scope="module")
def examples() -> list[str]:
    page = (Path(__file__).parents[2] / "docs" / "transcripts.md").read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def transcripts(tmp_path_factory: pytest.TempPathFactory, examples: list[str]) -> Path:
    """A recording as the page's replay wants it. Made before pytester is there, which forgets modules that are new."""
    folder = tmp_path_factory.mktemp("site")
    playbook = examples[1].split('r"""')[1].partition('"""')[0]
    fabric = Fabric().host("hv01").vm("web01", on="hv01").host("hv02")
    with site(folder, fabric.text(), playbook=playbook) as place:
        recording = Recording()
        check(place.playbook, ground=place.ground(recording=recording))
        recording.save(folder / "transcripts", playbook=place.playbook)
    return folder / "transcripts"


def test_the_examples_of_the_page_hold(transcripts: Path, examples: list[str], pytester: pytest.Pytester) -> None:
    shutil.copytree(transcripts, pytester.path / "transcripts")
    replayed, served = examples
    pytester.makepyfile(test_replay=replayed, test_lab=served)
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-q").assert_outcomes(passed=2)
