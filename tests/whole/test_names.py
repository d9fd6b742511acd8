"""VM names that a shell, a pattern, a path or a page would trip over go the whole way and stay what they are."""

from __future__ import annotations

import html
import json
import unicodedata
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.whole.labs import Site, site
from tests.whole.terminal import run_id, typed

BY_NAME = (
    'it\'s "so" l’été ‘x’ “y”',
    "$(Stop-VM -All) $env:TEMP `whoami`",
    "[x] web[0-9]",
    "Größe 🐘 👩‍💻 名前",
    "<script>alert(1)</script>",
    "-Confirm & b; c | d > e",
    " leading",
    "trailing ",
    "..",
    "%TEMP%\\a {vm}",
    "_x000A_",
)
BY_ID = ("all* who?", "two\nlines\tand \x07", "\x1b[31mred\x9b0m \u202e\u200b\x7f", "{{ jinja }}")
NAMES = (*BY_NAME, *BY_ID)


def id_of(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, repr(name)))


def yaml(data: object) -> str:
    """JSON is YAML; characters beyond the first plane stay as they are, for YAML knows no pairs of surrogates."""
    text = json.dumps(data, ensure_ascii=False)
    return "".join(char if char.isprintable() or char == " " else f"\\u{ord(char):04x}" for char in text)


def fabric(vms: list[dict[str, Any]]) -> str:
    volumes = {"C": {"size": "200 GB", "used": "60 GB"}, "D": "4 TB"}
    hosts: dict[str, Any] = {
        name: {
            "version": 2022, "memory": "256 GB", "addresses": [f"10.20.0.{number}/24"], "volumes": volumes,
            "switches": ["External"],
        }
        for number, name in enumerate(("hv01", "hv02"), 11)
    }  # fmt: skip
    hosts["hv01"]["vms"] = vms
    users = {"ops": {"password": "Spare key 0x2F!", "administrator": True}}
    return yaml(
        {"fabric": "names", "domain": "corp.example", "users": users, "delegation": {"hv01": ["hv02"]}, "hosts": hosts}
    )


def vm(number: int, name: str, vm_id: str) -> dict[str, Any]:
    disk = {"path": rf"D:\VMs\m{number:02}\m{number:02}.vhdx", "size": "2 GB", "used": "1 GB"}
    return {"name": name, "id": vm_id, "memory": "1 GB", "disks": [disk]}


def playbook(migrations: list[dict[str, Any]]) -> str:
    # On lines of their own, so that a finding's place can be told from another's.
    lines = "\n".join(f"  - {yaml(one)}" for one in migrations)
    return f"winmigrate: 1\ninventory: inventory.yml\nstop_after: 100\n\nmigrations:\n{lines}\n"


@dataclass(frozen=True, slots=True)
class Walked:
    place: Site
    said: dict[str, Any]


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walked]:
    """The whole way with every name, once."""
    folder = tmp_path_factory.mktemp("names")
    wishes = [
        {
            "vm": name if name in BY_NAME else f"id:{id_of(name)}",
            "to": "hv02",
            "storage": {"path": rf"D:\Moved\n{number:02}"},
        }
        for number, name in enumerate(NAMES)
    ]
    vms = [vm(number, name, id_of(name)) for number, name in enumerate(NAMES)]
    with site(folder, fabric(vms), playbook=playbook(wishes)) as place:
        said = {"check": typed(folder, "check", "playbook.yml")}
        for form in ("json", "md", "junit"):
            said[f"check {form}"] = typed(folder, "check", "playbook.yml", "--format", form)
        said["plan"] = typed(folder, "plan", "playbook.yml")
        said["run"] = typed(folder, "run", run_id(folder), "--yes")
        said["status"] = typed(folder, "status", run_id(folder))
        said["report"] = typed(folder, "report", run_id(folder))
        yield Walked(place, said)


def test_every_command_ends_well(walked: Walked) -> None:
    assert {name: (done.returncode, done.stderr) for name, done in walked.said.items() if done.returncode} == {}


def test_each_arrives_under_its_very_name_and_id(walked: Walked) -> None:
    world = walked.place.world()
    assert {item["id"].lower(): item["name"] for item in world["hv02"]["vms"]} == {id_of(name): name for name in NAMES}
    assert world["hv01"]["vms"] == []
    assert [item for host in world.values() for item in host["planned"]] == []
    folders = {disk.rsplit("\\", 2)[0] for item in world["hv02"]["vms"] for disk in item["disks"]}
    assert folders == {rf"D:\Moved\n{number:02}" for number in range(len(NAMES))}


def test_nothing_that_is_printed_is_obeyed_by_a_terminal(walked: Walked) -> None:
    for word, done in walked.said.items():
        for text in (done.stdout, done.stderr):
            odd = {char for char in text if not char.isprintable() and char != "\n"}
            if word in ("check json", "check md", "check junit"):  # data: names as they are, but nothing of control
                odd = {char for char in odd if unicodedata.category(char) == "Cc"}
            assert odd == set(), (word, odd)
    status = walked.said["status"].stdout.splitlines()
    assert sum(1 for line in status if "hv01 > hv02  done" in line) == len(NAMES), "a line a VM, whatever its name"


def test_documents_have_the_names_as_they_are(walked: Walked) -> None:
    found = json.loads(walked.said["check json"].stdout)
    assert {item["vm_name"] for item in found["body"]["candidates"]} == set(NAMES)
    folder = walked.place.folder / "runs" / run_id(walked.place.folder)
    plan = json.loads((folder / "plan.json").read_text("utf-8"))
    assert {step["move"]["vm_name"] for step in plan["body"]["steps"]} == set(NAMES)


def test_junit_is_xml(walked: Walked) -> None:
    folder = walked.place.folder / "runs" / run_id(walked.place.folder)
    for text in (walked.said["check junit"].stdout, (folder / "junit.xml").read_text("utf-8")):
        root = ET.fromstring(text)
        told = " ".join(value for each in root.iter("testcase") for value in each.attrib.values())
        assert "<script>alert(1)</script>" in told


def test_a_page_holds_no_markup_of_a_name(walked: Walked) -> None:
    folder = walked.place.folder / "runs" / run_id(walked.place.folder)
    page = (folder / "report.html").read_text("utf-8")
    assert "<script>alert" not in page
    assert html.escape("<script>alert(1)</script>") in page
    assert "<script>alert" not in (folder / "report.md").read_text("utf-8")


NOT_IN_A_PATH = ('"hello"', "all*", "..", "last ", "NUL", "a\\b", "<script>", "two\nlines", "C:", "a/b", "\tx")


def test_a_name_that_is_no_part_of_a_path_is_a_finding_with_its_place(tmp_path: Path) -> None:
    names = (*NOT_IN_A_PATH, "it's [fine] $(too) %TEMP% ünïcode 🐘")
    wishes = [{"vm": f"id:{id_of(name)}", "to": "hv02", "storage": {"path": r"D:\VMs\{vm}"}} for name in names]
    vms = [vm(number, name, id_of(name)) for number, name in enumerate(names)]
    with site(tmp_path, fabric(vms), playbook=playbook(wishes)) as place:
        checked = typed(tmp_path, "check", "playbook.yml")
        assert checked.returncode == 1
        text = checked.stdout
        for line, name in enumerate(NOT_IN_A_PATH, 6):
            assert f"playbook.yml:{line}:" in text, name
        planned = typed(tmp_path, "plan", "playbook.yml")
        assert planned.returncode == 1
        run = typed(tmp_path, "run", run_id(tmp_path), "--yes")
        assert run.returncode == 0, run.stderr
        world = place.world()
        assert [item["name"] for item in world["hv02"]["vms"]] == [names[-1]]
        assert {item["name"] for item in world["hv01"]["vms"]} == set(NOT_IN_A_PATH)
        [disk] = world["hv02"]["vms"][0]["disks"]
        assert disk.startswith(rf"D:\VMs\{names[-1]}" + "\\")


@pytest.mark.parametrize("by", ["name", "id"])
def test_two_vms_of_one_name(tmp_path: Path, by: str) -> None:
    ids = [str(uuid.UUID(int=number)) for number in (1, 2)]
    vms = [vm(number, "twin", vm_id) for number, vm_id in enumerate(ids)]
    chosen = ["twin"] if by == "name" else [f"id:{vm_id}" for vm_id in ids]
    wishes = [{"vm": word, "to": "hv02", "storage": {"path": rf"D:\Moved\t{n}"}} for n, word in enumerate(chosen)]
    with site(tmp_path, fabric(vms), playbook=playbook(wishes)) as place:
        checked = typed(tmp_path, "check", "playbook.yml")
        if by == "name":
            assert checked.returncode == 1
            assert "it may be any of 2" in checked.stdout
            assert all(f"id:{vm_id}" in checked.stdout.replace("\n", "") for vm_id in ids)
            assert "playbook.yml:6:" in checked.stdout
            assert typed(tmp_path, "run", "playbook.yml", "--yes").returncode == 1
            assert place.log("move-started") == []
        else:
            assert checked.returncode == 0
            assert typed(tmp_path, "run", "playbook.yml", "--yes").returncode == 0
            world = place.world()
            assert sorted(item["id"].lower() for item in world["hv02"]["vms"]) == ids
            assert world["hv01"]["vms"] == []
