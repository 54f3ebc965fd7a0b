"""Training: an origin shows nothing of what comes after it, and what is learned is better than nothing learned."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from forecasting import train as training
from forecasting.calendar import KINDS, Calendar
from forecasting.evaluation import crps
from forecasting.features import LONGEST, inputs
from forecasting.network import House, Network, load
from forecasting.panel import DAYS, Panel
from forecasting.quantiles import LEVELS
from forecasting.simulated import Archive, simulate
from forecasting.train import examples, fit, main, read, train

NAN = float("nan")
START = date(2016, 1, 1)
RNG = np.random.default_rng(1)
CALENDAR = Calendar(RNG.normal(0, 1, (len(KINDS), 372)), RNG.normal(0, 1, (len(KINDS), 16)))


def days(n: int) -> np.ndarray:
    return np.datetime64(START) + np.arange(n)


def archive(n: int, length: int, posts: float = 20.0, seed: int = 1) -> Archive:
    """Series of four markers in as many populations as it takes."""
    markers = np.array([["joy", "fear", "anger", "surprise"][i % 4] for i in range(n)], dtype=object)
    places = np.array([f"p{i // 4}" for i in range(n)], dtype=object)
    y = np.random.default_rng(seed).uniform(0.1, 0.9, (n, length))
    return Archive(markers + "/" + places, markers, places, days(length), y, np.full((n, length), posts))


def test_an_archive_is_read_on_common_days_up_to_one(tmp_path: Path) -> None:
    rows = [("joy/a", 0, 0.1, 10), ("joy/a", 2, 0.3, None), ("joy/a", 9, 0.9, 10), ("fear/far/b", 1, None, 5), ("alone", 2, 0.2, 7)]
    pl.DataFrame(
        [(name, START + timedelta(days=d), y, n) for name, d, y, n in reversed(rows)],
        schema={"unique_id": pl.String, "ds": pl.Date, "y": pl.Float64, "n_posts": pl.Int64}, orient="row",
    ).write_parquet(tmp_path / "series.parquet")  # fmt: skip
    found = read(tmp_path / "series.parquet", START + timedelta(days=3))
    assert found.names.tolist() == ["alone", "fear/far/b", "joy/a"]
    assert found.markers.tolist() == ["", "fear/far", "joy"]
    assert found.populations.tolist() == ["", "b", "a"]
    np.testing.assert_array_equal(found.days, days(4))
    np.testing.assert_array_equal(found.y, [[NAN, NAN, 0.2, NAN], [NAN] * 4, [0.1, NAN, 0.3, NAN]])
    np.testing.assert_array_equal(found.n_posts, [[NAN, NAN, 7, NAN], [NAN, 5, NAN, NAN], [10, NAN, NAN, NAN]])
    assert read(tmp_path / "series.parquet", START + timedelta(days=3), ("a",)).names.tolist() == ["alone", "fear/far/b"]
    assert read(tmp_path / "series.parquet", START + timedelta(days=3), ("a", "b")).names.tolist() == ["alone"]


@pytest.mark.parametrize("posts", [20.0, NAN])
def test_nothing_after_an_origin_is_shown(posts: float) -> None:
    known = archive(40, DAYS + LONGEST, posts)  # long enough for one origin
    changed = Archive(known.names, known.markers, known.populations, known.days, known.y.copy(), known.n_posts)
    changed.y[:, DAYS:] = np.random.default_rng(2).uniform(0.1, 0.9, (40, LONGEST))
    one, other = (examples(a, CALENDAR, np.random.default_rng(5), share=1.0) for a in (known, changed))
    assert one["shared"].shape[0] == one["u"].shape[0] == 40
    np.testing.assert_array_equal(one["shared"], other["shared"])
    np.testing.assert_array_equal(one["targets"], other["targets"])
    np.testing.assert_array_equal(one["weight"], other["weight"])
    assert (one["u"] != other["u"]).mean() > 0.8
    changed.y[:, DAYS - 1] = 0.5
    assert (examples(changed, CALENDAR, np.random.default_rng(5), share=1.0)["shared"] != one["shared"]).any()


def test_what_came_is_told_in_the_units_of_the_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    for chance in ("_THINNED", "_HIDDEN", "_ALONE"):
        monkeypatch.setattr(training, chance, 0.0)
    known = archive(40, DAYS + LONGEST, NAN)
    made = examples(known, CALENDAR, np.random.default_rng(5), share=1.0)
    # The 40 histories of one origin have one length, and few have days left out.
    length = round(np.exp(made["shared"][:, 50].max() * 4))
    ends = np.full(40, known.days[DAYS - 1])
    shown = Panel(known.names, known.markers, known.populations, ends, known.y[:, DAYS - length : DAYS], known.n_posts[:, DAYS - length : DAYS])
    given = inputs(shown, LONGEST, CALENDAR)
    whole = np.isclose(made["shared"][:, :70], given.shared[:, :70], atol=1e-5).all(axis=1)
    assert whole.mean() > 0.7
    z = np.log(known.y / (1 - known.y))[:, DAYS:]
    expected = (z - given.centre[:, None]) / given.scale[:, None] - given.calendar
    np.testing.assert_allclose(made["u"][whole], expected[whole], rtol=1e-4, atol=1e-4)


def test_days_that_are_unknown_are_no_origin_and_nothing_made_is_a_hole() -> None:
    known = archive(12, 200)
    known.y[0, 150] = NAN
    known.n_posts[1], known.n_posts[2] = NAN, 0.0
    made = examples(known, CALENDAR, np.random.default_rng(5), share=1.0)
    origins = 200 - LONGEST - (DAYS - 1)
    spoilt = sum(150 - LONGEST <= origin < 150 + DAYS for origin in range(DAYS - 1, 200 - LONGEST))
    assert len(made["u"]) == 12 * origins - spoilt
    assert {name for name, values in made.items() if not np.isfinite(values).all()} == set()


def test_histories_of_all_lengths_with_days_left_out_are_shown_but_never_without_a_late_one() -> None:
    made = examples(archive(40, 300), CALENDAR, np.random.default_rng(5), share=1.0)["shared"]
    known, late = np.exp(made[:, 50] * 4).round(), made[:, 14:28]
    assert set(known) >= set(range(7, DAYS + 1))
    for days_, least in ((7, 0.05), (28, 0.05), (84, 0.05)):
        assert (known == days_).mean() > least
    assert 0.02 < (late[:, 7:] == 0).any(axis=1).mean() < 0.15
    assert late[:, -7:].any(axis=1).all()


def small(seed: int, n: int = 30) -> Archive:
    return simulate(n, days(DAYS + LONGEST + 60), np.random.default_rng(seed))


def miss(house: House, of: Archive) -> float:
    """CRPS over the daily change, of the last days of each series."""
    known = np.full(len(of.names), of.days[-1 - LONGEST])
    histories = Panel(of.names, of.markers, of.populations, known, of.y[:, :-LONGEST], of.n_posts[:, :-LONGEST])
    quantiles = house.quantiles(inputs(histories, LONGEST, house.calendar))
    return float((crps(quantiles, of.y[:, -LONGEST:]) / np.abs(np.diff(of.y, axis=1)).mean(axis=1, keepdims=True)).mean())


def test_what_is_trained_is_better_than_what_is_not_and_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_BATCH", 128)
    made, again = (train(small(1), 3, networks=1, rounds=2, epochs=12, width=32) for _ in range(2))
    assert made.about == {
        "trained_until": str(days(158)[-1]), "series": 30, "networks": 1, "rounds": 2, "epochs": 12, "width": 32, "seed": 3,
    }  # fmt: skip
    for name, values in made.networks[0].state_dict().items():
        torch.testing.assert_close(values, again.networks[0].state_dict()[name])
    torch.manual_seed(3)
    untrained = Network(92, 25, 32).eval()
    untrained.means, untrained.deviations = made.networks[0].means, made.networks[0].deviations
    unseen = small(2, 200)
    assert miss(made, unseen) < 0.95 * miss(House(made.calendar, [untrained], {}), unseen)


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_few_examples_and_uneven_rounds_are_learned_from_too(epochs: int) -> None:
    """Fewer than a batch is a batch; the rate's schedule has as many steps as are taken."""
    rounds = [examples(archive(8, length), CALENDAR, np.random.default_rng(1), share=1.0) for length in (110, 400)]
    assert len(rounds[0]["u"]) < 1024 < len(rounds[1]["u"])
    for seed in (0, 1):
        torch.manual_seed(seed)
        fresh = Network(92, 25, 8)
        assert not torch.equal(fit(rounds, seed, epochs, 8).day.weight, fresh.day.weight)


def test_loss_is_least_at_the_quantiles_of_what_came() -> None:
    """With nothing to go by, the network learns the distribution itself."""
    u = np.random.default_rng(1).normal(1, 1, (8192, 2)).astype(np.float32)
    blank = {"shared": np.zeros((8192, 3), np.float32), "targets": np.zeros((8192, 2, 4), np.float32)}
    learned = fit([{**blank, "u": u, "weight": np.ones(8192, np.float32)}], 1, 60, 16)
    with torch.inference_mode():
        found = learned(torch.zeros(1, 3), torch.zeros(1, 2, 4))[0].numpy()
    np.testing.assert_allclose(found, np.quantile(u, LEVELS)[None].repeat(2, axis=0), atol=0.15)


def test_the_command_writes_a_file_that_forecasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "simulate", lambda _, when, rng: simulate(2, when, rng))
    of = archive(8, 140, 500)
    pl.DataFrame({
        "unique_id": np.repeat(of.names, 140).tolist(), "ds": np.tile(of.days, 8), "y": of.y.ravel(), "n_posts": of.n_posts.ravel().astype(int),
    }).write_parquet(tmp_path / "series.parquet")  # fmt: skip
    main(series=tmp_path / "series.parquet", until=date(2016, 5, 1), out=tmp_path / "model.pt", without=("p1",), networks=2, epochs=1)
    made = load(tmp_path / "model.pt")
    assert made.about["trained_until"] == "2016-05-01"
    assert (made.about["series"], made.about["networks"], len(made.networks)) == (4, 2, 2)
    assert np.isfinite(miss(made, small(3, 5)))
