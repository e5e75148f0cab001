"""The command line on style-based models: people's own files in, pictures and safetensors out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from examples import make_stylegan2, make_vae, save_model
from PIL import Image

from explorer.cli import main
from explorer.generators import open_generator

GOLDENS = Path(__file__).parents[2] / "shared" / "goldens"
needs_goldens = pytest.mark.skipif(not GOLDENS.is_dir(), reason="the reference data are not on this machine")
SG2, SG3 = (GOLDENS / name / "network-snapshot-000100.pkl" for name in ("sg2ada_uncond", "sg3t_64"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return save_model(tmp_path / "model.safetensors", make_stylegan2(3, class_names=["a", "b", "c"]))


def drawn(out: Path, *arguments: object) -> np.ndarray:
    assert main(["render", *map(str, arguments), "-o", str(out), "--device", "cpu"]) == 0
    return np.load(out)


def saved(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


@needs_goldens
def test_points_of_nvidias_network_are_drawn_as_there(tmp_path: Path) -> None:
    expected = np.load(SG2.parent / "expected.npz")
    points = saved(tmp_path / "z.npy", expected["z"])
    out = tmp_path / "out.npy"
    for noise in ("const", "none"):
        images = drawn(out, SG2, "--latents", points, "--truncation", 0.7, "--noise", noise)
        assert abs(images - expected[f"img_psi07_{noise}"]).max() < 1e-4


@needs_goldens
def test_the_cutoff_leaves_fine_layers_alone(tmp_path: Path) -> None:
    expected = np.load(SG2.parent / "expected.npz")
    cut = drawn(
        tmp_path / "a.npy",
        SG2,
        "--latents",
        saved(tmp_path / "z.npy", expected["z"]),
        "--truncation",
        0.7,
        "--cutoff",
        4,
    )
    styles = saved(tmp_path / "w.npy", expected["w_psi07_cutoff4"])
    assert abs(cut - drawn(tmp_path / "b.npy", SG2, "--latents", styles, "--space", "w")).max() < 1e-4


@needs_goldens
def test_a_stylegan3_picture_is_moved_and_turned_as_there(tmp_path: Path) -> None:
    expected = np.load(SG3.parent / "expected.npz")
    points = saved(tmp_path / "z.npy", expected["z"])
    x, y = expected["translate"]
    turned = ("--translate", x, y, "--rotate", float(expected["rotate_deg"]))
    images = drawn(tmp_path / "out.npy", SG3, "--latents", points, "--truncation", 0.7, *turned)
    assert abs(images - expected["img_psi07_transformed"]).max() < 1e-4


@needs_goldens
@pytest.mark.parametrize(
    "path", [SG2, SG3, GOLDENS / "rosi_sg2_64_tiny_train" / "100000.pt"], ids=lambda p: p.parent.name
)
def test_a_converted_model_draws_the_same(tmp_path: Path, path: Path) -> None:
    converted = tmp_path / "mine.safetensors"
    assert main(["convert", str(path), str(converted)]) == 0
    before = drawn(tmp_path / "a.npy", path, "--seed", 3, "--truncation", 0.5)
    assert np.array_equal(before, drawn(tmp_path / "b.npy", converted, "--seed", 3, "--truncation", 0.5))


def test_a_label_is_its_one_hot_weights(model: Path, tmp_path: Path) -> None:
    points = saved(tmp_path / "z.npy", np.random.default_rng(0).standard_normal((2, 8), np.float32))
    weights = saved(tmp_path / "c.npy", np.eye(3, dtype=np.float32)[[2, 2]])
    asked = drawn(tmp_path / "a.npy", model, "--latents", points, "--label", 2)
    assert np.array_equal(asked, drawn(tmp_path / "b.npy", model, "--latents", points, "--labels", weights))
    assert not np.array_equal(asked, drawn(tmp_path / "c0.npy", model, "--latents", points, "--label", 0))


def test_one_style_for_all_layers_is_that_style_in_every_row(model: Path, tmp_path: Path) -> None:
    one = np.random.default_rng(0).standard_normal((2, 8), np.float32)
    narrow = drawn(tmp_path / "a.npy", model, "--latents", saved(tmp_path / "w.npy", one), "--space", "w")
    wide = saved(tmp_path / "wplus.npy", np.repeat(one[:, None], 6, axis=1))
    assert np.array_equal(narrow, drawn(tmp_path / "b.npy", model, "--latents", wide, "--space", "w"))


def test_a_picture_can_be_drawn_by_label(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    assert main(["render", str(model), "--seed", "1", "2", "--label", "1", "-o", str(out)]) == 0
    with Image.open(out) as picture:
        assert picture.size == (32, 16)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seed", "1", "--label", "3"], "classes 0 to 2"),
        (["--seed", "1", "--rotate", "10"], "only StyleGAN3 can"),
        (["--seed", "1", "--labels", "c.npy"], "goes with --latents"),
        (["--latents", "wrong.npy", "--space", "w"], "needs styles of shape"),
        (["--latents", "wrong.npy"], "needs latents of shape"),
        (["--latents", "z.npy", "--labels", "wrong.npy"], "class weights of shape"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, size in (("wrong.npy", 5), ("z.npy", 8), ("c.npy", 3)):
        np.save(name, np.zeros((2, size), np.float32))
    assert main(["render", str(model), *arguments, "-o", "out.npy"]) == 2
    assert words in " ".join(capsys.readouterr().err.split())


def test_a_vae_has_no_space_w_and_no_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vae = save_model(tmp_path / "vae.safetensors", make_vae())
    points = saved(tmp_path / "z.npy", np.zeros((1, 5), np.float32))
    assert main(["render", str(vae), "--latents", str(points), "--space", "w", "-o", str(tmp_path / "a.npy")]) == 2
    assert main(["render", str(vae), "--seed", "1", "--label", "0", "-o", str(tmp_path / "a.npy")]) == 2
    said = capsys.readouterr().err
    assert "has no styles" in said
    assert "knows no classes" in said


def test_convert_keeps_a_model_of_our_own(model: Path, tmp_path: Path) -> None:
    assert main(["convert", str(model), str(tmp_path / "again.safetensors"), "--half"]) == 0
    assert open_generator(tmp_path / "again.safetensors", "cpu").class_names == ("a", "b", "c")


def test_inspect_tells_layers_and_what_was_ignored(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(model)]) == 0
    said = capsys.readouterr().out
    assert "styles at 8   8x8 conv0, 8x8 conv1" in said
    assert "classes       3" in said
