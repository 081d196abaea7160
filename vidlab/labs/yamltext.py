"""YAML that a user writes: texts, lists and names with values, and never much of them."""

from __future__ import annotations

import yaml

LONGEST = 64 << 10  #: bytes of one text
DEEPEST = 8  #: lists and mappings within each other


class YamlError(ValueError):
    """A text that is refused; the message says why, without a full stop."""


def read_yaml(text: str) -> object:
    """Read YAML as texts, lists and dicts: what a text means is the declared type's business.

    A few lines of YAML can stand for millions of values by aliases, or for lists within each
    other without end; nothing of this kind is built.

    >>> read_yaml("[1e-3, [yes, 010]]")
    ['1e-3', ['yes', '010']]

    Raises:
        YamlError: not YAML, more than 64 KB, an alias (a star and a name), or over 8 levels deep.
    """
    if len(text) > LONGEST or len(text.encode("utf-8", "replace")) > LONGEST:
        raise YamlError(f"more than {LONGEST >> 10} KB of text")
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.BaseLoader):
            if isinstance(event, yaml.AliasEvent):
                raise YamlError("aliases (*name) are not allowed")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                raise YamlError(f"lists in lists deeper than {DEEPEST} levels")
        return yaml.load(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise YamlError(f"not YAML ({' '.join(str(error).split())[:200]})") from None
