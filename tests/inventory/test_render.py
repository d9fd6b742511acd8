from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from winmigrate.inventory import HostFound, SwitchFound, VolumeFound, read_inventory, render_inventory
from winmigrate.inventory.render import in_units, quoted
from winmigrate.marked import load_marked

FOUND = [
    HostFound(
        "hv01",
        "hv01.corp.example",
        "2022",
        ("clu1",),
        (SwitchFound("External"), SwitchFound("Lab: [x]", "Private")),
        (VolumeFound("C:", 100 * 2**30, 40 * 2**30, system=True), VolumeFound("D:", 2**41, 1_900_000_000_000, "VMs")),
        ("10.0.1.0/24",),
    ),
    HostFound("hv02", "10.0.0.2", "2019", (), (SwitchFound("External"),)),
    HostFound("hv03", "hv03", problem="no answer on port 5986\nin 10 s"),
]


def test_what_was_found_stands_beside_what_is_read() -> None:
    text = render_inventory(FOUND, timezone="Europe/Berlin", auth="ntlm", credential="keyring:corp", second_hop="none")
    assert text == (
        "winmigrate: 1\n"
        "timezone: Europe/Berlin\n"
        "\n"
        "defaults:\n"
        "  auth: ntlm                             # kerberos | negotiate | ntlm | credssp | certificate\n"
        "  credential: keyring:corp               # keyring:NAME | env:NAME | file:PATH | prompt | ticket\n"
        "  second_hop: none                       # credssp | credential | jea:ENDPOINT | none\n"
        "  transport: {kind: psrp, port: 5986, tls: verified}\n"
        "\n"
        "hosts:\n"
        "  hv01: {address: hv01.corp.example}    # Windows Server 2022\n"
        "    # C: 40 GiB free of 100 GiB, the system's\n"
        "    # D: (VMs): 1.73 TiB free of 2 TiB\n"
        "    # switches: External (External), Lab: [x] (Private)\n"
        "    # migration networks: 10.0.1.0/24\n"
        "  hv02: {address: '10.0.0.2'}    # Windows Server 2019\n"
        "    # switches: External (External)\n"
        "  hv03: {address: hv03}\n"
        "    # could not be asked: no answer on port 5986?in 10 s\n"
        "\n"
        "clusters:\n"
        "  clu1: {address: clu1}                  # seen on hv01\n"
        "\n"
        "networks:\n"
        "  # what a logical network is called on each host\n"
        "  External: {default: External}\n"
        "  'Lab: [x]': {hv01: 'Lab: [x]'}    # not on hv02: what is it called there?\n"
    )
    inventory = read_inventory(text)
    assert list(inventory.hosts) == ["hv01", "hv02", "hv03"]
    assert inventory.switch_for("hv01", "External", "hv03") == "External"


@given(st.text(max_size=20))
def test_quoted_text_reads_as_itself(text: str) -> None:
    for written in (f"a: {quoted(text)}\n", f"a: {{b: {quoted(text)}, c: [{quoted(text)}]}}\n"):
        marked = load_marked(written, "x")
        assert marked.plain() in ({"a": text}, {"a": {"b": text, "c": [text]}})


_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(
    lambda name: "{{" not in name and "{%" not in name and "{#" not in name and name.strip() and "=" not in name
)


@given(st.lists(st.lists(_NAMES, max_size=3, unique_by=str.casefold), min_size=1, max_size=3))
def test_whatever_switches_are_called_the_text_is_an_inventory(names: list[list[str]]) -> None:
    found = [
        HostFound(f"hv{number}", f"hv{number}", switches=tuple(SwitchFound(name) for name in on))
        for number, on in enumerate(names)
    ]
    assert len(read_inventory(render_inventory(found)).hosts) == len(names)


def test_sizes_for_people() -> None:
    assert [in_units(size) for size in (0, 1023, 1024, 1536, 500 * 2**30, 3 * 2**41)] == [
        "0 B", "1023 B", "1 KiB", "1.5 KiB", "500 GiB", "6 TiB",
    ]  # fmt: skip
