"""How fast a network is with nothing around it: what the program's own speed is compared with."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from explorer.datasets import Dataset
from explorer.encoding import encode_dataset
from explorer.generators import Encodes, Generator, leave_a_core

__all__ = ["dataset_rate", "decode_rate", "encode_rate", "torch_facts"]


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
