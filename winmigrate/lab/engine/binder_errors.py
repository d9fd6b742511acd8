"""What binding can fail with: PowerShell's error ids, categories, exception types and messages."""

from __future__ import annotations

from typing import Any

BINDING = "System.Management.Automation.ParameterBindingException"
VALIDATION = "System.Management.Automation.ParameterBindingValidationException"
TRANSFORMATION = "System.Management.Automation.ParameterBindingArgumentTransformationException"


class BindingFailure(Exception):
    """A failed binding. Terminating when a command line is bound, non-terminating for a piped object.

    ``error_id``: before the comma of FullyQualifiedErrorId. ``parameter``: the name as given, or empty. ``target``: the
    piped object. ``missing``: of MissingMandatoryParameter the names, for a client that can be prompted.
    ``cast``: the value was not of the type, so that another parameter may still take it.
    """

    def __init__(
        self, error_id: str, category: str, exception_type: str, message: str, parameter: str = "",
        target: Any = None, missing: tuple[str, ...] = (), cast: bool = False,
    ) -> None:
        super().__init__(message)
        self.error_id = error_id
        self.category = category
        self.exception_type = exception_type
        self.message = message
        self.parameter = parameter
        self.target = target
        self.missing = missing
        self.cast = cast


def _binding(error_id: str, message: str, parameter: str = "", **more: Any) -> BindingFailure:
    return BindingFailure(error_id, "InvalidArgument", BINDING, message, parameter, **more)


def _validation(error_id: str, message: str, parameter: str) -> BindingFailure:
    return BindingFailure(error_id, "InvalidData", VALIDATION, message, parameter)


def not_found(name: str) -> BindingFailure:
    message = f"A parameter cannot be found that matches parameter name '{name}'."
    return _binding("NamedParameterNotFound", message, name)


def ambiguous(name: str, matches: list[str]) -> BindingFailure:
    shown = "".join(f" -{each}" for each in matches)
    return _binding(
        "AmbiguousParameter",
        f"Parameter cannot be processed because the parameter name '{name}' is ambiguous. "
        f"Possible matches include:{shown}.",
        name,
    )


def already_bound(name: str) -> BindingFailure:
    return _binding(
        "ParameterAlreadyBound",
        f"Cannot bind parameter because parameter '{name}' is specified more than once. To provide multiple values to "
        'parameters that can accept multiple values, use the array syntax. For example, "-parameter '
        'value1,value2,value3".',
        name,
    )


def missing_argument(name: str, type_name: str) -> BindingFailure:
    return _binding(
        "MissingArgument",
        f"Missing an argument for parameter '{name}'. Specify a parameter of type '{type_name}' and try again.",
        name,
    )


def no_position(shown: str) -> BindingFailure:
    return _binding(
        "PositionalParameterNotFound", f"A positional parameter cannot be found that accepts argument '{shown}'.", shown
    )


def ambiguous_position() -> BindingFailure:
    return _binding(
        "AmbiguousPositionalParameterNoName",
        "Cannot bind positional parameters because no names were given.",
    )


def ambiguous_set(terse: bool) -> BindingFailure:
    message = "Parameter set cannot be resolved using the specified named parameters."
    if not terse:
        message += (
            " One or more parameters issued cannot be used together or an insufficient number of parameters were "
            "provided."
        )
    return _binding("AmbiguousParameterSet", message)


def missing_mandatory(names: tuple[str, ...]) -> BindingFailure:
    return _binding(
        "MissingMandatoryParameter",
        f"Cannot process command because of one or more missing mandatory parameters: {' '.join(names)}.",
        missing=names,
    )


def input_not_bound(target: Any) -> BindingFailure:
    return _binding(
        "InputObjectNotBound",
        "The input object cannot be bound to any parameters for the command either because the command does not take "
        "pipeline input or the input and its properties do not match any of the parameters that take pipeline input.",
        target=target,
    )


def input_lacks_mandatory(target: Any, names: tuple[str, ...]) -> BindingFailure:
    return _binding(
        "InputObjectMissingMandatory",
        "The input object cannot be bound because it did not contain the information required to bind all mandatory "
        f"parameters:  {' '.join(names)}",
        target=target,
        missing=names,
    )


def cannot_convert(name: str, shown: str, type_name: str, reason: str) -> BindingFailure:
    return _binding(
        "CannotConvertArgument",
        f"Cannot convert '{shown}' to the type '{type_name}' required by parameter '{name}'. {reason}",
        name,
        cast=True,
    )


def cannot_convert_value(name: str, reason: str) -> BindingFailure:
    return _binding(
        "CannotConvertArgumentNoMessage", f"Cannot bind parameter '{name}'. {reason}", name, cast=True
    )


def transformation(name: str, reason: str) -> BindingFailure:
    return BindingFailure(
        "ParameterArgumentTransformationError", "InvalidData", TRANSFORMATION,
        f"Cannot process argument transformation on parameter '{name}'. {reason}", name, cast=True,
    )


def null_for_boolean(name: str) -> BindingFailure:
    return _binding(
        "ParameterArgumentValidationErrorNullNotAllowed",
        f"Cannot bind argument to parameter '{name}' because it is null.",
        name,
    )


def null_for_value(name: str, reason: str) -> BindingFailure:
    return BindingFailure(
        "ParameterBindingFailed", "WriteError", BINDING,
        f"Cannot bind parameter '{name}' to the target. Exception setting \"{name}\": \"{reason}\"",
        name,
    )


def null_not_allowed(name: str) -> BindingFailure:
    return _validation(
        "ParameterArgumentValidationErrorNullNotAllowed",
        f"Cannot bind argument to parameter '{name}' because it is null.",
        name,
    )


def empty_string(name: str) -> BindingFailure:
    return _validation(
        "ParameterArgumentValidationErrorEmptyStringNotAllowed",
        f"Cannot bind argument to parameter '{name}' because it is an empty string.",
        name,
    )


def empty_array(name: str) -> BindingFailure:
    return _validation(
        "ParameterArgumentValidationErrorEmptyArrayNotAllowed",
        f"Cannot bind argument to parameter '{name}' because it is an empty array.",
        name,
    )


def empty_collection(name: str) -> BindingFailure:
    return _validation(
        "ParameterArgumentValidationErrorEmptyCollectionNotAllowed",
        f"Cannot bind argument to parameter '{name}' because it is an empty collection.",
        name,
    )


def invalid(name: str, reason: str) -> BindingFailure:
    """A validation attribute refused the value."""
    return _validation(
        "ParameterArgumentValidationError", f"Cannot validate argument on parameter '{name}'. {reason}", name
    )
