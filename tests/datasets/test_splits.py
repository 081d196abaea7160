"""Splits: groups stay whole, sizes and classes come out as asked, leaks are counted and marked."""

import pickle

import numpy as np
import pytest
import torch

from vidlab.datasets.splits import official, split


def random_groups(seed, items=400, groups=60):
    """Groups of very different sizes, and labels that partly depend on them."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(groups, items, p=rng.dirichlet(np.full(groups, 0.7)))
    labels = (codes + rng.integers(0, 2, items)) % 5
    return [f"video {code}" for code in codes], labels.tolist()


def parts_of_groups(made, groups):
    found = {}
    for name, indices in made.parts.items():
        for i in indices:
            found.setdefault(groups[i], set()).add(name)
    return found


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("with_labels", [False, True])
def test_no_group_is_torn_apart(seed, with_labels):
    groups, labels = random_groups(seed)
    shares = {"train": 0.6, "val": 0.15, "test": 0.25}
    made = split(groups, shares, seed=seed, labels=labels if with_labels else None)
    assert sorted(i for part in made.parts.values() for i in part) == list(range(len(groups)))
    assert all(len(parts) == 1 for parts in parts_of_groups(made, groups).values())
    assert (made.leaky, made.shared_groups, made.how) == (False, 0, "by groups")
    # Greedy: off by no more than the largest group or so, in practice far less.
    largest = max(groups.count(group) for group in set(groups))
    for name, share in shares.items():
        assert abs(made.sizes[name] - share * len(groups)) <= largest / 2 + 5


def test_equal_groups_give_exact_sizes():
    made = split(np.repeat(np.arange(50), 4), {"train": 0.7, "test": 0.3}, seed=1)
    assert made.sizes == {"train": 140, "test": 60}


def test_every_part_gets_its_share_of_every_class():
    # As in UCF101: a class has 25 groups of 4 to 7 clips.
    rng = np.random.default_rng(0)
    sizes = rng.integers(4, 8, 20 * 25)
    groups = np.repeat(np.arange(20 * 25), sizes)
    labels = groups // 25
    made = split(groups, seed=3, labels=labels)
    shares = np.bincount(labels[list(made["test"])], minlength=20) / np.bincount(labels)
    assert np.abs(shares - 0.2).max() < 0.04
    blind = split(groups, seed=3)
    shares = np.bincount(labels[list(blind["test"])], minlength=20) / np.bincount(labels)
    assert np.abs(shares - 0.2).max() > 0.08  # so it is the labels that do it


def test_small_classes_do_not_starve_a_part():
    made = split(range(100), seed=0, labels=[i // 2 for i in range(100)])
    assert made.sizes == {"train": 80, "test": 20}
    assert len({i // 2 for i in made["test"]}) == 20  # never both of a class


def test_large_groups_do_not_all_go_to_one_part():
    groups = np.repeat(np.arange(40), np.repeat([10, 1], 20))
    made = split(groups, {"a": 0.5, "b": 0.5}, seed=0)
    large = sum(1 for group in {groups[i] for i in made["a"]} if group < 20)
    assert large == 10


@pytest.mark.parametrize("seed", range(5))
def test_the_largest_group_is_dealt_first(seed):
    made = split([0] * 60 + list(range(1, 61)), {"a": 0.5, "b": 0.5}, seed=seed)
    assert made.sizes == {"a": 60, "b": 60}


def test_the_seed_decides():
    groups, _ = random_groups(0)
    assert split(groups, seed=4) == split(groups, seed=4)
    assert split(groups, seed=4).parts != split(groups, seed=5).parts


def test_tensors_and_arrays_as_groups():
    groups = [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    want = split(groups, seed=0).parts
    assert split(np.array(groups), seed=0).parts == want
    assert split(torch.tensor(groups), seed=0).parts == want


def test_a_leaky_split_is_asked_for_and_marked():
    groups = [i // 10 for i in range(100)]
    made = split(groups, seed=0, leaky=True)
    straddling = sum(len(parts) > 1 for parts in parts_of_groups(made, groups).values())
    assert made.shared_groups == straddling > 5
    assert made.leaky
    assert made.sizes == {"train": 80, "test": 20}
    assert made.describe() == (
        f"single items: 80 train, 20 test; LEAKY, {straddling} groups are in more than one part"
    )
    assert made.record() == {
        "how": "single items",
        "leaky": True,
        "shared_groups": straddling,
        "sizes": {"train": 80, "test": 20},
    }


def test_asked_for_is_marked_even_where_nothing_leaks():
    made = split(range(10), seed=0, leaky=True)
    assert (made.leaky, made.shared_groups) == (True, 0)


def test_official_splits_are_checked():
    groups = ["a", "a", "b", "b", "c"]
    good = official({"train": [1, 0], "test": [2]}, groups, how="list 1")
    assert (good["train"], good.leaky, good.how) == ((0, 1), False, "list 1")
    bad = official({"train": [0, 2], "test": [1, 3, 4]}, groups, how="list 2")
    assert (bad.leaky, bad.shared_groups) == (True, 2)
    assert "LEAKY, 2 groups are" in bad.describe()
    with pytest.raises(ValueError, match="list 3: item 1 is in 'train' and in 'test'"):
        official({"train": [0, 1], "test": [1]}, groups, how="list 3")
    with pytest.raises(ValueError, match="the part 'test' lists item 5; allowed: 0 .. 4"):
        official({"train": [0], "test": [5]}, groups, how="list 4")


@pytest.mark.parametrize(
    ("groups", "settings", "sentence"),
    [
        ([], {}, "nothing to split"),
        ([1, 2], {"fractions": {"train": 1.0}}, "fractions name 1 part"),
        ([1, 2], {"fractions": {"a": 0.5, "b": 0.6}}, "the shares sum to 1.1"),
        ([1, 2], {"fractions": {"a": 1.5, "b": -0.5}}, "the share of 'a' is 1.5"),
        ([1, 2], {"fractions": {"a": float("nan"), "b": 0.5}}, "the share of 'a' is nan"),
        ([1, 1], {}, "the part 'test' stays empty: 1 groups cannot give it 0.2 of the items"),
        ([1, 2], {"labels": [0]}, "got 1 labels for 2 groups"),
        ([1, 2], {"seed": -1}, "seed is -1; allowed: whole numbers from 0"),
        ([1, 2], {"seed": 0.5}, "seed is 0.5"),
    ],
)
def test_bad_arguments(groups, settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        split(groups, **{"seed": 0} | settings)


def test_an_unknown_part_is_named():
    with pytest.raises(KeyError, match="no part 'val'; there are train, test"):
        split(range(10), seed=0)["val"]


def test_a_leak_that_was_asked_for_is_marked_even_where_chance_was_kind():
    made = split(range(10), seed=0, leaky=True)
    assert (made.leaky, made.shared_groups) == (True, 0)
    assert "LEAKY, but by chance no group is in two parts" in made.describe()


def test_a_split_travels_to_other_processes():
    made = split(range(10), seed=0)
    assert pickle.loads(pickle.dumps(made)) == made


def test_official_lists_hold_whole_numbers():
    with pytest.raises(TypeError, match="float"):
        official({"train": [0.5], "test": [1]}, "ab", how="list 5")
