"""The engine against requests recorded from a real one, as they were and with other machines behind them."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace

import pytest

from tests.judges import recordings as judge
from tests.judges._standins import Standins, load_standins, machines_of
from winmigrate.lab.engine.statements import read_pipeline

RECORDINGS = {each.name: each for each in judge.recordings() if each.name not in judge.EXCEPTED}
ENGINES = {restricted: judge.make_engine(restricted=restricted) for restricted in (False, True)}
NAMES = ("web01", "db01", "old's \"vm\" [x]")
MEMORY = 4294967296


def test_at_most_twelve_requests_are_excepted_each_with_its_reason() -> None:
    names = {each.name for each in judge.recordings()}
    assert set(judge.EXCEPTED) <= names
    assert len(judge.EXCEPTED) <= 12
    assert all(reason.startswith("free script text: ") for reason in judge.EXCEPTED.values())
    assert len(RECORDINGS) == 70


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_request_is_answered_as_it_was(name: str) -> None:
    recording = RECORDINGS[name]
    assert judge.difference(judge.expected(recording), judge.play(ENGINES[recording.restricted], recording)) is None


class Other:
    """Other names, memory, ids and order of the machines, made from a seed; what depends on their sorting stays."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        word = "".join(chance.choice("abcdefgh") for _ in range(6))
        self.memory = chance.randrange(2**32, 2**33)
        tail = "".join(chance.choice("0123456789abcdef") for _ in range(12))
        self.texts = {
            "web01": f"w{word}", "db01": f"d{word}", "05060708090a": tail, "05060708090A": tail.upper(),
            str(3 * MEMORY): str(3 * self.memory), str(MEMORY): str(self.memory),
        }
        self.pattern = re.compile("|".join(sorted(map(re.escape, self.texts), key=len, reverse=True)))
        self.order = chance.sample(range(3), 3)

    def text(self, clixml: str) -> str:
        return self.pattern.sub(lambda match: self.texts[match[0]], clixml)

    def standins(self, before: Standins) -> None:
        before.document = json.loads(self.text(json.dumps(before.document)))
        machines = machines_of(before.document)
        before.machines[:] = [machines[place] for place in self.order]

    def answer(self, recording: judge.Recording) -> list[tuple[str, str]]:
        messages = [(kind, self.text(clixml)) for kind, clixml in judge.expected(recording)]
        statements = read_pipeline(recording.create_pipeline, str).statements
        everything = any(each[0].name == "Get-VM" and not each[0].arguments for each in statements)
        sorts = any(command.name.endswith(("Sort-Object", "Group-Object")) for each in statements for command in each)
        return self._reordered(messages) if everything and not sorts else messages

    def _reordered(self, messages: list[tuple[str, str]]) -> list[tuple[str, str]]:
        result: list[tuple[str, str]] = []
        run: list[tuple[int, tuple[str, str]]] = []
        for message in [*messages, ("", "")]:
            machine = self._machine(message[1])
            if machine is None or message[0] not in ("PIPELINE_OUTPUT", "ERROR_RECORD"):
                result += [each for _, each in sorted(run, key=lambda pair: self.order.index(pair[0]))]
                run = []
                result.append(message)
            else:
                run.append((machine, message))
        return result[:-1]

    def _machine(self, clixml: str) -> int | None:
        for place, name in enumerate((self.texts["web01"], self.texts["db01"], NAMES[2])):
            if f"0000000{place + 1}-0001-0002" in clixml or f">{name}<" in clixml:
                return place
        return None


@pytest.mark.parametrize("seed", range(1, 6))
def test_the_answer_follows_the_machines_behind_it(seed: int) -> None:
    other = Other(seed)
    engines = {each: judge.make_engine(other.standins, restricted=each) for each in (False, True)}
    for recording in RECORDINGS.values():
        changed = replace(recording, create_pipeline=other.text(recording.create_pipeline))
        found = judge.difference(other.answer(recording), judge.play(engines[recording.restricted], changed))
        assert found is None, f"{recording.name}: {found}"


def test_the_stand_ins_are_the_three_machines_of_the_recordings() -> None:
    assert tuple(each.get("Name") for each in load_standins().machines) == NAMES
