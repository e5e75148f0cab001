"""Diffusion models as maths: noise levels, predictions, samplers, guidance, inversion, likelihood."""

from __future__ import annotations

from explorer.diffusion.forward import decibels, noised
from explorer.diffusion.guidance import guide, scale_at
from explorer.diffusion.inversion import invert
from explorer.diffusion.levels import Level, Schedule
from explorer.diffusion.likelihood import log_likelihood
from explorer.diffusion.predictions import PREDICTION_TYPES, Prediction, boundary_scalings, clipped, edm_scalings
from explorer.diffusion.samplers import SAMPLERS, Sampler, denoise, samplers_for
from explorer.diffusion.schedules import (
    CosineSchedule,
    DiscreteSchedule,
    FlowSchedule,
    KarrasSchedule,
)
from explorer.diffusion.step import Predict, Step
from explorer.diffusion.tables import (
    cosine_alphas_cumprod,
    cumulative,
    linear_betas,
    rescale_betas_zero_snr,
    scaled_linear_betas,
    sigmoid_alphas_cumprod,
    sigmoid_betas,
)

__all__ = [
    "PREDICTION_TYPES",
    "SAMPLERS",
    "CosineSchedule",
    "DiscreteSchedule",
    "FlowSchedule",
    "KarrasSchedule",
    "Level",
    "Predict",
    "Prediction",
    "Sampler",
    "Schedule",
    "Step",
    "boundary_scalings",
    "clipped",
    "cosine_alphas_cumprod",
    "cumulative",
    "decibels",
    "denoise",
    "edm_scalings",
    "guide",
    "invert",
    "linear_betas",
    "log_likelihood",
    "noised",
    "rescale_betas_zero_snr",
    "samplers_for",
    "scale_at",
    "scaled_linear_betas",
    "sigmoid_alphas_cumprod",
    "sigmoid_betas",
]
