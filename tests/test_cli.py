"""Promises about the command line: what it writes, what it says when something is wrong, and what it costs to start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
import pytest
from examples import noise_pictures, save_model
from PIL import Image
from safetensors.torch import load_file

from explorer import __main__ as entry
from explorer.animation import Film, Output, through
from explorer.cli import app, main
from explorer.export import export_picture
from explorer.files import digest
from explorer.formats import write_native
from explorer.generators import open_generator
from explorer.imaging import read_image, read_recipe
from explorer.nets.vae import VAEShape
from explorer.recipe import Recipe, recipe_of
from explorer.render import render_images
from explorer.saved import SavedSession
from explorer.scene import Direction, Latent, Scene, Seed, to_json
from explorer.training import VAERecipe

ROOT: Final = Path(__file__).resolve().parent.parent
CHANGED: Final = Scene(Latent(((Seed(3), 1.0),), ((Direction("decoder", 0), 1.5),), 0.8))
TINY: Final = ("--latent", 4, "--width", 8, "--couplings", 0)
TRAIN: Final = (*TINY, "--batch", 16, "--device", "cpu", "--threads", 1)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process."""

    def run(*arguments: object) -> Ended:
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny VAE that was never trained."""
    recipe = VAERecipe(VAEShape.of(16, 1, 4, 8), about={"name": "tiny", "data": "noise"})
    path = tmp_path / "tiny.safetensors"
    write_native(path, *recipe.finish(recipe.net.eval(), _noise(8)[..., None]))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """64 grey pictures of 16 x 16 pixels."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index, pixels in enumerate(_noise(64)):
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


# --- inspect ---


def test_inspect_prints_one_json_object_and_nothing_else(run: Run, model: Path) -> None:
    ended = run("inspect", model, "--json")
    facts = json.loads(ended.out)
    assert ended.code == 0
    assert ended.err == ""
    assert {"family", "format", "classes", "layers", "parameters", "capabilities", "warnings"} <= facts.keys()
    assert (facts["family"], facts["image_shape"], facts["latent_shape"]) == ("vae", [1, 16, 16], [4])


def test_inspect_tells_a_person_the_name_and_the_size(run: Run, model: Path) -> None:
    assert {"tiny", "16 x 16, 1 channel"} <= {line[14:] for line in run("inspect", model).out.splitlines()}


# --- render ---


def test_equal_seeds_give_equal_bytes(run: Run, model: Path, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        assert run("render", model, "--seed", 7, "-o", tmp_path / name).code == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_one_seed_is_a_plain_picture_with_its_recipe(run: Run, model: Path, tmp_path: Path) -> None:
    run("render", model, "--seed", 7, "--truncation", 0.5, "-o", tmp_path / "a.png")
    recipe = recipe_of(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").size == (16, 16)
    assert recipe is not None
    assert recipe.scene == Scene(Latent(((Seed(7), 1.0),), (), 0.5))


@pytest.mark.parametrize("seeds", [("--seed", 1, 2, 3), ("--seed", 1, "--seed", 2, "--seed", 3)])
def test_several_seeds_make_a_contact_sheet(run: Run, model: Path, tmp_path: Path, seeds: tuple[object, ...]) -> None:
    assert run("render", model, *seeds, "--columns", 3, "-o", tmp_path / "a.png").code == 0
    assert read_image(tmp_path / "a.png").size == (48, 16)


def test_an_array_is_float32_nchw_and_not_clipped(run: Run, model: Path, tmp_path: Path) -> None:
    assert run("render", model, "--seed", 1, 2, "--truncation", 40, "-o", tmp_path / "a.npy").code == 0
    scenes = [Scene(Latent(((Seed(number), 1.0),), (), 40.0)) for number in (1, 2)]
    images = np.load(tmp_path / "a.npy")
    assert (images.dtype, images.shape) == (np.float32, (2, 1, 16, 16))
    np.testing.assert_array_equal(images, render_images(open_generator(model, "cpu"), scenes))


def test_the_latents_of_a_seed_give_the_picture_of_the_seed(run: Run, model: Path, tmp_path: Path) -> None:
    _, _, points = _export(model, Scene(Latent(((Seed(5), 1.0),))), tmp_path / "window.png")
    np.save(tmp_path / "z.npy", points[None])
    run("render", model, "--latents", tmp_path / "z.npy", "--space", "z", "-o", tmp_path / "z.png")
    ours, window = read_image(tmp_path / "z.png"), read_image(tmp_path / "window.png")
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(window))


def test_truncation_scales_given_latents(run: Run, model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "z.npy", np.full((2, 4), 2.0))
    np.save(tmp_path / "half.npy", np.full((2, 4), 1.0, np.float16))
    run("render", model, "--latents", tmp_path / "z.npy", "--truncation", 0.5, "-o", tmp_path / "a.npy")
    run("render", model, "--latents", tmp_path / "half.npy", "-o", tmp_path / "b.npy")
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.parametrize("kind", ["scene", "session", "picture"])
def test_a_scene_gives_what_the_window_exports_bit_for_bit(run: Run, model: Path, tmp_path: Path, kind: str) -> None:
    window, recipe, _ = _export(model, CHANGED, tmp_path / "window.png")
    files = {
        "scene": _written(tmp_path / "scene.json", json.dumps(to_json(CHANGED))),
        "session": _written(tmp_path / "session.json", SavedSession(str(model), recipe.digest, CHANGED).to_text()),
        "picture": window,
    }
    assert run("render", model, "--scene", files[kind], "--device", "cpu", "-o", tmp_path / "ours.png").code == 0
    assert (tmp_path / "ours.png").read_bytes() == window.read_bytes()


# --- what is wrong with the input ---


@pytest.mark.parametrize(
    ("array", "part"),
    [
        (np.zeros((2, 5), np.float32), "shape (n, 4)"),
        (np.zeros(4, np.float32), "not a row of points"),
        (np.zeros((0, 4), np.float32), "not a row of points"),
        (np.zeros((2, 4), np.int64), "type int64"),
        (np.full((2, 4), np.nan, np.float32), "not finite"),
        (np.full((2, 4), 1e200), "not finite"),
        (np.array([[None] * 4]), "Python objects"),
    ],
)
def test_unusable_latents_get_one_sentence(run: Run, model: Path, tmp_path: Path, array: np.ndarray, part: str) -> None:
    np.save(tmp_path / "z.npy", array, allow_pickle=True)
    _refused(run("render", model, "--latents", tmp_path / "z.npy", "-o", tmp_path / "a.png"), part)
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("{", "damaged"),
        ("[]", "not a scene"),
        ('{"latent": {"sources": [[{"seed": 1}, NaN]], "moves": [], "truncation": 1}}', "not a scene"),
        ('{"latent-explorer": 1}', "damaged"),
        ('{"latent-explorer-session": 1}', "damaged"),
        ("GIF89a", "holds no scene"),
        ("", "holds no scene"),
        ("[" * 100_000, "damaged"),
    ],
)
def test_an_unusable_scene_gets_one_sentence(run: Run, model: Path, tmp_path: Path, text: str, part: str) -> None:
    file = _written(tmp_path / "scene.json", text)
    _refused(run("render", model, "--scene", file, "-o", tmp_path / "a.png"), part)


@pytest.mark.parametrize("command", [("inspect",), ("render", "--seed", 1, "-o", "a.png"), ("encode", "-o", "a.npz")])
def test_a_file_that_is_no_model_gets_one_sentence(run: Run, folder: Path, command: tuple[object, ...]) -> None:
    name, *options = command
    for checkpoint in (folder / "0.png", folder / "missing.safetensors", folder):
        datasets = [folder] if name == "encode" else []
        _refused(run(name, checkpoint, *datasets, *options), checkpoint.name)


@pytest.mark.parametrize(
    "options",
    [
        ("--seed", 1, "-o", "a.jpg"),
        ("--seed", -1, "-o", "a.png"),
        ("--seed", 1 << 63, "-o", "a.png"),
        ("--seed", 1),
        ("-o", "a.png"),
        ("--seed", 1, "--scene", "s.json", "-o", "a.png"),
        ("--seed", 1, "--truncation", "nan", "-o", "a.png"),
        ("--seed", 1, "--space", "w", "-o", "a.png"),
        ("--seed", 1, "--sampler", "euler", "-o", "a.png"),
        ("--seed", 1, "--columns", 0, "-o", "a.png"),
    ],
)
def test_a_wrong_option_is_a_usage_error(run: Run, model: Path, options: tuple[object, ...]) -> None:
    ended = run("render", model, *options)
    assert (ended.code, ended.out, "Traceback" in ended.err) == (2, "", False)


def test_a_missing_device_is_a_failure_told_in_one_sentence(run: Run, model: Path, tmp_path: Path) -> None:
    ended = run("render", model, "--seed", 1, "--device", "meta", "-o", tmp_path / "a.png")
    assert (ended.code, ended.err) == (1, "There is no computing device 'meta' here. Try --device cpu.\n")


def test_an_unwritable_place_is_a_failure_told_in_one_sentence(run: Run, model: Path, tmp_path: Path) -> None:
    ended = run("render", model, "--seed", 1, "-o", model / "a.png")
    assert ended.code == 1
    assert "could not be written" in ended.err
    assert ended.err.count("\n") == 1


# --- encode ---


def test_encoding_gives_codes_names_and_likelihoods(run: Run, model: Path, folder: Path, tmp_path: Path) -> None:
    ended = run("encode", model, folder, "-o", tmp_path / "codes.npz", "--batch", 10)
    codes = np.load(tmp_path / "codes.npz")
    assert (ended.code, ended.out) == (0, "")
    assert (codes["latents"].shape, codes["latents"].dtype) == ((64, 4), np.float32)
    assert codes["log_likelihood"].shape == (64,)
    assert codes["ids"].tolist() == [f"{index}.png" for index in range(64)]
    assert codes["likelihood_kind"] == "lower bound"
    assert "labels" not in codes


def test_the_labels_of_a_dataset_go_with_its_codes(run: Run, model: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", images=_noise(3), labels=np.array([4, 0, 4]))
    run("encode", model, tmp_path / "data.npz", "-o", tmp_path / "codes.npz")
    codes = np.load(tmp_path / "codes.npz")
    assert [codes["label_names"][label] for label in codes["labels"]] == ["4", "0", "4"]


def test_unreadable_pictures_are_left_out_and_listed(run: Run, model: Path, folder: Path, tmp_path: Path) -> None:
    (folder / "1.png").write_bytes(b"nothing")
    ended = run("encode", model, folder, "-o", tmp_path / "codes.npz")
    codes = np.load(tmp_path / "codes.npz")
    assert ended.code == 0
    assert "Left out: 1.png" in ended.err
    assert "1.png" not in codes["ids"]
    assert len(codes["latents"]) == len(codes["ids"]) == len(codes["log_likelihood"]) == 63


def test_a_dataset_without_any_readable_picture_is_refused(run: Run, model: Path, tmp_path: Path) -> None:
    _written(tmp_path / "pictures" / "1.png", "nothing")
    ended = run("encode", model, tmp_path / "pictures", "-o", tmp_path / "codes.npz")
    assert (ended.code, (tmp_path / "codes.npz").exists()) == (2, False)


# --- animate ---


def test_a_film_has_the_right_number_of_frames_and_its_recipe(run: Run, model: Path, tmp_path: Path) -> None:
    scenes = _scene_list(tmp_path)
    options = ("--checkpoint", model, "--seconds", 0.8, "--fps", 10, "--easing", "ease", "--size", 32)
    assert run("animate", scenes, *options, "-o", tmp_path / "film.mp4").code == 0
    with av.open(str(tmp_path / "film.mp4")) as film:
        sizes = [(frame.width, frame.height) for frame in film.decode(video=0)]
    recipe = recipe_of(tmp_path / "film.mp4")
    assert sizes == [(32, 32)] * 8
    assert recipe is not None
    assert recipe.film is not None
    assert ({k.easing for k in recipe.film.keyframes}, recipe.digest) == ({"ease"}, digest(model))


def test_a_session_knows_its_model_and_how_its_film_goes(run: Run, model: Path, tmp_path: Path) -> None:
    film = through((Scene(), CHANGED), Film(frames_per_second=8, loop=True), 0.25, "linear")
    saved = SavedSession(str(tmp_path / "gone" / model.name), digest(model), film=film, output=Output(size=16))
    session = _written(tmp_path / "session.json", saved.to_text())
    assert run("animate", session, "-o", tmp_path / "film").code == 0
    assert len(list((tmp_path / "film").iterdir())) == 4
    assert run("animate", session, "--no-loop", "-o", tmp_path / "short").code == 0
    assert len(list((tmp_path / "short").iterdir())) == 2


def test_a_film_can_be_made_again_from_itself(run: Run, model: Path, tmp_path: Path) -> None:
    options = ("--seconds", 0.3, "--fps", 10, "--size", 0)
    run("animate", _scene_list(tmp_path), "--checkpoint", model, *options, "-o", tmp_path / "a.png")
    assert run("animate", tmp_path / "a.png", "--size", 0, "-o", tmp_path / "b.png").code == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_what_cannot_become_a_film_gets_one_sentence(run: Run, model: Path, tmp_path: Path) -> None:
    scenes = _scene_list(tmp_path)
    saved = SavedSession(str(tmp_path / "gone.safetensors"), "0" * 64, film=through((Scene(), CHANGED))).to_text()
    _refused(run("animate", scenes, "-o", tmp_path / "a.mp4"), "does not say which model")
    _refused(run("animate", scenes, "--checkpoint", model, "--fps", 0, "-o", tmp_path / "a.mp4"), "frames per second")
    _refused(run("animate", scenes, "--checkpoint", model, "--easing", "x", "-o", tmp_path / "a.mp4"), "easing")
    _refused(run("animate", scenes, "--checkpoint", model, "-o", tmp_path / "a.avi"), "should end in")
    _refused(run("animate", _written(tmp_path / "s.json", saved), "-o", tmp_path / "a.mp4"), "was not found")
    _refused(run("animate", _written(tmp_path / "one.json", "[]"), "-o", tmp_path / "a.mp4"), "keyframes")


# --- train ---


def test_training_makes_a_checkpoint_that_opens(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.safetensors"
    options = ("--background", "42,48,64", "--content", 14, "--licence", "none", "--beta", 0.5, "--half")
    assert run("train", "vae", folder, "-o", out, "--images", 64, *TRAIN, *options).code == 0
    config = open_generator(out, "cpu").config
    told = config["training"]
    assert (config["name"], config["data"], config["licence"]) == ("new", "pictures", "none")
    assert config["preparation"] == {"content": 14, "background": [42, 48, 64]}
    assert config["architecture"]["size"] == 16
    assert (told["beta"], told["images_seen"], told["images"], told["held_out"]["images"]) == (0.5, 64, 58, 6)
    assert told["command"].startswith(f"latent-explorer train vae {folder} -o {out} --images 64")
    assert sorted(path.name for path in tmp_path.glob("new.*")) == ["new.safetensors", "new.samples.png"]


def test_held_out_pictures_can_be_a_dataset_of_their_own(run: Run, folder: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "test.npy", _noise(5))
    out = tmp_path / "new.safetensors"
    run("train", "vae", folder, "--test", tmp_path / "test.npy", "-o", out, "--images", 16, *TRAIN)
    told = open_generator(out, "cpu").config["training"]
    assert (told["images"], told["held_out"]["images"]) == (64, 5)


@pytest.mark.parametrize(
    "options",
    [
        ("--size", 20),
        ("--channels", 2),
        ("--content", 17, "--size", 16),
        ("--background", "1,2"),
        ("--background", "1,2,256"),
        ("--width", 9000),
        ("--learning-rate", "nan"),
        ("--beta", "nan"),
    ],
)
def test_an_impossible_network_is_a_usage_error(
    run: Run, folder: Path, tmp_path: Path, options: tuple[object, ...]
) -> None:
    ended = run("train", "vae", folder, "-o", tmp_path / "new.safetensors", "--images", 16, *options, "--device", "cpu")
    assert (ended.code, "Traceback" in ended.err) == (2, False)


def test_too_few_pictures_to_train_on_are_refused(run: Run, tmp_path: Path) -> None:
    np.save(tmp_path / "two.npy", _noise(2))
    _refused(run("train", "vae", tmp_path / "two.npy", "-o", tmp_path / "a.safetensors"), "at least 3")


def test_there_has_to_be_something_to_resume(run: Run, folder: Path, tmp_path: Path) -> None:
    ended = run("train", "vae", folder, "-o", tmp_path / "a.safetensors", "--images", 16, *TRAIN, "--resume")
    assert ended.code == 1
    assert "nothing to resume" in ended.err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that stops only a child")
def test_an_interrupted_training_leaves_a_checkpoint_and_goes_on(run: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.safetensors"
    command = ("train", "vae", folder, "-o", out, "--images", 3_000_000, *TRAIN)
    first = _interrupted(*command)
    stopped = int(load_file(tmp_path / "new.training.safetensors")["step"])
    assert (first.code, first.out) == (130, "")
    assert "--resume" in first.err
    assert run("inspect", out).code == 0
    _interrupted(*command, "--resume")
    config = json.loads(run("inspect", out, "--json").out)["config"]
    step = int(load_file(tmp_path / "new.training.safetensors")["step"])
    assert step > stopped > 0
    assert config["training"]["images_seen"] == step * 16
    assert "--resume" not in config["training"]["command"]


def test_a_resumed_training_ends_at_the_right_image_count(run: Run, folder: Path, tmp_path: Path) -> None:
    from explorer.training import Settings, train
    from explorer.training.state import state_path

    out = tmp_path / "new.safetensors"
    recipe = VAERecipe(VAEShape.of(16, 1, 4, 8))
    reports = train(recipe, _noise(58)[..., None], _noise(6)[..., None], Settings(out, 160, 16, save_seconds=0), False)
    assert next(reports).images == 16
    reports.close()
    assert int(load_file(state_path(out))["step"]) == 1
    assert run("train", "vae", folder, "-o", out, "--images", 160, *TRAIN, "--resume").code == 0
    assert open_generator(out, "cpu").config["training"]["images_seen"] == 160
    assert not state_path(out).exists()


# --- the program as a whole ---


def test_the_entry_point_knows_every_command() -> None:
    named = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert named | {group.name for group in app.registered_groups} == set(entry.COMMANDS)


@pytest.mark.parametrize("arguments", [["--nope"], ["nope"], ["pyproject.toml", "README.md"], ["--device"]])
def test_what_is_neither_a_command_nor_a_file_is_a_usage_error(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["latent-explorer", *arguments])
    assert _exit_code(entry.main) == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "passed"),
    [
        ([], (None, "")),
        (["."], (".", "")),
        ([".", "--device", "cpu"], (".", "cpu")),
        (["--device=cuda:1"], (None, "cuda:1")),
    ],
)
def test_everything_that_is_no_command_opens_the_window(
    arguments: list[str], passed: tuple[str | None, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str | None, str]] = []

    def open_window(argument: str | None, device: str) -> int:
        opened.append((argument, device))
        return 7

    monkeypatch.setattr("explorer.app.run", open_window)
    monkeypatch.setattr(sys, "argv", ["latent-explorer", *arguments])
    assert (entry.main(), opened) == (7, [passed])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
def test_a_missing_display_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(sys, "argv", ["latent-explorer"])
    assert _exit_code(entry.main) == 1
    assert "no display" in capsys.readouterr().err


def test_a_missing_system_library_is_named() -> None:
    error = ImportError("libEGL.so.1: cannot open shared object file: No such file or directory")
    assert entry._missing_library(error) == "libEGL.so.1"
    assert entry._missing_library(ImportError("No module named 'explorer.nothing'")) is None


def test_an_unforeseen_failure_is_told_in_one_sentence(run: Run, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*values: object) -> dict[str, Any]:
        raise ZeroDivisionError("a division by nothing")

    monkeypatch.setattr("explorer.facts.inspect", fail)
    ended = run("inspect", model)
    path = Path(ended.err.strip().rpartition(" are in ")[2].removesuffix("."))
    assert (ended.code, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert "ZeroDivisionError" in path.read_text("utf-8")


@pytest.mark.slow
def test_the_command_line_starts_without_torch_and_qt() -> None:
    loaded = _python("-c", "import sys, explorer.cli, explorer.__main__; print(*sys.modules)").out.split()
    assert "explorer.cli" in loaded
    assert {"torch", "PySide6", "rich", "numpy"} & set(loaded) == set()


@pytest.mark.slow
def test_the_module_runs_as_a_program(model: Path) -> None:
    ended = _python("-m", "explorer", "inspect", model, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["name"] == "tiny"


def _noise(count: int) -> np.ndarray:
    """Grey pictures (n, 16, 16) whose mean differs, so that there is something to learn."""
    rng = np.random.default_rng(0)
    return (rng.integers(0, 128, (count, 16, 16)) + rng.integers(0, 128, (count, 1, 1))).astype(np.uint8)


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def _scene_list(folder: Path) -> Path:
    return _written(folder / "scenes.json", json.dumps([to_json(Scene()), to_json(CHANGED)]))


def _export(model: Path, scene: Scene, path: Path) -> tuple[Path, Recipe, np.ndarray]:
    """What the window does to export a picture."""
    generator = open_generator(model, "cpu")
    recipe = Recipe(str(model.absolute()), digest(model), generator.name, scene)
    picture = export_picture(generator, scene, path, recipe)
    assert read_recipe(path) == recipe.to_json()
    return path, recipe, picture.latents


def _refused(ended: Ended, part: str) -> None:
    """Bad input: exit code 2, nothing on stdout, and at most a usage line and a sentence on stderr."""
    assert ended.code == 2, ended
    assert ended.out == ""
    assert part in ended.err
    assert "Traceback" not in ended.err
    assert ended.err.strip().splitlines()[-1].endswith((".", ".safetensors")), ended.err


def _exit_code(program: Callable[[], int]) -> int:
    try:
        return program()
    except SystemExit as end:
        return int(end.code or 0)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def _python(*arguments: object) -> Ended:
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, timeout=100, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def _interrupted(*arguments: object) -> Ended:
    """Run a training as a program and interrupt it, as Ctrl-C does, as soon as it says that it has begun."""
    command = [sys.executable, "-m", "explorer", *map(str, arguments)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=_environment(), stdout=pipe, stderr=pipe, text=True) as program:
        assert program.stderr is not None
        begun = program.stderr.readline()
        while not begun.startswith("Training"):
            begun = program.stderr.readline()
            assert begun, "the training ended before it began"
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=100)
    return Ended(program.returncode, out, begun + err)


def test_what_encode_writes_can_be_drawn_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = str(save_model(tmp_path / "model.safetensors"))
    np.save(tmp_path / "pictures.npy", noise_pictures(3))
    assert main(["encode", model, str(tmp_path / "pictures.npy"), "-o", str(tmp_path / "codes.npz")]) == 0
    out = str(tmp_path / "again.npy")
    assert main(["render", model, "--latents", str(tmp_path / "codes.npz"), "-o", out]) == 0
    assert np.load(out).shape == (3, 1, 16, 16)
    np.savez(tmp_path / "other.npz", points=np.zeros((2, 5), np.float32))
    assert main(["render", model, "--latents", str(tmp_path / "other.npz"), "-o", out]) == 2
    assert "no array called latents" in capsys.readouterr().err


def test_a_training_replaces_neither_a_model_nor_an_interrupted_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    np.save(tmp_path / "pictures.npy", noise_pictures(8))
    model = save_model(tmp_path / "model.safetensors")
    before = model.read_bytes()
    command = ["train", "vae", str(tmp_path / "pictures.npy"), "-o", str(model)]
    assert main(command) == 2
    assert "is there already" in " ".join(capsys.readouterr().err.split())
    (tmp_path / "model.training.safetensors").write_bytes(b"a run")
    assert main(command) == 2
    assert "--resume" in capsys.readouterr().err
    assert model.read_bytes() == before
