"""What a real engine said, held against our code: ``python -m tests.judges NAME PATH`` for any such corpus or folder.

Each judge is a module here, with ``judge(path) -> Verdict``; the tests call the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

REQUIRED = 0.99


@dataclass
class Verdict:
    """``agree`` of ``total`` cases; of the others (cause, text): the cause is a few words that many may share."""

    agree: int
    total: int
    differences: list[tuple[str, str]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """At least 99 % agree, and there was something to judge."""
        return self.total > 0 and self.agree >= REQUIRED * self.total

    def report(self, first: int = 3) -> str:
        """``N of M agree``, then each cause with its count and its first differences."""
        lines = [f"{self.agree} of {self.total} agree"]
        for cause, count in Counter(cause for cause, _ in self.differences).most_common():
            lines.append(f"{count} x {cause}")
            lines.extend(f"    {text}" for each, text in [d for d in self.differences if d[0] == cause][:first])
        return "\n".join(lines)
