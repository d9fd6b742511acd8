"""YAML with file, line and column for every value; and shapes that read it, with every fault in its place."""

from winmigrate.marked.shapes import (
    Gathering,
    Key,
    Misfit,
    Shape,
    choice,
    entries,
    fields,
    listing,
    one_or_more,
    truth,
    whole,
    words,
)
from winmigrate.marked.tree import Marked, Place, load_marked, read_marked
from winmigrate.marked.wording import shown

__all__ = [
    "Gathering",
    "Key",
    "Marked",
    "Misfit",
    "Place",
    "Shape",
    "choice",
    "entries",
    "fields",
    "listing",
    "load_marked",
    "one_or_more",
    "read_marked",
    "shown",
    "truth",
    "whole",
    "words",
]
