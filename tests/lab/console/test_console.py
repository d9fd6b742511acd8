"""cmd.exe and powershell.exe of the lab, in process."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.console.things import console_engine
from winmigrate.lab.console import Out, Stdin, Surroundings, command_line
from winmigrate.lab.console.prompt import split_arguments
from winmigrate.lab.console.streams import error_lines
from winmigrate.lab.wire.logon import LogonContext
from winmigrate.remoting.clixml import load_all
from winmigrate.remoting.winrs import BOOTSTRAP

BUILD = "10.0.20348.2113"
ENGINE = console_engine(lambda: 0.0)


def ran(line: str, stdin: str = "", **more: Any) -> tuple[int, str, str]:
    """(exit code, standard output, standard error); waits pass at once."""
    given = Stdin()
    given.add(stdin.encode(), end=True)
    context = LogonContext("LAB\\ops", "ntlm", False, "HV01")
    variables = {"COMPUTERNAME": "HV01", "A": "b"}
    around = Surroundings(ENGINE, context, given, lambda: False, BUILD, 65001, "utf-8", variables)
    said = {"stdout": "", "stderr": ""}
    program = command_line(line, around, **more)
    while True:
        try:
            item = next(program)
        except StopIteration as done:
            return done.value, said["stdout"], said["stderr"]
        if isinstance(item, Out):
            said[item.stream] += item.text


def encoded(script: str) -> str:
    return base64.b64encode(script.encode("utf-16-le")).decode()


UNKNOWN = "'fake' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"


@pytest.mark.parametrize(("line", "code", "out", "err"), [
    ("whoami", 0, "lab\\ops\r\n", ""),
    ("WhoAmI.exe", 0, "lab\\ops\r\n", ""),
    (r"C:\Windows\System32\hostname.exe", 0, "HV01\r\n", ""),
    ("whoami /bad", 1, "", "ERROR: Invalid argument/option - '/bad'.\r\n"),
    ("echo hi  there ", 0, "hi  there \r\n", ""),
    ("echo.", 0, "\r\n", ""),
    ("echo", 0, "ECHO is on.\r\n", ""),
    ('echo "a & b" & echo c', 0, '"a & b" \r\nc\r\n', ""),
    ("echo %COMPUTERNAME% %a% %nothing%", 0, "HV01 b %nothing%\r\n", ""),
    ("echo a^&b", 0, "a&b\r\n", ""),
    ("ver", 0, f"\r\nMicrosoft Windows [Version {BUILD}]\r\n", ""),
    ("fake", 1, "", UNKNOWN),
    ("fake && echo no", 1, "", UNKNOWN),
    ("fake 2>nul || echo yes", 0, "yes\r\n", ""),
    ("fake 2>&1", 1, UNKNOWN, ""),
    ("echo a >nul & whoami", 0, "lab\\ops\r\n", ""),
    ("exit 7", 7, "", ""),
    ("exit /b 3", 3, "", ""),
    ("whoami & exit", 0, "lab\\ops\r\n", ""),
    ("fake 2>nul & exit", 1, "", ""),
    ("cmd /c exit 9", 9, "", ""),
    ('cmd.exe /c "echo x"', 0, "x\r\n", ""),
    ("set a", 0, "A=b\r\n", ""),
    ("set nothing", 1, "", "Environment variable nothing not defined\r\n"),
    ("rem anything", 0, "", ""),
    ("", 0, "", ""),
    ("dir", 1, "", "The lab's cmd.exe has no dir.\r\n"),
    ("whoami | find x", 1, "", "The lab's cmd.exe has no pipes.\r\n"),
    ("whoami > file.txt", 1, "", "The lab's cmd.exe has no files.\r\n"),
    ("echo " + "x" * 8186, 0, "x" * 8186 + "\r\n", ""),
    ("echo " + "x" * 8187, 1, "", "The command line is too long.\r\n"),
    ("chcp", 0, "Active code page: 65001\r\n", ""),
])
def test_cmd(line: str, code: int, out: str, err: str) -> None:
    assert ran(line) == (code, out, err)


def test_without_cmd_there_is_no_builtin_and_no_8191() -> None:
    assert ran("echo hi", skip_cmd=True) == (1, "", "The system cannot find the file specified.\r\n")
    script = encoded("Write-Output '" + "x" * 5000 + "'")
    assert ran(f"powershell -EncodedCommand {script}", skip_cmd=True)[:2] == (0, "x" * 5000 + "\r\n")


@pytest.mark.parametrize(("line", "words"), [
    ('a "b c" d', ["a", "b c", "d"]),
    (r'a "b\"c" \\x "d\\" e\\\"f', ["a", 'b"c', r"\\x", "d\\", 'e\\"f']),
    ('a""b ""', ["ab", ""]),
    ("  ", []),
])
def test_words_of_a_command_line(line: str, words: list[str]) -> None:
    assert split_arguments(line) == words


@given(st.lists(st.text(alphabet='ab \\"', max_size=8), max_size=4))
def test_quoted_words_come_back(words: list[str]) -> None:
    def quote(word: str) -> str:
        slashed = re.sub(r'(\\*)"', lambda found: found[1] * 2 + '\\"', word)
        return '"' + re.sub(r"(\\+)\Z", lambda found: found[1] * 2, slashed) + '"'

    assert split_arguments(" ".join(map(quote, words))) == words


@pytest.mark.parametrize(("arguments", "script"), [
    ("-Command", "Write-Output 5"), ("-c", "Write-Output 5"), ("-NoProfile -NonInteractive", "Write-Output 5"),
    ("-ExecutionPolicy Bypass -nop -noni -OutputFormat Text -c", '"Write-Output 5"'),
    ("-encodedcommand", encoded("Write-Output 5")), ("-e", encoded("Write-Output 5")),
    ("-ec", encoded("Write-Output 5")), ("/enc", encoded("Write-Output 5")),
])
def test_arguments_of_powershell(arguments: str, script: str) -> None:
    assert ran(f"powershell.exe {arguments} {script}") == (0, "5\r\n", "")


@pytest.mark.parametrize(("arguments", "told"), [
    ("-Nonsense", "The term '-Nonsense' is not recognized"), ("-EncodedCommand %%", "not properly encoded"),
    ("-EncodedCommand", "Missing argument"), ("-File c:\\x.ps1", "does not exist"),
])
def test_arguments_that_powershell_refuses(arguments: str, told: str) -> None:
    code, out, err = ran(f"powershell {arguments}")
    assert (code, out) == (1, "")
    assert told.lower() in err.lower()


@pytest.mark.parametrize("script", ["Write-Output 1; Write-Output 'zwei'", "Write-Output 1\r\nWrite-Output 'zwei'\r\n"])
def test_script_on_standard_input(script: str) -> None:
    for arguments in ("-Command -", "-NonInteractive -", ""):
        assert ran(f"powershell {arguments}", script) == (0, "1\r\nzwei\r\n", "")


@pytest.mark.parametrize(("script", "code", "out"), [
    ("exit 5", 5, ""), ("whoami; exit $LASTEXITCODE", 0, "lab\\ops\r\n"), ("whoami /bad; exit $LASTEXITCODE", 1, ""),
    ("Get-Thing -Name nope", 1, ""), ("Get-Thing -Name nope; Write-Output 1", 0, "1\r\n"),
    ("Get-Broken", 1, "half\r\n"),
    ("Get-Broken; Write-Output 1", 0, "half\r\n1\r\n"), ("Write-Host hi", 0, "hi\r\n"), (" ", 0, ""),
    ("$x = 5", 1, ""),
])
def test_exit_codes(script: str, code: int, out: str) -> None:
    assert ran(f"powershell -EncodedCommand {encoded(script)}")[:2] == (code, out)


def test_objects_as_text() -> None:
    table = "\r\nName Size\r\n---- ----\r\none     3\r\ntwo     3\r\n\r\n\r\n"
    assert ran('powershell "Get-Thing | Select-Object Name, Size"') == (0, table, "")
    _, out, _ = ran('powershell "Get-Thing -Name one | Select-Object Name, Size, User, A, Bc"')
    assert out == "\r\n\r\nName : one\r\nSize : 3\r\nUser : LAB\\ops\r\nA    : \r\nBc   : \r\n\r\n\r\n\r\n"


ERROR = [
    "fake : The term 'fake' is not recognized as the name of a cmdlet, function, script file, or operable program. "
    "Check ",
    "the spelling of the name, or if a path was included, verify that the path is correct and try again.",
    "At line:1 char:1",
    "+ fake cmdlet",
    "+ ~~~~",
    "    + CategoryInfo          : ObjectNotFound: (fake:String) [], CommandNotFoundException",
    "    + FullyQualifiedErrorId : CommandNotFoundException",
    " ",
]


def test_errors_of_an_encoded_command_are_clixml() -> None:
    """As pypsrp's fixture of a real exchange has it (tests/data/test_sanitise_clixml_with_error.xml)."""
    code, out, err = ran(f"powershell -EncodedCommand {encoded('fake cmdlet')}")
    assert (code, out) == (1, "")
    head, _, document = err.partition("\r\n")
    assert head == "#< CLIXML"
    root = ElementTree.fromstring(document)
    texts = [each.text or "" for each in root if each.get("S") == "Error"]
    assert texts == [line + "_x000D__x000A_" for line in ERROR]
    assert [each.get("S") for each in root if each.get("S") != "Error"] == ["progress"]


def test_errors_of_a_plain_command_are_text() -> None:
    assert ran('powershell -Command "fake cmdlet"') == (1, "", "".join(f"{line}\r\n" for line in ERROR))


def test_other_streams() -> None:
    assert ran("powershell -Command Get-Told") == (0, "WARNING: careful\r\nsaid\r\n", "")
    _, out, err = ran(f"powershell -EncodedCommand {encoded('Get-Told')}")
    assert out == "said\r\n"
    root = ElementTree.fromstring(err.partition("\r\n")[2])
    assert [each.get("S") for each in root] == ["progress", "warning"]


def test_xml_on_both_streams() -> None:
    script = encoded("Get-Thing; Get-Thing -Name nope, three; Write-Output 5, 'x'")
    code, out, err = ran(f"powershell -OutputFormat XML -EncodedCommand {script}")
    assert code == 0
    said = load_all(out)
    assert [each.properties["Name"] for each in said[:3]] == ["one", "two", "three"]
    assert said[3:] == [5, "x"]
    references = re.findall(r'<Obj[^>]* RefId="(\d+)"', out)
    assert len(references) == len(set(references)) == 3
    assert [each.to_string for each in load_all(err)] == ["no such thing"]


def test_the_script_of_our_own_transport() -> None:
    line = f"powershell -NoProfile -OutputFormat XML -EncodedCommand {encoded(BOOTSTRAP)}"
    code, out, err = ran(line, "Get-Thing -Name:@('one','nope')\n")
    assert (code, [each.properties["Name"] for each in load_all(out)]) == (0, ["one"])
    assert [each.to_string for each in load_all(err)] == ["no such thing"]
    code, out, err = ran(line, "Get-Broken\n")
    assert (code, err) == (86, "")
    half, record = load_all(out)
    assert (half, record.to_string) == ("half", "it broke")
    assert ran(line.replace(encoded(BOOTSTRAP), encoded(BOOTSTRAP.replace("86", "87"))))[0] == 1


@given(st.text(max_size=60))
def test_any_line_is_answered(line: str) -> None:
    code, _, _ = ran(line)
    assert isinstance(code, int)


def test_lines_of_an_error_without_a_place() -> None:
    clixml = (
        '<Obj RefId="0"><TN RefId="0"><T>System.Management.Automation.ErrorRecord</T></TN><ToString>bad</ToString><MS>'
        '<S N="FullyQualifiedErrorId">Bad</S><S N="ErrorCategory_Message">NotSpecified: (:) [], Exception</S></MS>'
        "</Obj>"
    )
    assert error_lines(clixml, "anything") == [
        "bad", "    + CategoryInfo          : NotSpecified: (:) [], Exception",
        "    + FullyQualifiedErrorId : Bad", " ",
    ]
