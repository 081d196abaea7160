"""The parameters of a lab: declared once, in the notebook's cell tagged `parameters`.

Each line of that cell reads ``name: type = default  # ALLOWED · help``. The cell is parsed, never
executed, so that a value can be checked before any kernel starts.
"""

from __future__ import annotations

import ast
import difflib
import io
import math
import re
import tokenize
from dataclasses import dataclass

from vidlab.labs.text import shown

Value = int | float | bool | str | list | None
Scalar = int | float | bool | str

_SCALARS: dict[str, type] = {"int": int, "float": float, "bool": bool, "str": str}
_NOUNS = {
    "int": ("a whole number", "whole numbers"),
    "float": ("a number", "numbers"),
    "bool": ("true or false", "true/false values"),
    "str": ("a text", "texts"),
}
_RANGE = re.compile(r"^(\S+)?\s*\.\.\s*(\S+)?$")


class ParameterError(ValueError):
    """A parameter is badly declared or got a bad value; the message is one sentence."""


@dataclass(frozen=True)
class Parameter:
    """One declared parameter.

    ``type`` reads like its annotation: int, float, bool, str or list[...] of them, perhaps with
    " | None". ``low`` and ``high`` (inclusive) and ``choices`` hold for each element of a list.
    """

    name: str
    type: str
    default: Value
    low: int | float | None
    high: int | float | None
    choices: tuple[Scalar, ...] | None
    help: str

    @property
    def optional(self) -> bool:
        return self.type.endswith("| None")

    @property
    def is_list(self) -> bool:
        return self.type.startswith("list[")

    @property
    def element(self) -> str:
        """The scalar type's name: of the value or, for a list, of each element."""
        return self.type.removesuffix(" | None").removeprefix("list[").removesuffix("]")

    @property
    def limits(self) -> str:
        """The range or the choices as text, empty when anything goes."""
        if self.choices is not None:
            return " | ".join(str(choice) for choice in self.choices)
        if self.low is None and self.high is None:
            return ""
        ends = (
            "" if end is None else f"{end:g}" if isinstance(end, float) else str(end)
            for end in (self.low, self.high)
        )
        return " .. ".join(ends).strip()

    @property
    def allowed(self) -> str:
        """What may be given, in words."""
        one, many = _NOUNS[self.element]
        words = f"a list of {many}" if self.is_list else one
        if self.choices is not None:
            words = f"a list of {self.limits}" if self.is_list else self.limits
        elif self.limits:
            words = f"{words} in {self.limits}"
        return f"{words}, or None" if self.optional else words


# Every lab declares these; the rest are the method's own knobs.
COMMON: dict[str, str] = {
    "profile": "str",
    "seed": "int",
    "device": "str",
    "output_dir": "str",
    "data_dir": "str | None",
}
_COMMON_CHOICES = {"profile": {"quick", "full"}, "device": {"auto", "cpu", "cuda"}}


def read_parameters(notebook: dict, where: str = "notebook") -> dict[str, Parameter]:
    """Parse the declarations of a notebook (its JSON as a dict) without executing anything.

    ``where`` names the notebook in messages. Raises ParameterError, with notebook and line, for a
    missing or malformed parameters cell.
    """
    source = _parameters_source(notebook, where)
    try:
        tree = ast.parse(source)
        comments = _comments(source)
    except (SyntaxError, tokenize.TokenError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None) or 1
        raise ParameterError(
            f"{where}, parameters cell, line {line}: this is not plain Python ({error})."
        ) from None
    parameters: dict[str, Parameter] = {}
    for node in tree.body:
        try:
            parameter = _declaration(node, comments.get(node.end_lineno))
            if parameter.name in parameters:
                raise ValueError(f"{parameter.name} is declared twice")
        except (ValueError, TypeError, RecursionError) as error:
            raise ParameterError(
                f"{where}, parameters cell, line {node.lineno}: {error}."
            ) from None
        parameters[parameter.name] = parameter
    _require_common(parameters, where)
    return parameters


def validate(
    parameters: dict[str, Parameter], values: dict[str, object], lab: str = ""
) -> dict[str, Value]:
    """Check values; returns one value for every declared parameter, defaults filled in.

    An int is taken for a float; a bool is never taken for a number, nor 2.0 for an int. Raises
    ParameterError naming the parameter, what was got and what is allowed.
    """
    for name in values:
        if name not in parameters:
            raise ParameterError(_unknown(name, parameters, lab))
    resolved: dict[str, Value] = {}
    for name, parameter in parameters.items():
        if name not in values:
            default = parameter.default
            resolved[name] = list(default) if isinstance(default, list) else default
            continue
        try:
            resolved[name] = _checked(parameter, values[name])
        except (ValueError, OverflowError):
            raise ParameterError(
                f"parameter {name}: got {shown(values[name])}; allowed: {parameter.allowed}."
            ) from None
    return resolved


def from_text(parameter: Parameter, text: str) -> object:
    """Turn a word of the command line into a value of the declared type, where it is one.

    A text that does not fit comes back as it is, for `validate` to refuse. Lists are YAML,
    ``[0.2, 0.4]``, or the same without the brackets.
    """
    if parameter.optional and text.strip().lower() in ("none", "null", "~"):
        return None
    if not parameter.is_list:
        return _scalar_from_text(parameter.element, text)
    if not text.strip():
        return text
    from vidlab.labs.yamltext import YamlError, read_yaml

    try:
        # Only texts and lists, so the declared type alone decides what a text means. (YAML's own
        # rules would read 1e-3 as a text and 010 as 8.)
        bracketed = text.strip().startswith("[")
        items = read_yaml(text if bracketed else f"[{text}]")
    except YamlError:
        return text
    if not isinstance(items, list):
        return text
    return [
        _scalar_from_text(parameter.element, item) if isinstance(item, str) else item
        for item in items
    ]


def _scalar_from_text(kind: str, text: str) -> object:
    if kind == "bool":
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if kind == "str":
        return text
    try:
        return _SCALARS[kind](text)
    except ValueError:
        return text


def _checked(parameter: Parameter, value: object) -> Value:
    if value is None:
        if parameter.optional:
            return None
        raise ValueError
    if not parameter.is_list:
        return _checked_scalar(parameter, value)
    if not isinstance(value, (list, tuple)):
        raise ValueError
    return [_checked_scalar(parameter, item) for item in value]


def _checked_scalar(parameter: Parameter, value: object) -> Scalar:
    kind = _SCALARS[parameter.element]
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError
    value = kind(value)  # a subclass (numpy.float64, say) becomes the plain type
    if kind is float and not math.isfinite(value):
        raise ValueError
    if parameter.low is not None and value < parameter.low:
        raise ValueError
    if parameter.high is not None and value > parameter.high:
        raise ValueError
    if parameter.choices is not None and value not in parameter.choices:
        raise ValueError
    return value


def _unknown(name: str, parameters: dict[str, Parameter], lab: str) -> str:
    close = difflib.get_close_matches(name, parameters, n=1)
    hint = f"; did you mean {close[0]}?" if close else "."
    of_lab = f" of lab {lab}" if lab else ""
    return f"unknown parameter {name}{of_lab}{hint} It has: {', '.join(parameters)}."


def _parameters_source(notebook: dict, where: str) -> str:
    for cell in notebook.get("cells", []):
        if cell.get("cell_type") == "code" and "parameters" in cell.get("metadata", {}).get(
            "tags", []
        ):
            source = cell.get("source", "")
            return "".join(source) if isinstance(source, list) else str(source)
    raise ParameterError(f"{where}: no code cell is tagged 'parameters'.")


def _comments(source: str) -> dict[int, str]:
    """Trailing comments by line number."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}


def _declaration(node: ast.stmt, comment: str | None) -> Parameter:
    if (
        not isinstance(node, ast.AnnAssign)
        or not isinstance(node.target, ast.Name)
        or node.value is None
    ):
        raise ValueError("every line must read 'name: type = default  # ALLOWED · help'")
    name = node.target.id
    if comment is None or "·" not in comment:
        raise ValueError(f"{name} needs a comment behind it that reads '# ALLOWED · help'")
    allowed, _, text = comment.partition("·")
    kind = _type_name(node.annotation)
    try:
        default = ast.literal_eval(node.value)
    except ValueError:
        raise ValueError(f"the default of {name} must be a literal") from None
    bare = Parameter(name, kind, None, None, None, None, text.strip())
    low, high, choices = _limits(bare, allowed.strip())
    limited = Parameter(name, kind, None, low, high, choices, text.strip())
    try:
        default = _checked(limited, default)
    except ValueError:
        raise ValueError(
            f"the default of {name} is {default!r}; its own declaration allows: {limited.allowed}"
        ) from None
    return Parameter(name, kind, default, low, high, choices, text.strip())


def _type_name(annotation: ast.expr) -> str:
    """The annotation in its one spelling; raises ValueError for any other type."""
    text = ast.unparse(annotation)
    allowed = [*_SCALARS, *(f"list[{name}]" for name in _SCALARS)]
    if text.removesuffix(" | None") not in allowed:
        raise ValueError(f"the type {text} is not one of {', '.join(allowed)}, each maybe | None")
    return text


def _limits(
    parameter: Parameter, text: str
) -> tuple[int | float | None, int | float | None, tuple[Scalar, ...] | None]:
    """Read 'LOW .. HIGH' (either may be left out) or 'a | b | c'."""
    if not text:
        return None, None, None
    match = _RANGE.match(text)
    if match and any(match.groups()) and parameter.element in ("int", "float"):
        low, high = (
            None if end is None else _scalar_from_text(parameter.element, end)
            for end in match.groups()
        )
        if any(isinstance(end, str) or end != end for end in (low, high)):  # != itself: NaN
            raise ValueError(f"the range {text!r} of {parameter.name} is not made of numbers")
        if low is not None and high is not None and low > high:
            raise ValueError(f"the range {text!r} of {parameter.name} is empty")
        return low, high, None
    if "|" in text and parameter.element in ("str", "int"):
        words = [word.strip() for word in text.split("|")]
        choices = tuple(_scalar_from_text(parameter.element, word) for word in words)
        if all(words) and all(isinstance(c, _SCALARS[parameter.element]) for c in choices):
            return None, None, choices
    raise ValueError(
        f"cannot read {text!r} before '·' of {parameter.name}; it is 'LOW .. HIGH' for numbers, "
        "'a | b' for choices, or nothing"
    )


def _require_common(parameters: dict[str, Parameter], where: str) -> None:
    for name, kind in COMMON.items():
        if name not in parameters:
            raise ParameterError(f"{where}: the parameters cell does not declare {name}: {kind}.")
        parameter = parameters[name]
        if parameter.type != kind:
            raise ParameterError(f"{where}: {name} is declared as {parameter.type}, not {kind}.")
        choices = _COMMON_CHOICES.get(name)
        if choices is not None and set(parameter.choices or ()) != choices:
            raise ParameterError(f"{where}: {name} must allow {' | '.join(sorted(choices))}.")
    seed = parameters["seed"]
    if seed.low is None or seed.low < 0 or seed.high is None or seed.high >= 2**32:
        raise ParameterError(f"{where}: seed must have a range within 0 .. 4294967295.")
