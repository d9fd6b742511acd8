"""Where-Object in its comparison form: -Property, an operator, -Value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from winmigrate.lab.engine.effects import Call, Effect, Error, Output
from winmigrate.lab.engine.objects.casting import base, is_number, is_true, items_of
from winmigrate.lab.engine.objects.comparing import Incomparable, compare, equal
from winmigrate.lab.engine.objects.members import find_member, has_wildcard, resolve, wildcard
from winmigrate.lab.engine.text import bare_name, to_text, type_name
from winmigrate.lab.engine.values import EnumValue

Test: TypeAlias = "Callable[[Any, Any, bool], bool]"
_PS = "System.Management.Automation."


class OperatorFailed(Exception):
    """An operator that could not work on its operands."""


class BadArgument(Exception):
    """A right operand that the operator does not take."""


def where_process(call: Call) -> Iterator[Effect]:
    if "InputObject" not in call.bound:
        return
    state = call.state
    if "operator" not in state:
        state["operator"] = _operator(call)
    name, ignore_case, test = state["operator"]
    value = call.bound["InputObject"]
    pattern = str(call.bound.get("Property", ""))
    if has_wildcard(pattern):
        found = resolve(value, pattern)
        if len(found) > 1:
            yield Error(f"Property name '{pattern}' is ambiguous.", "AmbiguousPropertyOrMethodName", "InvalidOperation",
                        _PS + "PSInvalidOperationException", value, wrapped=True)
            return
        pattern = found[0] if found else pattern
    _, left = find_member(value, pattern)
    try:
        if test(left, call.bound.get("Value"), ignore_case):
            yield Output(value)
    except OperatorFailed as failed:
        yield Error(f"The '{name}' operator failed: {failed}.", "OperatorFailed", "InvalidOperation",
                    _PS + "PSInvalidOperationException", value, wrapped=True)
    except BadArgument as failed:
        yield Error(f"The argument to operator '{name}' is not valid: {failed}.", "BadOperatorArgument",
                    "InvalidArgument", _PS + "PSArgumentException", value, wrapped=True)


def _operator(call: Call) -> tuple[str, bool, Test]:
    for name in call.bound:
        test = _TESTS.get(name.lower().removeprefix("c") if name.lower() not in ("contains",) else "contains")
        if test is not None and call.bound[name]:
            sensitive = name[0] in "cC" and name.lower() != "contains"
            bare = name[1:] if sensitive else name
            return f"{'C' if sensitive else 'I'}{bare.lower()}", not sensitive, test
    if call.bound.get("Not"):
        return "Not", True, lambda left, right, ignore: not is_true(left)
    if "Is" in call.bound or "IsNot" in call.bound:
        wanted = "Is" in call.bound
        return "Is", True, lambda left, right, ignore: _is(left, right) is wanted
    return "Ieq", True, (_eq if "Value" in call.bound else lambda left, right, ignore: is_true(left))


def _filtered(left: Any, test: Callable[[Any], bool]) -> bool:
    """A collection on the left gives its elements that pass; then their truth decides."""
    items = items_of(left)
    if items is None:
        return test(left)
    return is_true([item for item in items if test(item)])


def _eq(left: Any, right: Any, ignore_case: bool) -> bool:
    return _filtered(left, lambda item: equal(item, right, ignore_case))


def _ne(left: Any, right: Any, ignore_case: bool) -> bool:
    return _filtered(left, lambda item: not equal(item, right, ignore_case))


def _ordering(accepts: Callable[[int], bool], lower: bool, with_equal: bool) -> Test:
    def test(left: Any, right: Any, ignore_case: bool) -> bool:
        return _filtered(left, lambda item: _ordered(item, right, ignore_case, accepts, lower, with_equal))

    return test


def _ordered(left: Any, right: Any, ignore_case: bool, accepts: Callable[[int], bool], lower: bool,
             with_equal: bool) -> bool:
    """One comparison; with nothing on a side only the sign of a number on the other counts."""
    left, right = base(left), base(right)
    if left is None and right is None:
        return with_equal
    if left is None:
        if is_number(right):
            return bool(right >= 0) if lower else bool(right < 0)
        return lower
    if right is None:
        if isinstance(left, EnumValue):
            name = bare_name(left.type_name)
            sign = "LessThan" if lower else "GreaterThanOrEqual"
            raise OperatorFailed(f"The binary operator {sign} is not defined for the types '{name}' and '{name}'.")
        if is_number(left):
            return bool(left < 0) if lower else bool(left >= 0)
        return not lower
    try:
        return accepts(compare(left, right, ignore_case))
    except Incomparable as failed:
        raise OperatorFailed(str(failed)) from failed


def _like(left: Any, right: Any, ignore_case: bool) -> bool:
    pattern = wildcard(to_text(right), ignore_case)
    return _filtered(left, lambda item: bool(pattern.fullmatch(to_text(item))))


def _not_like(left: Any, right: Any, ignore_case: bool) -> bool:
    pattern = wildcard(to_text(right), ignore_case)
    return _filtered(left, lambda item: not pattern.fullmatch(to_text(item)))


def _regex(right: Any, ignore_case: bool) -> re.Pattern[str]:
    text = to_text(right)
    try:
        return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", text), re.IGNORECASE if ignore_case else 0)
    except re.error as error:
        raise BadArgument(_bad_pattern(text, error)) from error


def _bad_pattern(text: str, error: re.error) -> str:
    at = (error.pos or 0) + 1
    if "nothing to repeat" in error.msg:
        sign = text[error.pos] if error.pos is not None and error.pos < len(text) else "*"
        reason = f"Quantifier '{sign}' following nothing."
    elif "unterminated character set" in error.msg:
        at, reason = len(text), "Unterminated [] set."
    elif "missing )" in error.msg:
        at, reason = len(text), "Not enough )'s."
    elif "unbalanced parenthesis" in error.msg:
        reason = "Too many )'s."
    elif "bad escape" in error.msg:
        at, reason = len(text), "Illegal \\ at end of pattern."
    else:
        reason = error.msg
    return f"Invalid pattern '{text}' at offset {at}. {reason}"


def _match(left: Any, right: Any, ignore_case: bool) -> bool:
    pattern = _regex(right, ignore_case)
    return _filtered(left, lambda item: bool(pattern.search(to_text(item))))


def _not_match(left: Any, right: Any, ignore_case: bool) -> bool:
    pattern = _regex(right, ignore_case)
    return _filtered(left, lambda item: not pattern.search(to_text(item)))


def _contains(left: Any, right: Any, ignore_case: bool) -> bool:
    items = items_of(left)
    return any(_true_equal(item, right, ignore_case) for item in ([left] if items is None else items))


def _true_equal(left: Any, right: Any, ignore_case: bool) -> bool:
    return _eq(left, right, ignore_case)


def _in(left: Any, right: Any, ignore_case: bool) -> bool:
    return _contains(right, left, ignore_case)


def _is(left: Any, right: Any) -> bool:
    wanted = to_text(right).lower()
    name = bare_name(type_name(left) or "").lower()
    return wanted in (name, name.removeprefix("system."))


_TESTS: dict[str, Test] = {
    "eq": _eq,
    "ne": _ne,
    "gt": _ordering(lambda sign: sign > 0, False, False),
    "ge": _ordering(lambda sign: sign >= 0, False, True),
    "lt": _ordering(lambda sign: sign < 0, True, False),
    "le": _ordering(lambda sign: sign <= 0, True, True),
    "like": _like,
    "notlike": _not_like,
    "match": _match,
    "notmatch": _not_match,
    "contains": _contains,
    "notcontains": lambda left, right, ignore_case: not _contains(left, right, ignore_case),
    "in": _in,
    "notin": lambda left, right, ignore_case: not _in(left, right, ignore_case),
}
