"""What a lab's parameters are when nobody chooses: its cell's defaults and its profiles' numbers.

Nothing is executed: the parameters cell and the call ``vidlab.Lab(..., profiles=...)`` are parsed.
"""

from __future__ import annotations

import ast

from vidlab.labs.parameters import Parameter, Value


def default_settings(
    notebook: dict, parameters: dict[str, Parameter], profile: str
) -> dict[str, Value]:
    """The default of every parameter at ``profile``, as far as the notebook's text tells it.

    Left out are those that are None by default and whose profile numbers are not plain literals.
    """
    profiles = _profiles(notebook)
    numbers = (profiles or {}).get(profile, {})
    known = {}
    for name, parameter in parameters.items():
        if parameter.default is not None:
            known[name] = parameter.default
        elif profiles is not None:
            known[name] = numbers.get(name)
    return known


def _profiles(notebook: dict) -> dict[str, dict] | None:
    """The table of profiles, None where no cell calls Lab with one made of literals."""
    for cell in notebook.get("cells", []):
        if cell.get("cell_type") != "code":
            continue
        source = cell.get("source", "")
        try:
            tree = ast.parse("".join(source) if isinstance(source, list) else str(source))
        except (SyntaxError, ValueError, RecursionError):
            continue  # a cell of IPython's own language, say
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _called(node) == "Lab":
                return _table(node)
    return None


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _table(call: ast.Call) -> dict[str, dict] | None:
    for keyword in call.keywords:
        if keyword.arg == "profiles":
            try:
                table = _literal(keyword.value)
            except (ValueError, TypeError, RecursionError):
                return None
            whole = isinstance(table, dict) and all(isinstance(v, dict) for v in table.values())
            return table if whole else None
    return None


def _literal(node: ast.expr) -> object:
    """A literal in which dictionaries may also be written dict(name=value)."""
    if isinstance(node, ast.Dict) and None not in node.keys:
        keys = [ast.literal_eval(key) for key in node.keys]
        return dict(zip(keys, map(_literal, node.values), strict=True))
    if isinstance(node, ast.Call) and _called(node) == "dict" and not node.args:
        if any(keyword.arg is None for keyword in node.keywords):
            raise ValueError("dict(**...) is not a literal")
        return {keyword.arg: _literal(keyword.value) for keyword in node.keywords}
    return ast.literal_eval(node)
