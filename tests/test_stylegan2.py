"""StyleGAN2: the network against references and theory, and the generator around it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from examples import CPU, make_stylegan2, save_model

from explorer.errors import CheckpointError, SceneError
from explorer.formats import Checkpoint, read_checkpoint
from explorer.generators import HasStyles, Look, Resume, StyleGAN2Generator, build_generator, open_generator
from explorer.nets.style_mapping import MappingShape
from explorer.nets.stylegan2 import StyleGAN2, StyleGAN2Shape, StyleLayer, Synthesis
from explorer.nets.stylegan2_reference import reference_synthesis
from explorer.points import locate, map_points, mix, probe_examples
from explorer.render import decode_styles, render, render_images, render_many
from explorer.scene import (
    Condition,
    Direction,
    Examples,
    Latent,
    Noise,
    Scene,
    Seed,
    StyleRow,
    Styles,
    between,
    moved,
)

GOLDENS = Path(__file__).parents[2] / "shared" / "goldens"
needs_goldens = pytest.mark.skipif(not GOLDENS.is_dir(), reason="the reference data are not on this machine")


def shape(architecture: str = "skip", **changes: object) -> StyleGAN2Shape:
    plain = StyleGAN2Shape(8, 8, 0, 3, 32, (16, 16, 8, 8), MappingShape((8, 8)), architecture, clamp=256.0)
    return replace(plain, **changes)  # type: ignore[arg-type]


def network(made: StyleGAN2Shape) -> StyleGAN2:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        net = StyleGAN2(made)
        for parameter in net.parameters():
            parameter.data += 0.1 * torch.randn_like(parameter)
    return net.eval().requires_grad_(False)


def constant(index: int, layer: StyleLayer) -> torch.Tensor:
    return layer.noise_const * layer.noise_strength


def scene(seed: int) -> Scene:
    return Scene(Latent(((Seed(seed), 1.0),)))


# --- references ---


@needs_goldens
@pytest.mark.parametrize(
    ("psi", "noise", "key"),
    [
        (1.0, "const", "psi1_const"),
        (0.7, "const", "psi07_const"),
        (1.0, "none", "psi1_none"),
        (0.7, "none", "psi07_none"),
    ],
)
def test_pictures_of_nvidias_network_are_reproduced(psi: float, noise: str, key: str) -> None:
    folder = GOLDENS / "sg2ada_uncond"
    expected = np.load(folder / "expected.npz")
    generator = open_generator(folder / "network-snapshot-000100.pkl", "cpu")
    styles = map_points(generator, expected["z"])
    images, _ = decode_styles(generator, styles, Scene(Latent(truncation=psi), noise=Noise(noise)))
    assert abs(images - expected[f"img_{key}"]).max() < 1e-4


@needs_goldens
def test_styles_and_mixed_styles_of_nvidias_network_are_reproduced() -> None:
    folder = GOLDENS / "sg2ada_uncond"
    expected = np.load(folder / "expected.npz")
    generator = open_generator(folder / "network-snapshot-000100.pkl", "cpu")
    assert abs(map_points(generator, expected["z"]) - expected["w_psi1"]).max() < 1e-5
    images, _ = decode_styles(generator, expected["wplus_mix"])
    assert abs(images - expected["img_mix_const"]).max() < 1e-4


@needs_goldens
def test_pictures_of_rosinalitys_network_are_reproduced() -> None:
    folder = GOLDENS / "rosi_sg2_64_tiny_train"
    expected = np.load(folder / "expected.npz")
    checkpoint = read_checkpoint(folder / "100000.pt")
    weights = {**checkpoint.weights, "mapping.w_avg": torch.from_numpy(expected["latent_avg"])}
    generator = build_generator(Checkpoint(checkpoint.config, weights), CPU)
    styles = map_points(generator, expected["z"])
    assert abs(styles[:, 0] - expected["w"]).max() < 1e-4
    for psi, noise, key in ((1.0, "const", "psi1_const"), (0.7, "const", "psi07_const"), (1.0, "none", "psi1_nonoise")):
        images, _ = decode_styles(generator, styles, Scene(Latent(truncation=psi), noise=Noise(noise)))
        assert abs(images - expected[f"img_{key}"]).max() < 1e-4, key


@needs_goldens
def test_a_missing_mean_style_is_estimated_and_said_so() -> None:
    folder = GOLDENS / "rosi_sg2_64_tiny_train"
    checkpoint = read_checkpoint(folder / "100000.pt")
    generator = build_generator(checkpoint, CPU)
    assert isinstance(generator, StyleGAN2Generator)
    others = np.random.default_rng(5).standard_normal((10_000, 64), np.float32)
    expected = torch.from_numpy(map_points(generator, others)[:, 0].mean(0))
    assert (generator.average_style() - expected).norm() < 0.05 * generator.shell.mean
    assert any("average style" in warning for warning in checkpoint.warnings)


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("noise", [None, constant])
def test_synthesis_equals_grouped_convolutions(batch: int, noise: object) -> None:
    net = network(shape())
    styles = torch.randn(batch, net.shape.layers, 8, generator=torch.Generator().manual_seed(0))
    expected = reference_synthesis(net.synthesis, styles, noise)  # type: ignore[arg-type]
    assert (net.synthesis(styles, noise) - expected).abs().max() < 1e-4
    net.synthesis.freeze()
    assert (net.synthesis(styles, noise) - expected).abs().max() < 1e-4


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
def test_single_precision_agrees_with_double(architecture: str) -> None:
    net = network(shape(architecture))
    styles = torch.randn(2, net.shape.layers, 8, generator=torch.Generator().manual_seed(0))
    single = net.synthesis(styles, constant)
    assert (single - net.double().synthesis(styles.double(), constant)).abs().max() < 1e-4


@pytest.mark.parametrize("architecture", ["skip", "resnet"])
@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_half_precision_is_close_and_finite_whatever_the_scale_of_the_weights(architecture: str, scale: float) -> None:
    net = network(shape(architecture))
    for name, parameter in net.synthesis.named_parameters():
        if name.endswith("conv1.weight"):
            parameter.data *= scale
    styles = torch.randn(2, net.shape.layers, 8, generator=torch.Generator().manual_seed(0))
    exact = net.synthesis(styles, constant)
    net.synthesis.freeze(8)
    rough = net.synthesis(styles, constant)
    assert (rough - exact).abs().max() < 0.03 * exact.abs().max()


# --- theory ---


def test_demodulation_keeps_the_variance_of_what_passes_through() -> None:
    """With independent inputs of variance 1, outputs have variance 1 whatever the style (Karras et al. 2020, eq. 3)."""
    layer = StyleLayer(32, 64, 64, False, shape(activation="linear", noise=False, clamp=None, w=8))
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 32, 64, 64, generator=generator)
    style = 10 * torch.randn(2, 8, generator=generator)
    inside = layer(features, style).detach()[:, :, 2:-2, 2:-2]
    assert float(inside.var((2, 3)).mean()) == pytest.approx(1.0, abs=0.03)


def test_doubling_a_style_changes_nothing_after_demodulation() -> None:
    layer = StyleLayer(16, 8, 16, True, shape(noise=False))
    features = torch.randn(1, 16, 8, 8)
    style = torch.randn(1, 8)
    before = layer(features, style).detach()
    layer.affine.weight.data *= 2
    layer.affine.bias.data *= 2
    assert torch.allclose(layer(features, style), before, atol=1e-5)


def test_enlarging_keeps_a_constant_picture() -> None:
    from explorer.nets.modulation import downsample, filter_of, upsample

    flat = torch.full((1, 2, 8, 8), 3.0)
    assert torch.allclose(upsample(flat, filter_of())[:, :, 2:-2, 2:-2], torch.tensor(3.0))
    assert torch.allclose(downsample(flat, filter_of())[:, :, 1:-1, 1:-1], torch.tensor(3.0))


@pytest.mark.parametrize("taps", [(1.0, 3.0, 3.0, 1.0), (1.0, 2.0, 1.0), (1.0, 1.0)])
def test_every_filter_gives_exactly_twice_and_half_the_size(taps: tuple[float, ...]) -> None:
    from explorer.nets.modulation import downsample, filter_of, upsample

    assert upsample(torch.zeros(1, 1, 8, 8), filter_of(taps)).shape[2:] == (16, 16)
    assert downsample(torch.zeros(1, 1, 8, 8), filter_of(taps)).shape[2:] == (4, 4)


@pytest.mark.parametrize("architecture", ["skip", "resnet", "orig"])
@pytest.mark.parametrize("channels", [1, 4])
def test_every_architecture_and_channel_count_makes_pictures(architecture: str, channels: int) -> None:
    net = network(shape(architecture, image_channels=channels))
    assert net.synthesis(torch.randn(2, net.shape.layers, 8)).shape == (2, channels, 32, 32)


@pytest.mark.parametrize(
    "changes",
    [
        {"resolution": 48},
        {"channels": (16, 16)},
        {"image_channels": 5},
        {"architecture": "round"},
        {"activation": "loud"},
        {"clamp": -1.0},
        {"channels": (16, 16, 8, 10**9)},
    ],
)
def test_an_impossible_architecture_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"should|not known"):
        shape(**changes)


# --- the generator ---


def test_it_has_styles_noise_and_classes() -> None:
    generator = make_stylegan2(3)
    assert isinstance(generator, HasStyles)
    assert [layer.resolution for layer in generator.style_layers] == [4, 8, 8, 16, 16, 16]
    assert generator.class_names == ("0", "1", "2")


@pytest.mark.parametrize("seed", [0, 85, 2**32 - 1])
def test_seeds_mean_what_they_mean_in_nvidias_tools(seed: int) -> None:
    expected = np.random.RandomState(seed).randn(1, 8)  # as their gen_images draws z
    assert np.allclose(make_stylegan2().draw(seed).numpy(), expected[0], atol=1e-6)


def test_larger_seeds_are_draws_too() -> None:
    assert make_stylegan2().draw(2**40).shape == (8,)


def test_a_saved_model_makes_the_same_pictures(tmp_path: Path) -> None:
    generator = make_stylegan2(3)
    again = open_generator(save_model(tmp_path / "model.safetensors", generator), "cpu")
    assert np.array_equal(render_images(generator, [scene(1)]), render_images(again, [scene(1)]))


def test_continued_pictures_equal_whole_ones_whatever_changed() -> None:
    generator, resume = make_stylegan2(3), Resume()
    rng = np.random.default_rng(0)
    before = scene(1)
    for _ in range(40):
        row = StyleRow(Latent(((Seed(int(rng.integers(3))), 1.0),)), ((int(rng.integers(6)), float(rng.random())),))
        changes = (
            replace(before, styles=Styles((row,))),
            replace(before, noise=Noise("random", int(rng.integers(2)), layers=((int(rng.integers(4)), 0.5),))),
            replace(before, condition=Condition(((int(rng.integers(3)), 1.0),))),
        )
        before = changes[int(rng.integers(3))]
        *_, continued = render(generator, before, resume)
        *_, whole = render(generator, before)
        assert np.array_equal(continued.pixels, whole.pixels)


def test_a_change_of_late_layers_starts_there() -> None:
    generator, resume = make_stylegan2(), Resume()
    list(render(generator, scene(1), resume))
    painted = Styles((StyleRow(Latent(((Seed(2), 1.0),)), ((4, 1.0),)),))
    *_, picture = render(generator, replace(scene(1), styles=painted), resume)
    assert picture.restarted == "16x16 conv1"
    assert picture.saved > 0


def test_an_interrupted_picture_does_not_spoil_the_next() -> None:
    generator, resume = make_stylegan2(), Resume()
    list(render(generator, scene(1), resume))
    abandoned = render(generator, scene(2), resume, sketch=True)
    assert next(abandoned).is_sketch
    abandoned.close()
    *_, picture = render(generator, scene(2), resume)
    *_, whole = render(generator, scene(2))
    assert np.array_equal(picture.pixels, whole.pixels)


def test_a_sketch_comes_first_and_has_the_size_of_the_picture() -> None:
    sketch, picture = render(make_stylegan2(), scene(1), Resume(), sketch=True)
    assert sketch.is_sketch
    assert not picture.is_sketch
    assert sketch.pixels.shape == picture.pixels.shape


def test_thumbnails_stop_at_the_layer_that_is_large_enough() -> None:
    generator = make_stylegan2()
    (small,) = render_many(generator, [scene(1)], side=8)
    (whole,) = render_many(generator, [scene(1)], side=64)
    assert small.pixels.shape == (8, 8, 3)
    assert whole.pixels.shape == (16, 16, 3)


def test_one_by_one_equals_a_batch() -> None:
    generator = make_stylegan2(3)
    scenes = [replace(scene(i), noise=Noise("random", i % 2), condition=Condition(((i % 3, 1.0),))) for i in range(5)]
    together = list(render_many(generator, scenes))
    for each, picture in zip(scenes, together, strict=True):
        (alone,) = render_many(generator, [each])
        assert abs(alone.pixels.astype(int) - picture.pixels).max() <= 1


def test_truncation_zero_is_the_mean_style_below_the_cutoff() -> None:
    generator = make_stylegan2()
    styles = mix(generator, Scene(Latent(((Seed(1), 1.0),), truncation=0.0, cutoff=2)))
    assert torch.allclose(styles[:2], generator.average_style().expand(2, -1))
    assert torch.equal(styles[2:], mix(generator, scene(1))[2:])


def test_painted_layers_come_from_their_row() -> None:
    generator = make_stylegan2()
    own, other = mix(generator, scene(1)), mix(generator, scene(2))
    row = StyleRow(scene(2).latent, ((1, 1.0), (3, 0.25)))
    styles = mix(generator, replace(scene(1), styles=Styles((row,))))
    assert torch.equal(styles[1], other[1])
    assert torch.allclose(styles[3], 0.75 * own[3] + 0.25 * other[3])
    assert torch.equal(styles[0], own[0])


def test_weights_above_one_are_shared_out() -> None:
    generator = make_stylegan2()
    rows = tuple(StyleRow(scene(seed).latent, ((1, 1.0),)) for seed in (2, 3))
    styles = mix(generator, replace(scene(1), styles=Styles(rows)))
    expected = (mix(generator, scene(2))[1] + mix(generator, scene(3))[1]) / 2
    assert torch.allclose(styles[1], expected)


@pytest.mark.parametrize("kind", ["ganspace", "sefa", "axis"])
def test_directions_are_one_deviation_of_w_long_and_move_their_layers_only(kind: str) -> None:
    generator = make_stylegan2()
    direction = Direction(kind, 0, 2, 4)
    change = mix(generator, moved(scene(1), direction, 2.0)) - mix(generator, scene(1))
    assert torch.all(change[[0, 1, 4, 5]] == 0)
    unit = change[2] / change[2].norm()
    samples = generator._draw_styles()
    assert (samples @ unit).std() == pytest.approx(float(change[2].norm()) / 2, rel=0.01)


def test_sefa_finds_what_the_layers_respond_to_most() -> None:
    generator = make_stylegan2()
    weights = torch.cat(generator.affine_weights(0, 6)).double()
    weights = weights / weights.norm(dim=1, keepdim=True)
    expected = torch.linalg.svd(weights).Vh[0].float()
    found = generator.direction(Direction("sefa", 0))
    assert abs(torch.cosine_similarity(found, expected, dim=0)) == pytest.approx(1.0, abs=1e-4)


def test_examples_find_a_direction_that_is_there() -> None:
    generator = make_stylegan2()
    axis = generator.direction(Direction("ganspace", 0))
    seeds = range(40)
    along = [float(locate(generator, scene(seed).latent)[0] @ axis) for seed in seeds]
    middle = float(np.median(along))
    having = tuple(scene(seed).latent for seed in seeds if along[seed] > middle)
    lacking = tuple(scene(seed).latent for seed in seeds if along[seed] <= middle)
    probe = probe_examples(generator, Examples("wide", having, lacking))
    assert torch.cosine_similarity(probe.vector, axis, dim=0) > 0.7
    assert probe.accuracy > 0.8


def test_examples_of_nothing_are_no_better_than_chance() -> None:
    generator = make_stylegan2()
    rng = np.random.default_rng(0)
    accuracies = []
    for _ in range(20):
        seeds = rng.permutation(1000)[:30]
        latents = [scene(int(seed)).latent for seed in seeds]
        accuracies.append(probe_examples(generator, Examples("?", tuple(latents[:15]), tuple(latents[15:]))).accuracy)
    assert 0.35 < np.mean(accuracies) < 0.65


def test_classes_mix_and_unknown_classes_are_refused() -> None:
    generator = make_stylegan2(3)
    ends = [replace(scene(1), condition=Condition(((k, 1.0),))) for k in (0, 1)]
    middle = between(*ends, 0.5)
    assert middle.condition == Condition(((0, 0.5), (1, 0.5)))
    images = render_images(generator, [*ends, middle])
    assert abs(images[2] - images[0]).max() > 0
    with pytest.raises(SceneError, match="3 classes, and none with the number 7"):
        list(render(generator, replace(scene(1), condition=Condition(((7, 1.0),)))))


def test_no_noise_equals_noise_without_strength() -> None:
    generator = make_stylegan2()
    without = render_images(generator, [replace(scene(1), noise=Noise("none"))])
    assert np.array_equal(without, render_images(generator, [replace(scene(1), noise=Noise("const", strength=0.0))]))
    assert not np.array_equal(without, render_images(generator, [scene(1)]))


def test_random_noise_follows_its_seed() -> None:
    generator = make_stylegan2()
    one, same, other = render_images(generator, [replace(scene(1), noise=Noise("random", seed)) for seed in (1, 1, 2)])
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_model_without_noise_has_no_noise_layers() -> None:
    assert make_stylegan2(noise=False).noise_layers == ()


@pytest.mark.parametrize("damage", ["missing", "superfluous", "wrong shape", "architecture"])
def test_weights_that_do_not_fit_are_one_sentence(damage: str) -> None:
    checkpoint = make_stylegan2().checkpoint()
    weights, config = dict(checkpoint.weights), dict(checkpoint.config)
    match damage:
        case "missing":
            del weights["synthesis.b8.conv0.weight"]
        case "superfluous":
            weights["synthesis.b8.conv9.weight"] = torch.zeros(1)
        case "wrong shape":
            weights["mapping.fc0.weight"] = torch.zeros(3, 3)
        case "architecture":
            config["architecture"] = {**config["architecture"], "resolution": 48}
    with pytest.raises(CheckpointError, match=r"does not fit its own description|impossible network"):
        build_generator(Checkpoint(config, weights), CPU)


def test_shared_synthesis_is_not_changed_by_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = make_stylegan2()
    before = {name: value.clone() for name, value in generator.net.state_dict().items()}
    list(render(generator, scene(1), Resume(), sketch=True))
    assert all(torch.equal(before[name], value) for name, value in generator.net.state_dict().items())
    assert isinstance(generator.net.synthesis, Synthesis)
    assert generator.synthesise(torch.zeros(1, 6, 8), Look()).shape == (1, 3, 16, 16)


def test_weights_that_blow_up_are_told_and_not_shown_as_black() -> None:
    generator = make_stylegan2()
    generator.net.synthesis.b8.conv0.bias.data[0] = torch.inf  # type: ignore[union-attr]
    for draw in (lambda: list(render(generator, scene(1), Resume())), lambda: render_images(generator, [scene(1)])):
        with pytest.raises(SceneError, match="values that are not numbers"):
            draw()
