"""Which scores work for this model and these pictures: tried out on normal pictures that were damaged on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from explorer.atlas.damage import DAMAGES
from explorer.atlas.judging import Judge
from explorer.atlas.lenses import Lens
from explorer.atlas.values import Bytes, Floats, Ints, Survey
from explorer.errors import ImageError
from explorer.imaging import Preparation, prepare

__all__ = ["COMBINED", "auroc", "examined", "look_and_score", "self_test", "true_positives", "with_border"]

Report = Callable[..., object]
Tests = Mapping[tuple[str, str], tuple[float, float]]

COMBINED: Final = "combined"
PICTURES: Final = 200  # of each kind, where looking is quick
SLOW_PICTURES: Final = 50  # where every picture takes many calls of a network
FEWEST: Final = 20
AT_ONCE: Final = 50  # pictures, between reports
RATE: Final = 0.01  # of false alarms
CHANCE: Final = 0.5  # an AUROC below it is worse than guessing


def examined(
    judge: Judge, lens: Lens, survey: Survey, rows: Ints, seed: int = 0, report: Report | None = None
) -> Judge:
    """A judge after the self-test on held-out rows of a survey: scores that fail on every kind of damage are off.

    Lenses that take seconds for a picture are not tested, nor are datasets of which hardly a picture can be read.
    """
    if lens.most is not None or not len(rows):
        return judge
    wanted = SLOW_PICTURES if "noise_00" in lens.statistics else PICTURES
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(wanted, len(rows))).astype(np.int64))
    pictures = []
    for index in survey.indices[rows[chosen]]:
        try:
            pictures.append(_content(survey.dataset.picture(int(index)), lens))
        except ImageError:
            continue
    if len(pictures) < FEWEST:
        return judge
    tests, off = self_test(judge, lens, np.stack(pictures), seed, report)
    return judge.switching_off(off, tests)


def self_test(
    judge: Judge, lens: Lens, pictures: Bytes, seed: int = 0, report: Report | None = None
) -> tuple[Tests, Mapping[str, str]]:
    """What each score makes of damaged pictures, and which scores should be off, with the reason.

    ``pictures`` (n, h, w, c) are normal and were not used for fitting, before the border that the lens adds. The
    result says for a kind of damage and the name of a score, or "combined", the AUROC against the reference and the
    share found at 1 % of false alarms.
    """
    random = np.random.default_rng(seed)
    reference = judge.raw[judge.reference]
    raws: dict[str, Floats] = {}
    for place, (kind, damage) in enumerate(DAMAGES.items()):
        tell = None if report is None else _within(report, place, len(DAMAGES), kind)
        raws[kind] = look_and_score(judge, lens, damage(pictures, random), tell)
    tests: dict[tuple[str, str], tuple[float, float]] = {}
    for column, name in enumerate(judge.scorer.names):
        for kind, raw in raws.items():
            tests[kind, name] = _measured(reference[:, column], raw[:, column])
    off = _failing(judge.scorer.names, raws, tests)
    kept = judge.switching_off(off, tests)
    for kind, raw in raws.items():
        tests[kind, COMBINED] = _measured(kept.reference_combined, kept.judge_raw(raw).combined)
    return tests, off


def look_and_score(judge: Judge, lens: Lens, pictures: Bytes, report: Report | None = None) -> Floats:
    """The scores (n, k) of pictures (n, h, w, c) that are given the border of the lens."""
    import torch

    from explorer.points import to_images

    device = getattr(getattr(lens, "generator", None), "device", torch.device("cpu"))
    parts = []
    for start in range(0, len(pictures), AT_ONCE):
        ready = with_border(pictures[start : start + AT_ONCE], lens)
        parts.append(judge.scorer.raw(lens.look(to_images(ready, device))))
        if report is not None:
            report(start + len(ready), len(pictures))
    return np.concatenate(parts)


def with_border(pictures: Bytes, lens: Lens) -> Bytes:
    """Pictures (n, h, w, c) with the border that the lens adds."""
    if pictures.shape[1:3] == lens.image_shape[1:]:
        return pictures
    images = (Image.fromarray(each[..., 0] if each.shape[-1] == 1 else each) for each in pictures)
    return np.stack([prepare(image, lens.image_shape, lens.preparation) for image in images])


def auroc(normal: npt.NDArray[np.generic], odd: npt.NDArray[np.generic]) -> float:
    """The chance that an odd picture scores higher than a normal one; equals count half."""
    in_order = np.sort(normal)
    below, not_above = np.searchsorted(in_order, odd, "left"), np.searchsorted(in_order, odd, "right")
    return float((below + not_above).mean() / 2 / len(in_order))


def true_positives(normal: npt.NDArray[np.generic], odd: npt.NDArray[np.generic], rate: float = RATE) -> float:
    """The share of odd pictures above all but a share of ``rate`` of the normal ones."""
    allowed = int(rate * len(normal))  # so many normal pictures may be above
    return float((odd > np.sort(normal)[len(normal) - 1 - allowed]).mean())


def _measured(normal: npt.NDArray[np.generic], odd: npt.NDArray[np.generic]) -> tuple[float, float]:
    return auroc(normal, odd), true_positives(normal, odd)


def _failing(names: Sequence[str], kinds: Mapping[str, object], tests: Tests) -> dict[str, str]:
    """The scores that are worse than chance on every kind, with the reason; never all of them."""
    off = {
        name: f"It was worse than chance on all {len(kinds)} kinds of damage, at best {best:.2f}."
        for name in names
        if (best := max(tests[kind, name][0] for kind in kinds)) < CHANCE
    }
    return off if len(off) < len(names) else {}


def _content(picture: Image.Image, lens: Lens) -> Bytes:
    """A picture as the lens wants it, without the border that it adds."""
    content, (channels, height, width) = lens.preparation.content, lens.image_shape
    shape = (channels, content, content) if content else (channels, height, width)
    return prepare(picture, shape, Preparation(0, lens.preparation.background))


def _within(report: Report, place: int, places: int, kind: str) -> Report:
    def tell(done: float, total: float, note: str = "") -> None:
        report(place + done / total, places, f"self-test: {kind}")

    return tell
