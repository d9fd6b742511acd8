"""cmd.exe as a Windows Remote Shell starts it (``cmd /c LINE``): simple commands, with &, && and || between them.

It has no pipes and no files; what it lacks it says in a sentence of its own, for Windows would not say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from winmigrate.lab.console.powershell import powershell
from winmigrate.lab.console.process import Out, Running, Surroundings
from winmigrate.lab.console.running import parsed, run_statement
from winmigrate.lab.engine.effects import Wait
from winmigrate.lab.engine.statements import CommandCall
from winmigrate.lab.engine.text import to_text
from winmigrate.lab.engine.values import PSObject

#: The longest line that cmd.exe takes, in characters (learn.microsoft.com, "Command prompt (Cmd. exe) command-line
#: string limitation"), and what it says to a longer one.
LONGEST = 8191
_TOO_LONG = "The command line is too long.\r\n"
_BREAKS = re.compile(r"&&|\|\||&")
_VARIABLE = re.compile(r"%([^%\s]+)%")
_REDIRECTION = re.compile(r"\s*(?:([12]?)>\s*nul|2>&1)(?=\s|\Z)", re.IGNORECASE)
_WORD = re.compile(r'\A\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^\s/"]+))')
_MISSING = "The lab's cmd.exe has no {0}.\r\n"
#: What cmd.exe has in it and the lab has not.
_LACKING = frozenset({
    "assoc", "call", "color", "copy", "date", "del", "dir", "endlocal", "erase", "for", "ftype", "goto", "if", "md",
    "mkdir", "mklink", "move", "path", "pause", "popd", "prompt", "pushd", "rd", "ren", "rename", "rmdir", "setlocal",
    "shift", "start", "time", "title", "type", "verify", "vol",
})


class _Unsupported(Exception):
    """Syntax that the lab's cmd.exe does not know."""


def command_line(line: str, around: Surroundings, *, skip_cmd: bool = False) -> Running:
    """Runs a line as a Windows Remote Shell would; ``skip_cmd``: as a program of its own, without cmd.exe."""
    if skip_cmd:
        return (yield from _program(line, around, _not_a_program))
    if len(line) > LONGEST:
        yield Out("stderr", _TOO_LONG)
        return 1
    try:
        parts = list(_split(_expanded(line, around)))
    except _Unsupported as lacking:
        yield Out("stderr", _MISSING.format(lacking))
        return 1
    code = 0
    for joint, part in parts:
        if (joint == "&&" and code != 0) or (joint == "||" and code == 0):
            continue
        if around.stopped():
            break
        leaving = re.match(r"\s*exit\b(?:\s+/b\b)?\s*(-?\d+)?", part, re.IGNORECASE)
        if leaving:
            return int(leaving[1]) if leaving[1] else code
        code = yield from _redirected(part, around)
    return code


def _expanded(line: str, around: Surroundings) -> str:
    """Variables that are not set stay as they are written."""
    return _VARIABLE.sub(lambda match: around.variables.get(match[1].upper(), match[0]), line)


def _split(line: str) -> Iterator[tuple[str, str]]:
    """(what joins it to the one before, command), by the breaks that stand outside quotes."""
    joint, part, quoted, at = "", "", False, 0
    while at < len(line):
        char = line[at]
        if char == '"':
            quoted = not quoted
        elif char == "^" and not quoted:
            at += 1
            part += line[at : at + 1]
            at += 1
            continue
        elif not quoted and (found := _BREAKS.match(line, at)) and not part.endswith(">"):
            yield joint, part
            joint, part = found[0], ""
            at = found.end()
            continue
        elif not quoted and char == "|":
            raise _Unsupported("pipes")
        part += char
        at += 1
    yield joint, part


def _redirected(part: str, around: Surroundings) -> Running:
    """Runs one command; output sent to nul is dropped, errors sent after the output go there."""
    targets = {"stdout": "stdout", "stderr": "stderr"}
    for match in _outside_quotes(part):
        if match[0].strip() == "2>&1":
            targets["stderr"] = targets["stdout"]
        else:
            targets["stderr" if match[1] == "2" else "stdout"] = ""
    bare = _without(part)
    if re.search(r"[<>]", re.sub(r'"[^"]*"', "", bare)):
        yield Out("stderr", _MISSING.format("files"))
        return 1
    running = _command(bare.lstrip(), around)
    try:
        while True:
            try:
                item = next(running)
            except StopIteration as done:
                return int(done.value)
            if isinstance(item, Wait):
                yield item
            elif targets[item.stream]:
                yield Out(targets[item.stream], item.text)
    finally:
        running.close()


def _outside_quotes(part: str) -> list[re.Match[str]]:
    return [each for each in _REDIRECTION.finditer(part) if part.count('"', 0, each.start()) % 2 == 0]


def _without(part: str) -> str:
    for each in reversed(_outside_quotes(part)):
        part = part[: each.start()] + part[each.end() :]
    return part


def _command(line: str, around: Surroundings) -> Running:
    found = _WORD.match(line)
    if found is None:
        return 0
    name = (found["quoted"] if found["quoted"] is not None else found["bare"]).lower()
    rest = line[found.end() :]
    if name.startswith("echo") and re.match(r"echo[.:;,(]", name):
        name, rest = "echo", line[4:]
    builtin = _BUILTINS.get(name)
    if builtin is not None:
        return (yield from builtin(rest, around))
    if name in _LACKING:
        yield Out("stderr", _MISSING.format(name))
        return 1
    return (yield from _program(line, around, _not_recognized))


def _not_recognized(name: str) -> str:
    return f"'{name}' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"


def _not_a_program(_name: str) -> str:
    return "The system cannot find the file specified.\r\n"


def _program(line: str, around: Surroundings, missing: Callable[[str], str]) -> Running:
    words = split_arguments(line)
    if not words:
        return 0
    name = words[0].lower().rpartition("\\")[2].removesuffix(".exe")
    if name == "powershell":
        return (yield from powershell(words[1:], around))
    if name == "cmd":
        inner = re.search(r"(?:\A|\s)/c\s+(.*)\Z", line, re.IGNORECASE | re.DOTALL)
        text = inner[1].strip() if inner else ""
        if len(text) > 1 and text[0] == text[-1] == '"' and text.count('"') == 2:
            text = text[1:-1]
        return (yield from command_line(text, around))
    return (yield from _native(name, words, around, missing))


def _native(name: str, words: Sequence[str], around: Surroundings, missing: Callable[[str], str]) -> Running:
    """A program that the host's engine knows; its output are lines."""
    called = CommandCall(f"{name}.exe", False, tuple((None, word) for word in words[1:]))
    running = run_statement([called], around)
    failed = False
    while True:
        try:
            item = next(running)
        except StopIteration as done:
            if done.value.error is not None:
                unknown = "CommandNotFoundException" in done.value.error
                yield Out("stderr", missing(words[0]) if unknown else f"{_told(done.value.error)}\r\n")
                return 1
            return 1 if failed else 0
        if isinstance(item, Wait):
            yield item
        elif item.kind == "PIPELINE_OUTPUT":
            yield Out("stdout", f"{to_text(parsed(item.clixml))}\r\n")
        elif item.kind == "ERROR_RECORD":
            failed = True
            yield Out("stderr", f"{_told(item.clixml)}\r\n")


def _told(record: str) -> str:
    value = parsed(record)
    return (value.to_string or "") if isinstance(value, PSObject) else to_text(value)


def split_arguments(line: str) -> list[str]:
    """A command line's words by the rules of Microsoft's C runtime: quotes group, backslashes before a quote halve."""
    words: list[str] = []
    word, quoted, begun, at = "", False, False, 0
    while at < len(line):
        slashes = len(line) - at - len(line[at:].lstrip("\\"))
        if slashes:
            at += slashes
            if line[at : at + 1] == '"':
                word += "\\" * (slashes // 2)
                if slashes % 2:
                    word += '"'
                    at += 1
            else:
                word += "\\" * slashes
            begun = True
            continue
        char = line[at]
        at += 1
        if char == '"':
            quoted, begun = not quoted, True
        elif char in " \t" and not quoted:
            if begun:
                words.append(word)
            word, begun = "", False
        else:
            word, begun = word + char, True
    return [*words, word] if begun else words


# --- what cmd.exe has in it ------------------------------------------------------------------------------------------


def _echo(rest: str, _around: Surroundings) -> Running:
    if not rest.strip():
        yield Out("stdout", "ECHO is on.\r\n" if rest in ("", " ") else "\r\n")
    elif rest.strip().lower() not in ("on", "off"):
        yield Out("stdout", f"{rest[1:]}\r\n")
    return 0


def _ver(_rest: str, around: Surroundings) -> Running:
    yield Out("stdout", f"\r\nMicrosoft Windows [Version {around.build}]\r\n")
    return 0


def _set(rest: str, around: Surroundings) -> Running:
    wanted = rest.strip().upper()
    name, equals, value = rest.strip().partition("=")
    if equals:
        around.variables[name.upper()] = value
        return 0
    found = sorted(key for key in around.variables if key.startswith(wanted))
    if not found:
        yield Out("stderr", f"Environment variable {rest.strip()} not defined\r\n")
        return 1
    yield Out("stdout", "".join(f"{key}={around.variables[key]}\r\n" for key in found))
    return 0


def _cd(rest: str, around: Surroundings) -> Running:
    if rest.strip():
        yield Out("stderr", _MISSING.format("folders"))
        return 1
    yield Out("stdout", f"{around.variables.get('USERPROFILE', 'C:')}\r\n")
    return 0


def _chcp(rest: str, around: Surroundings) -> Running:
    if rest.strip() and rest.strip() != str(around.codepage):
        yield Out("stderr", _MISSING.format("other code page than that of its shell"))
        return 1
    yield Out("stdout", f"Active code page: {around.codepage}\r\n")
    return 0


def _nothing(_rest: str, _around: Surroundings) -> Running:
    yield from ()
    return 0


_BUILTINS: Mapping[str, Callable[[str, Surroundings], Running]] = {
    "echo": _echo, "ver": _ver, "set": _set, "cd": _cd, "chdir": _cd, "rem": _nothing, "cls": _nothing, "chcp": _chcp,
}
