"""Splits that keep groups apart, and leaky ones that say so.

Clips cut from one video look alike: the same room, the same clothes, the same compression. If
some of them train a model and others test it, the test measures memory. So every data set names
the *group* of each item (its video, scene, signer or camera), and :func:`split` never tears a
group apart, unless it is asked to, and then the result says so.
"""

from __future__ import annotations

import operator
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from vidlab.datasets.limits import check_whole

FOUR_TO_ONE = MappingProxyType({"train": 0.8, "test": 0.2})


@dataclass(frozen=True)
class Split:
    """Which items belong to which part.

    Attributes:
        parts: name to the items' indices, ascending; no index is in two parts.
        leaky: some group has items in more than one part, or nobody made sure that none has.
        shared_groups: how many groups have items in more than one part.
        how: how the split was made, in a few words.
    """

    parts: Mapping[str, tuple[int, ...]]
    leaky: bool
    shared_groups: int
    how: str

    def __getitem__(self, part: str) -> tuple[int, ...]:
        """The indices of one part."""
        if part not in self.parts:
            raise KeyError(f"there is no part {part!r}; there are {', '.join(self.parts)}")
        return self.parts[part]

    @property
    def sizes(self) -> dict[str, int]:
        """Items in each part."""
        return {name: len(indices) for name, indices in self.parts.items()}

    def describe(self) -> str:
        """One line for a reader.

        >>> split("aabbccddee", seed=0).describe()
        'by groups: 8 train, 2 test; no group is in two parts'
        """
        sizes = ", ".join(f"{size:,} {name}" for name, size in self.sizes.items())
        if not self.shared_groups:
            shared = "LEAKY, but by chance " if self.leaky else ""
            shared += "no group is in two parts"
        else:
            verb = "group is" if self.shared_groups == 1 else "groups are"
            shared = f"LEAKY, {self.shared_groups:,} {verb} in more than one part"
        return f"{self.how}: {sizes}; {shared}"

    def record(self) -> dict[str, object]:
        """What a run's record keeps of it."""
        return {
            "how": self.how,
            "leaky": self.leaky,
            "shared_groups": self.shared_groups,
            "sizes": self.sizes,
        }


def split(
    groups: Sequence[Hashable],
    fractions: Mapping[str, float] = FOUR_TO_ONE,
    *,
    seed: int,
    labels: Sequence[Hashable] | None = None,
    leaky: bool = False,
) -> Split:
    """Deal items out to parts, whole groups at a time.

    The largest group is dealt first (equals in random order), each to the part where it reduces
    chi-square most: the sum over classes of (dealt - wanted)² / wanted, and as much again for all
    items together. Sizes are therefore near ``fractions``, not exact; the fewer and
    the more unequal the groups, the rougher.

    Args:
        groups: the group of each of N items.
        fractions: share of each part, above 0; they sum to 1.
        seed: for the order among groups of one size, >= 0.
        labels: the class of each item; given, each part gets about its share of every class.
        leaky: deal single items and let groups straddle parts. The result is marked.

    Raises:
        ValueError: a bad argument, or a part that would stay empty.
    """
    _check_fractions(fractions)
    codes = _codes(groups)
    if labels is not None and len(labels) != len(codes):
        raise ValueError(f"got {len(labels)} labels for {len(codes)} groups; one an item is needed")
    check_whole("seed", seed, 0)
    units = np.arange(len(codes)) if leaky else codes
    classes = _codes(labels) if labels is not None else np.zeros(len(codes), np.int64)
    part_of = _deal(units, classes, np.array(list(fractions.values()), float), int(seed))[units]
    parts = {name: tuple(np.flatnonzero(part_of == p)) for p, name in enumerate(fractions)}
    what = "items" if leaky else "groups"
    for name, indices in parts.items():
        if not indices:
            count = len(np.unique(units))
            raise ValueError(
                f"the part {name!r} stays empty: {count} {what} cannot give it "
                f"{fractions[name]:g} of the items; ask for fewer parts or a larger share"
            )
    how = "single items" if leaky else "by groups"
    return _made(parts, codes, how, leaky)


def official(parts: Mapping[str, Sequence[int]], groups: Sequence[Hashable], *, how: str) -> Split:
    """A split that somebody published, checked: does it keep the groups apart?

    Items may be in no part. Where a group is in two parts, the split is marked as leaky.

    Raises:
        ValueError: an index outside of 0 .. len(groups) - 1, or one that is listed twice.
    """
    codes = _codes(groups)
    owner: dict[int, str] = {}
    for name, indices in parts.items():
        for index in map(operator.index, indices):
            if not 0 <= index < len(codes):
                raise ValueError(
                    f"{how}: the part {name!r} lists item {index}; allowed: 0 .. {len(codes) - 1}"
                )
            if index in owner:
                raise ValueError(f"{how}: item {index} is in {owner[index]!r} and in {name!r}")
            owner[index] = name
    return _made({name: tuple(sorted(items)) for name, items in parts.items()}, codes, how, False)


def _made(parts: Mapping[str, Sequence[int]], codes: np.ndarray, how: str, asked: bool) -> Split:
    """The split with its groups counted; ``asked``: it is leaky whatever the count says."""
    kept = {name: tuple(int(i) for i in indices) for name, indices in parts.items()}
    seen = [np.unique(codes[list(indices)]) for indices in kept.values() if indices]
    _, times = np.unique(np.concatenate(seen), return_counts=True) if seen else ((), np.zeros(0))
    shared = int((times > 1).sum())
    return Split(kept, asked or shared > 0, shared, how)


def _deal(units: np.ndarray, classes: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """The part of each unit (U,), units and classes numbered from 0."""
    # One column a class, and one for all items: without it, parts of many small classes stay empty.
    counts = np.zeros((units.max() + 1, classes.max() + 2))
    np.add.at(counts, (units, classes), 1)
    counts[:, -1] = counts[:, :-1].sum(1)
    wanted = shares[:, None] * counts.sum(0)
    order = np.random.default_rng(seed).permutation(len(counts))
    order = order[np.argsort(-counts[order, -1], kind="stable")]
    missing, part_of = wanted.copy(), np.empty(len(counts), np.int64)
    scale = wanted.copy()
    scale[:, -1] /= classes.max() + 1  # one item too many weighs as much in all as in its class
    for unit in order:
        held = np.flatnonzero(counts[unit])
        amount = counts[unit, held]
        # (amount - missing)² - missing², over what was wanted
        rise = (amount * (amount - 2 * missing[:, held]) / scale[:, held]).sum(1)
        part_of[unit] = best = rise.argmin()
        missing[best, held] -= amount
    return part_of


def _codes(values: Sequence[Hashable]) -> np.ndarray:
    """Each value as the number of its first occurrence: 'b', 'a', 'b' becomes 0, 1, 0."""
    if len(values) == 0:
        raise ValueError("there is nothing to split: no groups were given")
    numbers: dict[Hashable, int] = {}
    # Tensors hash by identity: two equal ones would be two groups.
    plain = (value.item() if hasattr(value, "item") else value for value in values)
    return np.array([numbers.setdefault(value, len(numbers)) for value in plain])


def _check_fractions(fractions: Mapping[str, float]) -> None:
    if len(fractions) < 2:
        raise ValueError(f"fractions name {len(fractions)} part; a split needs two or more")
    for name, share in fractions.items():
        if not 0 < share < 1:
            raise ValueError(f"the share of {name!r} is {share}; allowed: more than 0, less than 1")
    if abs(sum(fractions.values()) - 1) > 1e-6:
        raise ValueError(f"the shares sum to {sum(fractions.values()):g}; they must sum to 1")
