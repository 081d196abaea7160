"""The proposal explorer's Python side: truth, scores, checks, packing, traits, figure."""

import json

import numpy as np
import pytest
import traitlets

from vidlab.metrics.correspondence import judged, right_proposals, score
from vidlab.widgets import ProposalExplorer
from vidlab.widgets._proposals_figure import RIGHT, WRONG, colours_of
from vidlab.widgets.base import MAX_BYTES, decode_array

SHAPE = (3, 2, 4)  # 3 frames of 2 x 4 points: 24
FRAME = np.arange(24) // 8


def film(frames=3, size=16, seed=0):
    shape = (frames, size, size, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def alike(count=24, seed=0):
    """Minus the squared distances of random features."""
    features = np.random.default_rng(seed).normal(size=(count, 6))
    return -((features[:, None] - features[None]) ** 2).sum(-1)


def nearest(similarity, shape=SHAPE, k=3):
    """The k points of other frames that are most alike, written out point by point."""
    inside = shape[1] * shape[2]
    found = []
    for i, row in enumerate(similarity):
        others = [j for j in range(len(row)) if j // inside != i // inside]
        found.append(sorted(others, key=lambda j: -row[j])[:k])
    return np.array(found)


def moved(by=1):
    """``(P, t)``: what a point shows moves ``by`` columns a frame, and out of the picture."""
    truth = np.full((24, 3), -1)
    for p in range(24):
        t, y, x = p // 8, p // 4 % 2, p % 4
        for s in range(3):
            if 0 <= x + by * (s - t) < 4:
                truth[p, s] = (s * 2 + y) * 4 + x + by * (s - t)
    return truth


def make(**changes):
    values = {
        "frames": film(),
        "points_shape": SHAPE,
        "neighbours": nearest(alike()),
        "similarity": alike(),
        "truth": moved(),
    }
    return ProposalExplorer(**{**values, **changes})


def places(p, shape=SHAPE):
    return p // (shape[1] * shape[2]), p // shape[2] % shape[1], p % shape[2]


@pytest.mark.parametrize("slack", [0, 1, 2])
def test_right_proposals_are_those_a_loop_finds(slack):
    neighbours, truth = nearest(alike(seed=3), k=5), moved()
    truth[5] = -1
    got = right_proposals(neighbours, truth, SHAPE, slack)
    counted = []
    for p in range(24):
        for place, j in enumerate(neighbours[p]):
            frame, y, x = places(j)
            partner = truth[p, frame]
            _, v, u = places(partner)
            right = partner >= 0 and abs(v - y) <= slack and abs(u - x) <= slack
            assert got[p, place] == right, (p, j)
            counted.append(right)
    assert 0 < sum(counted) < len(counted)
    rows = [p for p in range(24) if any(truth[p, s] >= 0 for s in range(3) if s != p // 8)]
    assert np.flatnonzero(judged(truth, SHAPE)).tolist() == rows
    expected = got[rows]
    scores = score(neighbours, truth, SHAPE, slack)
    assert scores.points == len(rows)
    assert scores.share == pytest.approx(expected.mean())
    assert scores.found == pytest.approx(np.mean([row.any() for row in expected]))


@pytest.mark.parametrize("slack", [0, 1])
def test_chance_is_the_share_of_all_points_of_other_frames(slack):
    """Every point of the other frames handed in as a proposal: their share is chance."""
    everyone = np.array([[j for j in range(24) if FRAME[j] != FRAME[p]] for p in range(24)])
    scores = score(everyone, moved(), SHAPE, slack)
    assert scores.share == pytest.approx(scores.chance)
    assert scores.found == 1


def test_perfect_proposals_are_all_right_and_a_point_in_its_own_frame_judges_nothing():
    truth = moved(0)  # nothing moves: one partner in each frame
    partners = np.array([[q for s, q in enumerate(row) if s != p // 8]
                         for p, row in enumerate(truth)])  # fmt: skip
    explorer = make(neighbours=partners, truth=truth, similarity=None)
    assert explorer.scores("proposals").share == 1
    only_own = np.where(np.arange(3) == FRAME[:, None], truth, -1)
    explorer = make(truth=only_own)
    assert explorer.scores("proposals").points == 0
    assert np.isnan(explorer.scores("proposals").share)
    assert explorer._data["variants"][0]["scores"] == [None] * 4
    assert explorer.point == 1 * 4 + 2  # the middle of the first frame


def test_one_partner_a_point_is_taken_too():
    truth = np.full(24, -1)
    truth[3], truth[9] = 17, 20
    explorer = make(truth=truth)
    full = decode_array(explorer._data["truth"]).astype(int) - 1
    expected = np.full((24, 3), -1)
    expected[3, 2], expected[9, 2] = 17, 20
    assert (full == expected).all()
    assert explorer.point == 3  # the first that is judged


def test_similarities_of_different_frames_travel_in_256_levels():
    similarity = alike()
    similarity[FRAME[:, None] == FRAME] = -np.inf  # as a module leaves them
    packed = make(similarity=similarity)._data["variants"][0]["similarity"]
    pairs = [(i, j) for i in range(24) for j in range(24) if FRAME[i] < FRAME[j]]
    expected = np.array([similarity[i, j] for i, j in pairs])
    got = decode_array(packed)
    assert got.shape == (3 * 64,)
    assert np.abs(got - expected).max() <= np.ptp(expected) / 255 / 2 + 1e-9
    assert (got.min(), got.max()) == pytest.approx((expected.min(), expected.max()))


def test_variants_may_differ_in_k_and_share_a_similarity_or_have_their_own():
    neighbours = {"before": nearest(alike(seed=1), k=2), "after": nearest(alike(), k=4)}
    explorer = make(neighbours=neighbours)
    before, after = explorer._data["variants"]
    assert (before["neighbours"]["shape"], after["neighbours"]["shape"]) == ([24, 2], [24, 4])
    assert before["similarity"] == after["similarity"]
    one = make(neighbours=neighbours, similarity={"after": alike()})
    assert one._data["variants"][0]["similarity"] is None
    assert (decode_array(after["neighbours"]) == neighbours["after"]).all()
    assert explorer.variant == "before"
    shares = [f"{name} {100 * explorer.scores(name).share:.0f} %" for name in neighbours]
    assert f"right proposals: {', '.join(shares)}." in explorer.alt


def test_the_page_gets_every_slacks_scores():
    explorer = make(slack=2)
    assert explorer.slack == 2
    for slack, packed in enumerate(explorer._data["variants"][0]["scores"]):
        scores = explorer.scores("proposals", slack)
        assert packed == {
            "points": scores.points, "share": scores.share, "found": scores.found,
            "chance": scores.chance,
        }  # fmt: skip
    assert explorer.scores("proposals") == explorer.scores("proposals", 2)


def test_a_longer_clip_shows_the_middle_of_each_span():
    frames = film(9)
    explorer = make(frames=frames)
    assert np.array_equal(explorer._axis.frames, frames[[1, 4, 7]])
    assert explorer._data["axis"]["span"] == 3


def test_tensors_are_taken():
    torch = pytest.importorskip("torch")
    explorer = ProposalExplorer(
        torch.from_numpy(film()),
        SHAPE,
        torch.from_numpy(nearest(alike())),
        similarity=torch.from_numpy(alike()).to(torch.float32),
        truth=torch.from_numpy(moved()),
    )
    assert explorer.scores("proposals") == make().scores("proposals")


def changed(array, index, value):
    array = np.array(array)
    array[index] = value
    return array


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"points_shape": (1, 4, 4)}, r"points_shape is \(1, 4, 4\); .*two frames or more"),
        ({"points_shape": (3, 8)}, r"points_shape is \(3, 8\)"),
        ({"points_shape": (3, 2, 4.0)}, "whole numbers"),
        ({"points_shape": (2, 50, 50)}, "has 5000 points; at most 4096"),
        ({"frames": film(4)}, "frames holds 4 frames, the grid 3 times"),
        ({"frames": film() / 255}, "frames must be uint8"),
        ({"neighbours": {}}, r"neighbours has the variants \[\]"),
        ({"neighbours": {"": nearest(alike())}}, "each with a name"),
        ({"neighbours": nearest(alike())[:20]}, r"shape \(20, 3\); expected \(P, k\) = \(24, k\)"),
        ({"neighbours": np.zeros((24, 0))}, "k in 1 .. 16"),
        (
            {"neighbours": {"m": changed(nearest(alike()), (9, 1), 24)}},
            r"neighbours of 'm' holds 24 at index \(9, 1\); allowed: whole numbers, 0 .. 23",
        ),
        ({"neighbours": nearest(alike()) + 0.5}, "allowed: whole numbers"),
        (
            {"neighbours": changed(nearest(alike()), (9, 1), 15)},
            r"gives point 9 \(frame 1\) the proposal 15 of its own frame",
        ),
        ({"neighbours": np.repeat(nearest(alike()), 2, 1)}, "gives point 0 the proposal .* twice"),
        ({"similarity": alike()[:20]}, r"similarity has shape \(20, 24\); expected \(P, P\)"),
        ({"similarity": {"other": alike()}}, "similarity has the variant 'other'; neighbours has"),
        (
            {"similarity": changed(alike(), (2, 20), np.nan)},
            r"similarity holds nan at index \(2, 20\)",
        ),
        (
            {"similarity": changed(alike(), (2, 20), 5)},
            r"similarity is not symmetric: 5 at \(2, 20\)",
        ),
        ({"truth": moved()[:, :2]}, r"truth has shape \(24, 2\); expected \(P,\) = \(24,\) or"),
        ({"truth": changed(moved(), (0, 1), 24)}, r"truth holds 24 at index \(0, 1\); .*-1 .. 23"),
        (
            {"truth": changed(moved(), (4, 2), 9)},
            r"truth\[4, 2\] is 9, a point of frame 1; column 2 holds points of frame 2",
        ),
        (
            {"truth": changed(np.full(24, -1), 3, 7)},
            "truth gives point 3 the partner 7 of its own frame",
        ),
        ({"slack": 4}, "slack is 4; allowed: 0 .. 3"),
        ({"slack": 0.5}, "slack is 0.5"),
    ],
)
def test_wrong_inputs_are_refused_in_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        make(**changes)
    assert "\n" not in str(caught.value)


def test_scores_need_a_truth_a_variant_and_a_slack():
    with pytest.raises(ValueError, match="no truth was given"):
        make(truth=None).scores("proposals")
    with pytest.raises(ValueError, match="variant is 'x'; allowed: proposals"):
        make().scores("x")
    with pytest.raises(ValueError, match="slack is 9"):
        make().scores("proposals", 9)


@pytest.mark.parametrize(
    ("trait", "value"), [("point", 24), ("point", -1), ("slack", 4), ("variant", "x")]
)
def test_traits_refuse_what_the_page_could_not_show(trait, value):
    with pytest.raises(traitlets.TraitError, match=f"{trait} is .*; allowed:"):
        setattr(make(), trait, value)


def test_page_state_follows_the_traits():
    explorer = make(neighbours={"a": nearest(alike()), "b": nearest(alike(seed=5))})
    explorer.point, explorer.variant, explorer.slack = 11, "b", 1
    state = json.loads(explorer.html().split('-state">')[1].split("</script>")[0])
    assert [state[name] for name in ("point", "variant", "slack")] == [11, "b", 1]


def random_proposals(shape, k, seed=0):
    count, inside = np.prod(shape), shape[1] * shape[2]
    source = np.random.default_rng(seed)
    first = (np.arange(count) // inside + 1) * inside  # the next frame, round the clip
    return (first[:, None] + np.argsort(source.random((count, inside)), 1)[:, :k]) % count


def test_the_largest_similarity_fits_with_noisy_frames_and_more_is_refused():
    shape = (4, 16, 16)
    explorer = ProposalExplorer(
        film(4, 224), shape, random_proposals(shape, 8), similarity=alike(1024)
    )
    assert len(explorer.html()) < MAX_BYTES
    shape = (5, 16, 16)
    with pytest.raises(ValueError, match="1280 points is too large for a page; at most 1024"):
        ProposalExplorer(film(5), shape, random_proposals(shape, 8), similarity=alike(1280))
    ProposalExplorer(film(5), shape, random_proposals(shape, 8))


def test_hostile_names_are_escaped_in_the_page():
    bad = "</script><img src=x onerror=alert(1)><!--"
    page = make(neighbours={bad: nearest(alike())}, title=bad, alt=bad).html()
    assert "<img" not in page
    assert "<!--" not in page
    assert page.count("</script>") == 2


def test_figure_links_the_point_with_its_proposals_in_their_colours():
    explorer = make(title="costs $5", slack=1)
    explorer.point = 9
    figure = explorer.figure()
    figure.canvas.draw()
    pictures = [one for one in figure.axes if one.get_title().startswith("frame ")]
    assert len(pictures) == 3
    neighbours = nearest(alike())
    right = right_proposals(neighbours, moved(), SHAPE, 1)[9]
    colours = colours_of(neighbours, moved(), SHAPE, 1, 9)
    assert colours == [RIGHT if one else WRONG for one in right]
    high, wide = 8, 4  # pixels of a cell
    for p in neighbours[9]:
        frame, y, x = places(p)
        corners = [patch.get_xy() for patch in pictures[frame].patches]
        assert (x * wide - 0.5, y * high - 0.5) in corners
    matrix = next(one for one in figure.axes if one.get_ylabel() == "point")
    shown = matrix.images[0].get_array()
    off = FRAME[:, None] != FRAME
    np.testing.assert_allclose(np.asarray(shown)[off], alike()[off])
    bars = next(one for one in figure.axes if one.get_xlabel().startswith("right proposals"))
    scores = explorer.scores("proposals")
    assert bars.patches[0].get_width() == pytest.approx(scores.share)
    assert [line.get_xdata()[0] for line in bars.lines] == pytest.approx(
        [scores.chance, scores.found]
    )


def test_figures_without_truth_and_similarity():
    make(truth=None, similarity=None).figure().canvas.draw()
    make(truth=None).figure().canvas.draw()
    make(similarity=None).figure().canvas.draw()
