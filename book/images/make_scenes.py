"""Pictures of the page on scenes; ``python book/images/make_scenes.py`` writes them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from vidlab.datasets.actions import ALL, Actions, ActionsConfig
from vidlab.datasets.digits import load_digits
from vidlab.datasets.scenes import (
    Actor,
    Light,
    Noise,
    Scene,
    Sprite,
    caption,
    describe,
    film,
    motion,
    render,
    shapes,
    textures,
)

HERE = Path(__file__).parent
RED, BLUE, GREEN, YELLOW = textures.RED, textures.BLUE, textures.GREEN, textures.YELLOW
PURPLE, ORANGE, WHITE, BLACK = textures.PURPLE, textures.ORANGE, textures.WHITE, textures.BLACK
SKY = textures.gradient((0.75, 0.85, 0.95), (0.95, 0.95, 0.88), angle=np.pi / 2)


def passing() -> Scene:
    """The page's example: a star passes behind a disc."""
    star = Sprite(shapes.star(5), textures.stripes(RED, YELLOW))
    disc = Sprite(shapes.disc(), textures.halves(BLUE, WHITE))
    walk = motion.add(motion.still(0.15, 0.55, radius=0.18), motion.move(0.75, -0.1))
    rest = motion.still(0.55, 0.5, radius=0.22)
    return Scene(SKY, (Actor(star, walk), Actor(disc, rest)), frames=6, height=96)


def picture(frame) -> np.ndarray:
    """``(3, H, W)`` as matplotlib wants it."""
    return frame.permute(1, 2, 0).numpy()


def strip(axes, frames, title: str) -> None:
    """Frames side by side in one axis."""
    white = np.full((frames.shape[-2], 3, 3), 255, np.uint8)
    row = [part for frame in frames for part in (picture(frame), white)]
    axes.imshow(np.concatenate(row[:-1], 1))
    axes.set_title(title, fontsize=9, loc="left")
    axes.axis("off")


def save(figure, name: str) -> None:
    figure.savefig(HERE / f"scenes-{name}.png", dpi=90, bbox_inches="tight")
    plt.close(figure)
    print(f"scenes-{name}.png")


def vocabulary() -> None:
    """Shapes, textures and backgrounds."""
    digits = load_digits().train
    image = digits.images[digits.labels == 5][0]
    outlines = [shapes.disc(), shapes.ring(), *map(shapes.polygon, (3, 4, 5)), shapes.star(5)]
    outlines += [shapes.heart(), shapes.silhouette(image, "real digit 5")]
    surfaces = [
        textures.plain(ORANGE),
        textures.stripes(ORANGE, WHITE, angle=0.6),
        textures.checker(ORANGE, BLACK),
        textures.dots(ORANGE, WHITE),
        textures.halves(ORANGE, BLACK, angle=0.6),
        textures.gradient(ORANGE, BLUE),
        textures.clouds(ORANGE, BLUE, seed=2),
    ]
    middle = motion.still(0.5, 0.5, radius=0.42)
    rows = (
        [(Sprite(s, textures.plain(GREEN)), s.name) for s in outlines],
        [(Sprite(shapes.disc(), s), s.name) for s in surfaces],
    )
    figure, grid = plt.subplots(2, 8, figsize=(10, 2.9))
    for axes, row in zip(grid, rows, strict=True):
        for axis in axes:
            axis.axis("off")
        for axis, (sprite, name) in zip(axes, row, strict=False):
            scene = Scene(textures.plain(WHITE), (Actor(sprite, middle),), frames=1, height=96)
            axis.imshow(picture(render(scene).frames[0]))
            axis.set_title(name, fontsize=8)
    save(figure, "vocabulary")


def laws() -> None:
    """Motion laws, cameras and light on one sprite."""
    sprite = Sprite(shapes.star(5), textures.halves(RED, BLUE))
    world = textures.checker((0.72, 0.78, 0.82), (0.86, 0.90, 0.92), period=0.5)
    base = motion.still(0.5, 0.5, radius=0.2)
    start = motion.still(0.2, 0.7, radius=0.2)
    view = motion.still(0, 0, radius=1.0)
    plain = Scene(world, (Actor(sprite, base),), frames=7, height=64)
    one = {
        "add(still, move)": motion.add(start, motion.move(0.6, -0.4)),
        "add(still, spin, grow)": motion.add(base, motion.spin(2.5), motion.grow(0.4)),
        "add(still, orbit)": motion.add(base, motion.orbit(0.25)),
        "then(move, orbit)": motion.then(
            motion.add(start, motion.move(0.55, 0)), motion.orbit(0.3, -0.5)
        ),
    }
    scenes = {name: replace(plain, actors=(Actor(sprite, law),)) for name, law in one.items()}
    scenes |= {
        "camera: pan and roll": replace(
            plain, camera=motion.add(view, motion.move(0.35, 0), motion.spin(0.6))
        ),
        "camera: zoom": replace(plain, camera=motion.add(view, motion.grow(2.2))),
        "light: fade, slope, tint": replace(
            plain, light=Light(gain=1.2, tint=(1.0, 0.9, 0.7), slope=(0.7, 0.0), fade=-0.6)
        ),
        "noise: gaussian, salt": replace(plain, noise=Noise(0.1, 0.04, seed=1)),
    }
    figure, axes = plt.subplots(4, 2, figsize=(10, 4.3))
    for axis, (name, scene) in zip(axes.T.ravel(), scenes.items(), strict=True):
        strip(axis, render(scene).frames, name)
    figure.subplots_adjust(hspace=0.25, wspace=0.04)
    save(figure, "laws")


def truth() -> None:
    """Frames, masks, boxes and visibility of the example."""
    scene = passing()
    clip = render(scene)
    figure, axes = plt.subplots(3, 6, figsize=(10, 5.0))
    seen = (clip.masks[0].float() * 2 + clip.masks[1].float()).numpy()
    full = clip.full_masks[0].float().numpy() + clip.masks[0].float().numpy()
    for t in range(6):
        axes[0, t].imshow(picture(clip.frames[t]))
        for k, colour in enumerate(("#d55e00", "#0072b2")):
            left, top, right, bottom = clip.full_boxes[k, t].tolist()
            box = (left - 0.5, top - 0.5), right - left, bottom - top
            axes[0, t].add_patch(plt.Rectangle(*box, fill=False, color=colour, lw=1.5))
        path = clip.centres[0, : t + 1].numpy() - 0.5
        axes[0, t].plot(*path.T, ".-", color="#d55e00", ms=4, lw=1)
        axes[1, t].imshow(seen[t], cmap="viridis", vmin=0, vmax=2, interpolation="nearest")
        axes[2, t].imshow(full[t], cmap="magma", vmin=0, vmax=2, interpolation="nearest")
        axes[2, t].set_title(f"star {100 * clip.visibility[0, t]:.0f} % visible", fontsize=8)
    for axis, name in zip(
        axes[:, 0], ("boxes, path", "masks (seen)", "star: seen, hidden"), strict=True
    ):
        axis.set_ylabel(name, fontsize=9)
    for axis in axes.ravel():
        axis.set(xticks=[], yticks=[])
    figure.suptitle(caption(describe(clip)[1:]), y=0.97, fontsize=10)
    figure.tight_layout()
    save(figure, "truth")


def shots() -> None:
    """A film of three shots."""
    second = Actor(
        Sprite(shapes.heart(), textures.dots(PURPLE, WHITE)),
        motion.add(motion.still(0.5, 0.5, radius=0.3), motion.grow(0.5)),
    )
    dusk = textures.clouds((0.25, 0.25, 0.4), (0.5, 0.4, 0.5), seed=4)
    third = Actor(
        Sprite(shapes.polygon(3), textures.plain(YELLOW)),
        motion.add(motion.still(0.5, 0.5, radius=0.2), motion.orbit(0.25, -0.9)),
    )
    grass = textures.stripes((0.3, 0.5, 0.35), (0.35, 0.57, 0.4), period=0.3, angle=0.3)
    scenes = [passing(), Scene(dusk, (second,), 4, 96), Scene(grass, (third,), 5, 96)]
    clip = film(scenes)
    figure, axes = plt.subplots(figsize=(11, 1.2))
    strip(axes, clip.frames, f"{len(clip.frames)} frames, cuts before frames {clip.cuts}")
    for cut in clip.cuts:
        axes.axvline(cut * 99 - 2, color="#d55e00", lw=2)
    save(figure, "film")


def actions() -> None:
    """One clip of every class."""
    clips = Actions(
        13 * 6, ActionsConfig(frames=10, size=40, clips_per_scene=2, noise=0.02), seed=3
    )
    figure, axes = plt.subplots(13, 1, figsize=(8, 11.5))
    for label, axis in enumerate(axes):
        index = int((clips.labels == label).nonzero()[1])
        strip(axis, clips[index].frames, ALL[label])
    figure.subplots_adjust(hspace=0.45)
    save(figure, "actions")


def controls() -> None:
    """One clip under every control."""
    config = ActionsConfig(frames=10, size=40, noise=0.02)
    figure, axes = plt.subplots(5, 1, figsize=(8, 4.6))
    labels = Actions(78, config, seed=3).labels
    index = int((labels == ALL.index("right")).nonzero()[2])
    for axis, control in zip(axes, ("none", "shuffled", "scrambled", "still"), strict=False):
        clip = Actions(78, config, seed=3, control=control, cache=False)[index]
        strip(axis, clip.frames, f'"right", control={control!r}')
    busy = replace(config, bystanders="scrambled")
    clip = Actions(78, busy, seed=3, cache=False)[index]
    strip(axes[4], clip.frames, '"right", bystanders="scrambled"')
    figure.subplots_adjust(hspace=0.45)
    save(figure, "controls")


if __name__ == "__main__":
    for draw in (vocabulary, laws, truth, shots, actions, controls):
        draw()
