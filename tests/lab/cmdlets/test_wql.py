"""WQL of -Filter and -Query."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from winmigrate.lab.cmdlets.wql import BadQuery, parse_filter, parse_query

ROW = {"Name": "vmms", "State": "Running", "ProcessId": 1000, "Started": True, "Description": None}


@pytest.mark.parametrize(("text", "fits"), [
    ("Name='vmms'", True),
    ("name = \"VMMS\"", True),
    ("Name='vmms' OR Name='ClusSvc'", True),
    ("Name='x' OR Name='y' AND State='Running'", False),
    ("(Name='x' OR Name='vmms') AND State='Running'", True),
    ("NOT Name='vmms'", False),
    ("NOT (Name='x' OR Name='y')", True),
    ("Name<>'vmms'", False),
    ("Name != 'x'", True),
    ("Name LIKE 'vm%'", True),
    ("Name LIKE 'v_ms'", True),
    ("Name LIKE '[a-f]%'", False),
    ("ProcessId > 999", True),
    ("ProcessId <= 999", False),
    ("1000 = ProcessId", True),
    ("999 < ProcessId", True),
    ("ProcessId = '1000'", True),
    ("Started = TRUE", True),
    ("Started = false", False),
    ("Description IS NULL", True),
    ("Description = NULL", True),
    ("Name IS NOT NULL", True),
    ("Description LIKE '%'", False),
    ("Description > 1", False),
    ("Absent = 'x'", False),
])
def test_filters(text: str, fits: bool) -> None:
    assert parse_filter(text)(ROW) is fits


def test_quotes_are_escaped_by_backslashes() -> None:
    assert parse_filter(r"Name='old\'s \\ one'")({"Name": r"old's \ one"})


@pytest.mark.parametrize(("text", "class_name", "properties"), [
    ("SELECT * FROM Msvm_MigrationJob", "Msvm_MigrationJob", None),
    ("select InstanceID, JobState from Msvm_MigrationJob where JobState=4", "Msvm_MigrationJob",
     ("InstanceID", "JobState")),
])
def test_queries(text: str, class_name: str, properties: tuple[str, ...] | None) -> None:
    query = parse_query(text)
    assert (query.class_name, query.properties) == (class_name, properties)
    assert query.condition({"JobState": 4})


@pytest.mark.parametrize("text", [
    "", "Name", "Name=", "Name='x' OR", "(Name='x'", "Name='x')", "Name LIKE 5", "= 'x'", "Name 'x'", "Name='x",
    "Name=;", "Name LIKE '[z-a]'", "'x' LIKE Name", "Name IS 5", "TRUE",
])
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(BadQuery):
        parse_filter(text)


@pytest.mark.parametrize("text", ["", "SELECT FROM x", "SELECT * x", "SELECT a b FROM x", "SELECT * FROM x WHERE",
                                  "DELETE FROM x", "SELECT * FROM x y"])
def test_what_is_no_query(text: str) -> None:
    with pytest.raises(BadQuery):
        parse_query(text)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_filter_or_a_bad_query(text: str) -> None:
    try:
        condition = parse_filter(text)
    except BadQuery:
        return
    assert condition(ROW) in (True, False)


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"\A[A-Za-z_]\w{0,8}\Z"), st.integers(-1000, 1000) | st.booleans(), min_size=1))
def test_a_row_fits_the_filter_that_spells_it_out(row: dict[str, Any]) -> None:
    words = {"or", "and", "not", "is", "like", "null", "true", "false"}
    names = {name.lower() for name in row}
    if words & names or len(names) < len(row):
        return
    text = " AND ".join(f"{name} = {str(value).upper()}" for name, value in row.items())
    assert parse_filter(text)(row)
