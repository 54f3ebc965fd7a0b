"""The house model: one network for all series. It gives quantiles from seven days of history on."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import special
from torch import nn

from forecasting.baselines import climatology
from forecasting.calendar import Calendar
from forecasting.features import Inputs, inputs
from forecasting.panel import Panel, Predicted
from forecasting.quantiles import LEVELS
from forecasting.regular import unfit

WEIGHTS = Path(__file__).with_name("house.pt")
NAME = "house"
_MIDDLE = int(np.flatnonzero(LEVELS == 0.5)[0])
_LIMIT = 6.0  # standard deviations beyond which an input says no more
_ROWS = 4096


class Network(nn.Module):
    """(history, day ahead) → 13 quantiles that never cross: a median, and steps up and down from it."""

    means: torch.Tensor
    deviations: torch.Tensor

    def __init__(self, shared: int, targets: int, width: int = 128, dropout: float = 0.2) -> None:
        super().__init__()
        self.register_buffer("means", torch.zeros(shared + targets))
        self.register_buffer("deviations", torch.ones(shared + targets))
        self.history = nn.Linear(shared, width)
        self.day = nn.Linear(targets, width, bias=False)
        self.rest = nn.Sequential(
            nn.SiLU(), nn.Dropout(dropout), nn.Linear(width, width), nn.SiLU(), nn.Dropout(dropout),
            nn.Linear(width, len(LEVELS)),
        )  # fmt: skip

    def forward(self, shared: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """shared (n, F), targets (n, h, G) → (n, h, 13), in daily changes from the last week's mean."""
        f = shared.shape[1]
        shared = ((shared - self.means[:f]) / self.deviations[:f]).clamp(-_LIMIT, _LIMIT)
        targets = ((targets - self.means[f:]) / self.deviations[f:]).clamp(-_LIMIT, _LIMIT)
        out = self.rest(self.history(shared)[:, None] + self.day(targets))
        steps = nn.functional.softplus(out[..., 1:]) * 0.3 + 1e-3
        down, up = steps[..., :_MIDDLE].cumsum(-1), steps[..., _MIDDLE:].cumsum(-1)
        median = out[..., :1]
        return torch.cat([median - down.flip(-1), median, median + up], -1)


@dataclass(frozen=True, eq=False)
class House:
    """Networks whose quantiles are averaged, the calendar they were trained with, and what they were trained on."""

    calendar: Calendar
    networks: list[Network]
    about: dict[str, Any]

    def quantiles(self, given: Inputs) -> np.ndarray:
        """Quantiles of the share (n, horizon, 13)."""
        parts = []
        with torch.inference_mode():
            for i in range(0, len(given.shared), _ROWS):
                shared, targets = (torch.from_numpy(a[i : i + _ROWS]) for a in (given.shared, given.targets))
                parts.append(torch.stack([n(shared, targets) for n in self.networks]).mean(0).double().numpy())
        u = np.concatenate(parts) + given.calendar[..., None]
        return special.expit(given.centre[:, None, None] + given.scale[:, None, None] * u)


def save(house: House, path: Path) -> None:
    """Write weights, calendar and `about` as one file that holds tensors and plain values only."""
    calendar = {name: torch.from_numpy(getattr(house.calendar, name)) for name in ("fixed", "movable")}
    networks = [n.state_dict() for n in house.networks]
    torch.save({"about": house.about, "calendar": calendar, "networks": networks}, path)


@lru_cache(maxsize=2)
def load(path: Path = WEIGHTS) -> House:
    """The model as `save` wrote it. Nothing in the file is executed."""
    kept = torch.load(path, weights_only=True)
    calendar = Calendar(**{name: table.numpy() for name, table in kept["calendar"].items()})
    networks = []
    for state in kept["networks"]:
        width, shared = state["history.weight"].shape
        network = Network(shared, state["day.weight"].shape[1], width)
        network.load_state_dict(state)
        networks.append(network.eval())
    return House(calendar, networks, kept["about"])


def predict(panel: Panel, horizon: int) -> Predicted:
    """Quantiles of every row's share; climatology, and why, where nothing can be fitted (`regular.unfit`)."""
    why = unfit(panel)
    fit = np.array([reason is None for reason in why], dtype=bool)
    plain = climatology(panel, horizon)
    if fit.any():
        house = load()
        plain.quantiles[fit] = house.quantiles(inputs(panel.rows(fit), horizon, house.calendar))
    return Predicted(plain.quantiles, [NAME if reason is None else "climatology" for reason in why], why)
