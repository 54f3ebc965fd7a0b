"""Many small gated recurrent networks (GRU; Cho et al. 2014) trained side by side, each on one window of its own."""

import numpy as np
import torch

UNITS, EPOCHS, RATE = 8, 25, 0.002  # more units, longer or faster: worse on origins before June 2019
_SEED = 1


def fit(days: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Networks (groups) that learn the next day of `days` (groups, days, markers); mean squared error, RMSProp.

    Returns what each expects after its last day (groups, steps, markers), a step read as the day before the next, and
    what it would have expected after every day (groups, days, steps, markers). All begin with the same weights, and
    learn nothing from each other: the same window, the same answer.
    """
    seen = torch.tensor(days, dtype=torch.float32)
    weights = _weights(len(days), days.shape[2])
    learn = torch.optim.RMSprop(weights, lr=RATE)
    for _ in range(EPOCHS):
        learn.zero_grad()
        # The sum over groups: a network's gradient is that of its own mean.
        loss = ((_next(weights, _read(weights, seen))[:, :-1] - seen[:, 1:]) ** 2).mean(dim=(1, 2)).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        learn.step()
    with torch.no_grad():
        state = _read(weights, seen)
        then = []
        for _ in range(steps):
            then.append(_next(weights, state))
            state = _step(weights, then[-1], state)
        expected = torch.stack(then, dim=2).double().numpy()
    return expected[:, -1], expected


def _weights(groups: int, markers: int) -> list[torch.Tensor]:
    """From what is seen, from the state, their biases, to what is expected and its bias, the same for all groups."""
    source = torch.Generator().manual_seed(_SEED)
    shapes = [(markers, 3 * UNITS), (UNITS, 3 * UNITS), (1, 3 * UNITS), (1, 3 * UNITS), (UNITS, markers), (1, markers)]
    bound = UNITS**-0.5
    first = [(torch.rand(shape, generator=source) * 2 - 1) * bound for shape in shapes]
    return [part.expand(groups, *part.shape).clone().requires_grad_() for part in first]


def _step(weights: list[torch.Tensor], seen: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """The state (groups, rows, units) after one more day `seen` (groups, rows, markers)."""
    into, within, bias_into, bias_within, _, _ = weights
    reset_in, update_in, new_in = (torch.bmm(seen, into) + bias_into).chunk(3, dim=2)
    reset_by, update_by, new_by = (torch.bmm(state, within) + bias_within).chunk(3, dim=2)
    update = torch.sigmoid(update_in + update_by)
    new = torch.tanh(new_in + torch.sigmoid(reset_in + reset_by) * new_by)
    return (1 - update) * new + update * state


def _read(weights: list[torch.Tensor], seen: torch.Tensor) -> torch.Tensor:
    """The state (groups, days, units) after each day."""
    state = seen.new_zeros(len(seen), 1, UNITS)
    states = []
    for day in range(seen.shape[1]):
        state = _step(weights, seen[:, day : day + 1], state)
        states.append(state)
    return torch.cat(states, dim=1)


def _next(weights: list[torch.Tensor], state: torch.Tensor) -> torch.Tensor:
    """The day (groups, rows, markers) expected after each state."""
    return torch.bmm(state, weights[4]) + weights[5]
