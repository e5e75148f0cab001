"""How fast a network is with nothing around it: what the program's own speed is compared with."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final, cast

import torch

from explorer.datasets import Dataset
from explorer.denoising import Runs, resolved, run_scene
from explorer.diffusion import SAMPLERS
from explorer.encoding import encode_dataset
from explorer.generators import Denoises, Encodes, Generator, Look, Resume, StyleGAN2Generator, leave_a_core
from explorer.nets.style_mapping import MappingShape
from explorer.nets.stylegan2 import StyleGAN2, StyleGAN2Shape, StyleLayer
from explorer.render import render
from explorer.runs import change_sampling
from explorer.scene import Latent, Sampling, Scene, Seed

__all__ = ["dataset_rate", "decode_rate", "denoising_rates", "encode_rate", "style_rates", "torch_facts"]

USUAL_WIDTH: Final = 512  # of styles, and of the coarse layers of most StyleGAN2 that people have


@torch.inference_mode()
def decode_rate(generator: Generator, seconds: float) -> float:
    """Forward passes of one picture per second, the result brought to the CPU."""
    latents = torch.randn(1, *generator.latent_shape, device=generator.device)
    return _rate(lambda: generator.decode(latents).cpu(), seconds)


@torch.inference_mode()
def encode_rate(generator: Generator, batch: int, seconds: float) -> float:
    """Pictures per second through the encoder alone, ``batch`` at a time; 0 where there is none."""
    if not isinstance(generator, Encodes):
        return 0.0
    images = torch.randn(batch, *generator.image_shape, device=generator.device)
    encodes: Encodes = generator
    return batch * _rate(lambda: encodes.encode(images).cpu(), seconds)


def dataset_rate(generator: Generator, dataset: Dataset, batch: int, seconds: float) -> float:
    """Pictures per second through the whole of encoding a dataset, after the first batch."""
    stream = encode_dataset(generator, dataset, batch, [], likelihood=False)
    next(stream)
    started, count = time.perf_counter(), 0
    for part in stream:
        count += len(part.indices)
        if time.perf_counter() - started > seconds:
            break
    stream.close()
    return count / (time.perf_counter() - started)


@torch.no_grad()
def denoising_rates(generator: Generator, rounds: int) -> dict[str, float]:
    """Ratios of a diffusion model's runs, as its checkpoint suggests them. Medians of rounds in turn.

    ``bare_steps_per_second``: steps of nothing but the calls of the network that a run makes. ``run_per_bare_call``:
    the speed of a run whose steps are kept and pictured, by that. ``preview_tax``: the part of such a run that its
    pictures take. ``branch_per_share``: the time of a branch from the middle, by the share of the steps after it.
    """
    scene = Scene(latent=Latent(((Seed(0), 1.0),)))
    numbers = itertools.count(1)

    def fresh() -> Scene:
        return replace(scene, latent=Latent(((Seed(next(numbers)), 1.0),)))

    calls = _network_calls(generator, scene)
    kept, pictured = Runs(), [0.0]
    steps = len(list(run_scene(generator, scene, kept)))

    def run() -> None:
        started = time.perf_counter()
        seconds = sum(step.seconds for step in run_scene(generator, fresh(), kept))
        pictured[0] = 1.0 - seconds / (time.perf_counter() - started)

    whole, bare = _in_turn(rounds, run, calls)
    sampling = resolved(cast(Denoises, generator), Sampling())
    begun = fresh()
    list(run_scene(generator, begun, kept))
    scales = itertools.count(2)

    def branch() -> None:
        other = replace(sampling, guidance=float(next(scales)), eta=1e-6 * next(scales))
        list(run_scene(generator, change_sampling(begun, other, steps // 2), kept))

    part, again = _in_turn(rounds, branch, run)
    return {
        "bare_steps_per_second": steps / bare,
        "run_per_bare_call": bare / whole,
        "preview_tax": pictured[0],
        "branch_per_share": part / again / ((steps - steps // 2) / steps),
    }


def _network_calls(generator: Generator, scene: Scene) -> Callable[[], None]:
    """The calls of the network that the run of a scene makes, and nothing else."""
    model = cast(Denoises, generator)
    sampling = resolved(model, scene.denoising.sampling)
    levels = model.schedule.levels(sampling.steps, sampling.spacing)
    noisy, embedding = generator.draw(0)[None].to(generator.device), model.embed([scene.condition])
    if model.can_guide and sampling.guidance != 1.0:
        nothing = model.nothing([scene.condition])
        noisy = torch.cat([noisy, noisy])
        embedding = {name: torch.cat([value, nothing[name]]) for name, value in embedding.items()}

    def calls() -> None:
        leave_a_core()
        for here, there in itertools.pairwise(levels):
            for level in (here, there)[: SAMPLERS[sampling.sampler].calls]:
                model.predict(noisy, level if level.sigma > 0 else here, embedding)

    return calls


@torch.inference_mode()
def style_rates(size: int, rounds: int) -> dict[str, float]:
    """Ratios of a StyleGAN2 of ``size`` pixels and usual widths, with random weights, on the CPU.

    ``reference_per_synthesis_N``: how many times as long as our synthesis the plain one of the papers takes, at batch
    N; ``synthesis_difference``: by how much their pictures differ at most. ``outside_network_share``: the part of the
    time from scene to pixels that is not the network's. ``resumed_per_share``: the time of a picture whose styles
    changed from the middle layer on, by the time of those layers in a whole picture. Medians of rounds in turn.
    """
    from explorer.nets.stylegan2_reference import reference_synthesis

    leave_a_core()
    generator, look, rates = _usual_stylegan2(size), Look(), {}
    rows, middle = len(generator.style_layers), len(generator.style_layers) // 2
    for batch in (1, 8):
        styles = torch.randn(batch, rows, USUAL_WIDTH)
        ours = partial(generator.synthesise, styles, look)
        plain = partial(reference_synthesis, generator.net.synthesis, styles, _own_noise)
        quick, slow = _in_turn(rounds, ours, plain)
        rates[f"reference_per_synthesis_{batch}"] = slow / quick
        rates["synthesis_difference"] = float((ours() - plain()).abs().max())
    scenes = iter(Scene(Latent(((Seed(number), 1.0),))) for number in range(rounds + 1))
    styles = torch.randn(1, rows, USUAL_WIDTH)
    latents = torch.randn(1, USUAL_WIDTH)
    whole, bare = _in_turn(
        rounds,
        lambda: list(render(generator, next(scenes), Resume())),
        lambda: generator.decode(latents),
    )
    rates["outside_network_share"] = max(1.0 - bare / whole, 0.0)
    kept = Resume()

    def change(first: int) -> None:
        styles[:, first:] += 0.1
        generator.synthesise(styles, look, kept)

    whole, part = _in_turn(rounds, partial(change, 0), partial(change, middle))
    rates["resumed_per_share"] = part / max(whole - kept.saved, 1e-9)
    return rates


def _usual_stylegan2(size: int) -> StyleGAN2Generator:
    channels = tuple(min(USUAL_WIDTH, 16_384 // (4 << level)) for level in range(size.bit_length() - 2))
    mapping = MappingShape((USUAL_WIDTH,) * 8)
    shape = StyleGAN2Shape(USUAL_WIDTH, USUAL_WIDTH, 0, 3, size, channels, mapping, clamp=256.0)
    return StyleGAN2Generator({"family": "stylegan2", "name": f"random-{size}"}, StyleGAN2(shape), torch.device("cpu"))


def _own_noise(index: int, layer: StyleLayer) -> torch.Tensor:
    return layer.noise_const[None, None] * layer.noise_strength


def _in_turn(rounds: int, one: Callable[[], object], other: Callable[[], object]) -> tuple[float, float]:
    """Median seconds of two pieces of work, done in turn so that a busy machine slows both; the first is a warm-up."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 1):
        for work, taken in zip((one, other), seconds, strict=True):
            started = time.perf_counter()
            work()
            taken.append(time.perf_counter() - started)
    return statistics.median(seconds[0][1:]), statistics.median(seconds[1][1:])


def torch_facts() -> dict[str, str | int]:
    """What computes here."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return {"torch": torch.__version__, "threads": torch.get_num_threads(), "device": device}


def _rate(work: Callable[[], object], seconds: float) -> float:
    leave_a_core()  # as rendering does
    work()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        work()
        count += 1
    return count / (time.perf_counter() - started)
