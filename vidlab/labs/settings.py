"""The method's knobs: what was given, else the profile's number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import make_dataclass

from vidlab.labs.parameters import COMMON, Parameter, ParameterError, Value, validate

_PROFILES = ("quick", "full")


def resolve_settings(
    parameters: dict[str, Parameter],
    given: dict[str, Value],
    profiles: Mapping[str, Mapping[str, object]],
) -> dict[str, Value]:
    """All parameters' values, each None replaced by the chosen profile's number where it has one.

    Both profiles are checked, whichever is chosen. Raises ParameterError.
    """
    if set(profiles) != set(_PROFILES):
        raise ParameterError(f"profiles: got {sorted(profiles)}; allowed: quick and full, both.")
    odd = sorted(set(profiles["quick"]) ^ set(profiles["full"]))
    if odd:
        raise ParameterError(f"profiles: {odd[0]} is in only one of quick and full.")
    for profile in _PROFILES:
        for name in profiles[profile]:
            _check_key(name, profile, parameters)
        try:
            validate(parameters, dict(profiles[profile]))
        except ParameterError as error:
            raise ParameterError(f"profile {profile}, {error}") from None
    numbers = profiles[given["profile"]]
    return {name: numbers.get(name) if value is None else value for name, value in given.items()}


def settings_bag(resolved: dict[str, Value]) -> object:
    """The knobs as read-only attributes."""
    knobs = {name: value for name, value in resolved.items() if name not in COMMON}
    return make_dataclass("Settings", list(knobs), frozen=True)(*knobs.values())


def _check_key(name: str, profile: str, parameters: dict[str, Parameter]) -> None:
    where = f"profile {profile}: {name}"
    if name not in parameters:
        raise ParameterError(f"{where} is not a declared parameter.")
    if name in COMMON:
        raise ParameterError(f"{where} belongs to every lab and has no number in a profile.")
    if not parameters[name].optional:
        raise ParameterError(
            f"{where} is never None, so this number would never be used; "
            f"declare it as {parameters[name].type} | None = None."
        )
