"""The panels of the right column, in their order. To add one: write its module and add its name here."""

from __future__ import annotations

from explorer.ui.panel import Panel
from explorer.ui.panels.codes import CodesPanel
from explorer.ui.panels.condition import ConditionPanel
from explorer.ui.panels.directions import DirectionsPanel
from explorer.ui.panels.examples import ExamplesPanel
from explorer.ui.panels.guidance import GuidancePanel
from explorer.ui.panels.inversion import InversionPanel
from explorer.ui.panels.latent import LatentPanel
from explorer.ui.panels.layers import LayersPanel
from explorer.ui.panels.likelihood import LikelihoodPanel
from explorer.ui.panels.microscope import MicroscopePanel
from explorer.ui.panels.mixing import MixingPanel
from explorer.ui.panels.noise import NoisePanel
from explorer.ui.panels.posterior import PosteriorPanel
from explorer.ui.panels.prompt import PromptPanel
from explorer.ui.panels.sampling import SamplingPanel
from explorer.ui.panels.start import StartPanel
from explorer.ui.panels.temperature import TemperaturePanel
from explorer.ui.panels.transform import TransformPanel

__all__ = ["PANELS"]

PANELS: tuple[type[Panel], ...] = (
    LatentPanel,
    TemperaturePanel,
    CodesPanel,
    PromptPanel,
    ConditionPanel,
    GuidancePanel,
    SamplingPanel,
    MicroscopePanel,
    StartPanel,
    DirectionsPanel,
    MixingPanel,
    NoisePanel,
    TransformPanel,
    LikelihoodPanel,
    ExamplesPanel,
    PosteriorPanel,
    InversionPanel,
    LayersPanel,
)
