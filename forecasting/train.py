"""Train the house model: `python -m forecasting.train`. It writes forecasting/house.pt; two cores take half an hour.

Each round draws origins, cuts histories to 7 to 84 days, thins some to a few posts a day, leaves days out, hides what
a marker is called or who else there is, so that the network meets all it will be asked about. Networks are trained
from different seeds on the same rounds; their quantiles are averaged.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import cyclopts
import numpy as np
import polars as pl
import torch
from torch import nn

from forecasting.calendar import KINDS, Calendar, kind_of, learn
from forecasting.features import LONGEST, inputs
from forecasting.network import WEIGHTS, House, Network, save
from forecasting.panel import DAYS, SHORTEST, Panel
from forecasting.quantiles import LEVELS
from forecasting.simulated import Archive, simulate

UNTIL = date(2019, 5, 31)
"""The last day that shipped weights have seen."""
_BATCH = 1024
_THINNED, _GAPPY, _HIDDEN, _ALONE = 0.3, 0.15, 0.25, 0.2
_EVENT = 1.5  # daily changes from which a day of the calendar can stand for an event
_POPULATION = "/([^/]*)$"
Examples = dict[str, np.ndarray]


def read(path: Path, until: date, without: Sequence[str] = ()) -> Archive:
    """Every series of a file up to a day, on common days, but not those of populations `without`.

    path: Parquet with `unique_id` (marker/population), `ds` (Date), `y` and `n_posts`, NULL where unknown.
    """
    left_out = pl.col("unique_id").str.extract(_POPULATION).fill_null("").is_in(without)
    found = pl.read_parquet(path).filter(pl.col("ds") <= until, ~left_out)
    days = np.arange(np.datetime64(found.select(pl.col("ds").min()).item()), np.datetime64(until) + 1)
    names = found["unique_id"].unique().sort()
    y, n_posts = (np.full((len(names), len(days)), np.nan) for _ in range(2))
    where = (names.search_sorted(found["unique_id"]).to_numpy(), (found["ds"].to_numpy() - days[0]).astype(int))
    y[where], n_posts[where] = found["y"].to_numpy(), found["n_posts"].to_numpy()
    parts = (names.str.extract(pattern).fill_null("") for pattern in ("^(.*)/", _POPULATION))
    markers, populations = (part.to_numpy().astype(object) for part in parts)
    return Archive(names.to_numpy().astype(object), markers, populations, days, y, n_posts)


def examples(archive: Archive, calendar: Calendar, rng: np.random.Generator, share: float = 0.5) -> Examples:
    """One round: what the network sees of a random share of origins, and what came of it."""
    origins = np.arange(DAYS - 1, len(archive.days) - LONGEST)
    origins = np.sort(rng.choice(origins, int(share * len(origins)), replace=False))
    back, on = np.arange(1 - DAYS, 1), np.arange(1, LONGEST + 1)
    whole = np.isfinite(np.lib.stride_tricks.sliding_window_view(archive.y, DAYS + LONGEST, axis=1)).all(axis=2)
    series, at = np.nonzero(whole[:, origins - DAYS + 1])
    origin = origins[at]
    history, future = ((series[:, None], origin[:, None] + k) for k in (back, on))
    y, n, truth, n_truth = (a[k] for k in (history, future) for a in (archive.y, archive.n_posts))

    counted = (n > 0).all(axis=1) & (n_truth > 0).all(axis=1)
    thin = (rng.random(len(series)) < _THINNED) & counted
    posts = np.exp(rng.uniform(np.log(20), np.log(20_000), len(series))).round()
    for value, count in ((y, n), (truth, n_truth)):
        few = np.maximum(np.minimum(np.nan_to_num(count), posts[:, None]), 1).astype(np.int64)
        value[thin] = (rng.binomial(few, np.clip(value, 0, 1)) / few)[thin]
        count[thin] = few[thin]
    change = np.abs(np.diff(y, axis=1)).mean(axis=1)

    # One length an origin: whoever is read together has a history of one length.
    lengths = np.exp(rng.uniform(np.log(7), np.log(DAYS + 1), len(origins))).astype(int)
    lengths = np.where(rng.random(len(origins)) < 0.3, rng.choice([7, 28, DAYS], len(origins)), lengths)[at]
    y[np.arange(DAYS) < DAYS - lengths[:, None]] = np.nan
    gappy = (rng.random(len(series)) < _GAPPY) & (lengths >= 14)
    lost = gappy[:, None] & (rng.random(y.shape) < rng.uniform(0, 0.4, (len(series), 1)))
    late = np.where(gappy, rng.integers(0, SHORTEST, len(series)), 0)  # days at the end that are not known yet
    lost |= np.arange(DAYS) >= DAYS - late[:, None]
    lost[:, -SHORTEST] = False  # one of the last seven is
    y[lost] = np.nan

    markers, populations = archive.markers[series], archive.populations[series]
    kinds = np.array([kind_of(m) for m in archive.markers])[series]
    everyone = np.unique(archive.populations)
    hidden = everyone[rng.random(len(everyone)) < _HIDDEN]
    alone = (rng.random(len(origins)) < _ALONE)[at]
    panel = Panel(
        archive.names[series], np.where(alone, "", markers), np.where(alone, "", populations), archive.days[origin],
        y, n, _events(hidden[::2], archive.days, calendar),
    )  # fmt: skip
    given = inputs(panel, LONGEST, calendar, np.where(np.isin(populations, hidden), -1, kinds))
    z = replace(panel, y=truth, n_posts=n_truth).z
    middle = 1 / (1 + np.exp(-given.centre))
    return {
        "shared": given.shared, "targets": given.targets,
        "u": ((z - given.centre[:, None]) / given.scale[:, None] - given.calendar).astype(np.float32),
        "weight": np.clip(given.scale * middle * (1 - middle) / (change + 1e-6), 0.1, 3).astype(np.float32),
    }  # fmt: skip


def _events(populations: np.ndarray, days: np.ndarray, calendar: Calendar) -> dict[str, np.ndarray]:
    """To who is not told the calendar, its great days are events known beforehand."""
    kinds = np.arange(len(KINDS))
    great = np.abs(calendar.effects(kinds, np.broadcast_to(days, (len(kinds), len(days))))).max(axis=0) > _EVENT
    return dict.fromkeys(populations, days[great])


def fit(rounds: list[Examples], seed: int, epochs: int, width: int) -> Network:
    """One network: mean pinball loss over the 13 levels, in shares over the usual daily change of 84 days."""
    torch.manual_seed(seed)
    tensors = [{name: torch.from_numpy(values) for name, values in r.items()} for r in rounds]
    shared, targets = (tensors[0][name] for name in ("shared", "targets"))
    network = Network(shared.shape[1], targets.shape[2], width)
    flat = targets.flatten(0, 1)
    network.means.copy_(torch.cat([shared.mean(0), flat.mean(0)]))
    network.deviations.copy_(torch.cat([shared.std(0), flat.std(0)]) + 1e-3)
    passes = [tensors[(epoch + seed) % len(rounds)] for epoch in range(epochs)]
    batches = [max(1, len(r["u"]) // _BATCH) for r in passes]
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=sum(batches) + 1, pct_start=0.1)
    levels = torch.tensor(LEVELS, dtype=torch.float32)
    for r, n in zip(passes, batches, strict=True):
        order = torch.randperm(len(r["u"]))
        for i in range(n):
            batch = {name: values[order[i * _BATCH : (i + 1) * _BATCH]] for name, values in r.items()}
            miss = batch["u"][..., None] - network(batch["shared"], batch["targets"])
            loss = (torch.maximum(levels * miss, (levels - 1) * miss).mean((1, 2)) * batch["weight"]).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    return network.eval()


def train(archive: Archive, seed: int, networks: int = 6, rounds: int = 8, epochs: int = 24, width: int = 128) -> House:
    """The house model of an archive; the same arguments give the same weights."""
    rng = np.random.default_rng(seed)
    kinds = np.array([kind_of(m) for m in archive.markers])
    ends = np.full(len(kinds), archive.days[-1])
    whole = Panel(archive.names, archive.markers, archive.populations, ends, archive.y, archive.n_posts)
    calendar = learn(whole.z, kinds, archive.days)
    drawn = []
    for i in range(rounds):
        real = examples(archive, calendar, rng)
        made = examples(simulate(60, archive.days[-900:], rng), calendar, rng)
        drawn.append({name: np.concatenate([real[name], made[name]]) for name in real})
        print(f"round {i + 1} of {rounds}: {len(real['u']):,} real histories, {len(made['u']):,} simulated")
    fitted = []
    for i in range(networks):
        fitted.append(fit(drawn, seed + i, epochs, width))
        print(f"network {i + 1} of {networks}")
    about = {
        "trained_until": str(archive.days[-1]), "series": len(archive.names), "networks": networks, "rounds": rounds,
        "epochs": epochs, "width": width, "seed": seed,
    }  # fmt: skip
    return House(calendar, fitted, about)


def main(
    *,
    series: Path | None = None,
    until: date = UNTIL,
    out: Path = WEIGHTS,
    without: tuple[str, ...] = (),
    networks: int = 6,
    epochs: int = 24,
    seed: int = 1,
) -> None:
    """Train on every series up to a day and write the weights.

    Parameters
    ----------
    series: long-format Parquet with unique_id, ds, y, n_posts; else markers_daily.parquet of BAROGRAPH_SHARED.
    until: the last day seen.
    out: the file to write.
    without: populations to leave out, so that they can be forecast as ones never seen.
    networks: how many are averaged.
    epochs: rounds each network goes through.
    seed: of everything drawn.

    """
    path = series or Path(os.environ.get("BAROGRAPH_SHARED", "../shared")) / "data/series/markers_daily.parquet"
    save(train(read(path, until, without), seed, networks, epochs=epochs), out)
    print(f"wrote {out}")


if __name__ == "__main__":
    cyclopts.run(main)
