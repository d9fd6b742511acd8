"""Fair shares and flows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from winmigrate.lab.fabric.fluid import fair_rates

ROUTES = st.lists(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=3, unique=True), max_size=8)


@given(ROUTES, st.fixed_dictionaries({name: st.floats(1.0, 1e9) for name in "abcd"}))
def test_shares_are_max_min_fair(routes: list[list[str]], capacity: dict[str, float]) -> None:
    keyed = [[(name,) for name in route] for route in routes]
    rates = fair_rates(keyed, lambda resource: capacity[resource[0]])
    used = {name: sum(rate for route, rate in zip(routes, rates, strict=True) if name in route) for name in "abcd"}
    for name, total in used.items():
        assert total <= capacity[name] * (1 + 1e-9)
    for route, rate in zip(routes, rates, strict=True):
        # each flow has a full resource on which nobody has more
        assert any(
            used[name] >= capacity[name] * (1 - 1e-9)
            and rate >= max(other for way, other in zip(routes, rates, strict=True) if name in way) * (1 - 1e-9)
            for name in route
        )


def test_a_route_over_nothing_has_no_limit() -> None:
    assert fair_rates([[]], lambda resource: 1.0) == [float("inf")]
