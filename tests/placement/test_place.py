"""Placement: nothing is placed below a reserve, the most headroom wins, and every refusal says why."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from winmigrate.placement import HostRooms, Option, Room, Wish, disk_reserve, memory_reserve, place

GIB = 1024**3


def host(name: str, memory: int, disk: int, *, system: str = "C:") -> HostRooms:
    """A host with so much free of twice as much, and small reserves."""
    return HostRooms(name, Room(memory * 2, memory, GIB), {"D:": Room(disk * 2, disk, GIB)}, system)


def wish(vm: str, memory: int, disk: int, *hosts: str, volume: str = "D:", blocked: tuple[str, ...] = ()) -> Wish:
    return Wish(vm, vm, "hv01", tuple(Option(name, memory, {volume: disk}) for name in hosts), blocked)


def test_reserves_are_the_larger_of_both() -> None:
    assert memory_reserve(64 * GIB) == 8 * GIB
    assert memory_reserve(256 * GIB) == int(25.6 * GIB)
    assert disk_reserve(200 * GIB) == 50 * GIB
    assert disk_reserve(1000 * GIB) == 150 * GIB


def test_the_most_headroom_wins_and_says_so() -> None:
    rooms = {"small": host("small", 20 * GIB, 900 * GIB), "big": host("big", 90 * GIB, 900 * GIB)}
    placed, refused, left = place([wish("web01", 8 * GIB, 40 * GIB, "small", "big")], rooms)
    assert placed[0].option.destination == "big"
    assert placed[0].reasons[0].startswith("most headroom:")
    assert "small" in placed[0].reasons[0]
    assert not refused
    assert left["big"].memory.free == 82 * GIB
    assert left["big"].volumes["D:"].free == 860 * GIB


def test_what_was_placed_before_counts() -> None:
    rooms = {"hv02": host("hv02", 20 * GIB, 900 * GIB)}
    placed, refused, _ = place([wish("a", 12 * GIB, GIB, "hv02"), wish("b", 12 * GIB, GIB, "hv02")], rooms)
    assert [item.wish.vm_id for item in placed] == ["a"]
    assert refused[0].wish.vm_id == "b"
    assert "needs 12 GiB of memory, 8 GiB are free there with all that is planned" in refused[0].reasons[0]


def test_the_largest_comes_first_where_only_one_fits() -> None:
    rooms = {"hv02": host("hv02", 20 * GIB, 900 * GIB), "hv03": host("hv03", 6 * GIB, 900 * GIB)}
    wishes = [wish("small", 4 * GIB, GIB, "hv02", "hv03"), wish("large", 16 * GIB, GIB, "hv02", "hv03")]
    placed, refused, _ = place(wishes, rooms)
    assert {item.wish.vm_id: item.option.destination for item in placed} == {"small": "hv03", "large": "hv02"}
    assert not refused


def test_never_on_the_system_volume() -> None:
    rooms = {"hv02": host("hv02", 90 * GIB, 900 * GIB, system="D:")}
    _, refused, _ = place([wish("a", GIB, GIB, "hv02")], rooms)
    assert refused[0].reasons == ("hv02: D: is the system volume, nothing is placed there",)


def test_refusals_name_each_destination() -> None:
    rooms = {"hv02": host("hv02", 90 * GIB, 2 * GIB)}
    wishes = [wish("a", GIB, 40 * GIB, "hv02", "hv04", blocked=("hv03: disk-passthrough",))]
    _, refused, _ = place(wishes, rooms)
    assert refused[0].reasons == (
        "hv03: disk-passthrough",
        "hv02: needs 40 GiB on D:, 2 GiB are free there with all that is planned, and 1 GiB stay free",
        "hv04: what it has room for is not known",
    )


def test_a_volume_that_is_not_there() -> None:
    rooms = {"hv02": host("hv02", 90 * GIB, 90 * GIB)}
    _, refused, _ = place([wish("a", GIB, GIB, "hv02", volume="X:")], rooms)
    assert refused[0].reasons == ("hv02: there is no volume X:",)


SIZES = st.integers(1, 64 * GIB)


@given(
    st.dictionaries(st.sampled_from(["h1", "h2", "h3"]), st.tuples(SIZES, SIZES), min_size=1),
    st.lists(st.tuples(SIZES, SIZES, st.lists(st.sampled_from(["h1", "h2", "h3"]), unique=True)), max_size=12),
)
def test_laws(hosts: dict[str, tuple[int, int]], vms: list[tuple[int, int, list[str]]]) -> None:
    rooms = {name: host(name, memory, disk) for name, (memory, disk) in hosts.items()}
    wishes = [wish(f"vm{number}", memory, disk, *where) for number, (memory, disk, where) in enumerate(vms)]
    placed, refused, left = place(wishes, rooms)
    assert len(placed) + len(refused) == len(wishes)
    assert all(item.reasons for item in (*placed, *refused))
    for name, room in rooms.items():
        mine = [item.option for item in placed if item.option.destination == name]
        assert left[name].memory.free == room.memory.free - sum(item.memory for item in mine)
        if mine:
            assert left[name].memory.free >= room.memory.reserve
            assert left[name].volumes["D:"].free >= room.volumes["D:"].reserve
    again = place(wishes, rooms)
    assert (placed, refused) == again[:2], "placement is not the same twice"
