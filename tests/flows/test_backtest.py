"""`barograph backtest` from a file to a file, and what it says of input it cannot use."""

import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from flows.cli import main

COLUMNS = (
    "model", "train_days", "n_windows", "scrps", "wis", "coverage_80", "coverage_95", "mape", "brier_skill",
    "average_precision", "precision", "recall", "false_alarms_per_week", "seconds",
)  # fmt: skip
START = date(2024, 1, 1)


@pytest.fixture
def frame() -> pl.DataFrame:
    rng = np.random.default_rng(4)
    parts = []
    for name in ("fear/north", "fear/south"):
        y = (0.2 + 0.05 * np.sin(np.arange(130) * 2 * np.pi / 7) + rng.normal(0, 0.01, 130)).round(5)
        days = [START + timedelta(days=d) for d in range(130)]
        parts.append(pl.DataFrame({"unique_id": [name] * 130, "ds": days, "y": y, "n_posts": [2000] * 130}))
    return pl.concat(parts)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_row_a_model_and_training_length_is_written(frame, suffix, tmp_path, capsys):
    given, out = tmp_path / f"series.{suffix}", tmp_path / "new" / f"out.{suffix}"
    (frame.write_csv if suffix == "csv" else frame.write_parquet)(given)
    arguments = ["backtest", "--series", str(given), "--out", str(out), "--models", "climatology,seasonal_naive", "--train-days", "7,84"]
    assert main(arguments) == 0
    table = (pl.read_csv if suffix == "csv" else pl.read_parquet)(out)
    assert table.select("model", "train_days").rows() == [
        ("climatology", 7), ("climatology", 84), ("seasonal_naive", 7), ("seasonal_naive", 84)
    ]  # fmt: skip
    assert set(COLUMNS) <= set(table.columns)
    assert table["n_windows"].to_list() == [12] * 4  # origins on days 83, 90 … 118, two series
    scores = dict(zip(table["model"], table["scrps"], strict=True))
    assert scores["seasonal_naive"] < scores["climatology"]  # a week that repeats
    said = capsys.readouterr().out
    assert "12 windows of 2 series and 6 origins, 2024-03-24 to 2024-04-28; 0 left out" in said
    assert "seasonal_naive" in said
    assert "An alarm on every day of every week: precision" in said


@pytest.mark.parametrize(("first", "model", "said"), [(2019, "house", True), (2024, "house", False), (2019, "climatology", False)])
def test_windows_the_weights_were_trained_on_are_said_to_flatter_them(frame, first, model, said, tmp_path, capsys):
    there = frame.with_columns(pl.col("ds") + (date(first, 1, 1) - START))
    there.write_csv(tmp_path / "s.csv")
    arguments = ["--series", str(tmp_path / "s.csv"), "--out", str(tmp_path / "o.csv"), "--models", model, "--train-days", "28"]
    assert main(["backtest", *arguments]) == 0
    line = "trained on days up to 2019-05-31; earlier windows of the series they learned from flatter them"
    assert (line in capsys.readouterr().out) == said


def test_from_to_step_and_horizon_choose_the_windows(frame, tmp_path):
    frame.write_csv(tmp_path / "s.csv")
    out = tmp_path / "o.csv"
    where = ["--from", "2024-04-01", "--to", "2024-04-12", "--step", "3", "--horizon", "5", "--train-days", "7"]
    assert main(["backtest", "--series", str(tmp_path / "s.csv"), "--out", str(out), "--models", "climatology", *where]) == 0
    assert pl.read_csv(out)["n_windows"].to_list() == [6]  # origins on 1, 4 and 7 April


@pytest.mark.parametrize(
    ("spoil", "options", "said"),
    [
        (lambda f: f.drop("y"), [], "no column y; got unique_id, ds, n_posts; expected unique_id, ds, y and optionally n_posts"),
        (lambda f: pl.concat([f, f.head(1)]), [], "fear/north on 2024-01-01: the day occurs twice; expected one row a day"),
        (lambda f: f.with_columns(y=pl.col("y") * 100), [], "y is 19."),
        (lambda f: f.with_columns(y=pl.lit("high")), [], "fear/north on 2024-01-01: y is 'high'; expected a share from 0 to 1"),
        (lambda f: f.with_columns(y=pl.lit("NaN")), [], "fear/north on 2024-01-01: y is nan; expected a share from 0 to 1"),
        (lambda f: f.with_columns(ds=pl.lit("01/05/2024")), [], "ds of fear/north is '01/05/2024'; expected a day, e.g. 2019-05-31"),
        (lambda f: f.with_columns(ds=pl.lit(17)), [], "ds is Int64, e.g. 17; expected a day, e.g. 2019-05-31"),
        (lambda f: f.with_columns(ds=pl.col("ds").cast(pl.String) + "st"), [], "ds of fear/north is '2024-01-01st'; expected a day"),
        (lambda f: f.with_columns(ds=pl.when(pl.col("y") == pl.col("y").first()).then(date(9999, 1, 1)).otherwise("ds")), [],
         "fear/north on 9999-01-01: a day to come; expected days up to today"),
        (lambda f: f.with_columns(n_posts=pl.lit("many")), [], "fear/north on 2024-01-01: n_posts is 'many'; expected posts behind the share, at least 1"),
        (lambda f: f.with_columns(flagged=pl.lit("maybe")), [], "flagged is String; expected Boolean"),
        (lambda f: f.head(80), [], "no window fits: the longest run of known days is 80, of fear/north; 91 are needed"),
        (lambda f: f, ["--from", "2030-01-01"], "no window fits: the first origin is 2030-01-01, but 2024-05-02 the last with 7 days after it"),
        (lambda f: f, ["--from", "2024-13-01"], "2024-13-01"),
        (lambda f: f, ["--from", "2024-04-01", "--to", "2024-03-01"], "--from and --to: got 2024-04-01 and 2024-03-01"),
        (lambda f: f, ["--models", "climatology,oracle"], "--models: got 'oracle'; expected some of climatology"),
        (lambda f: f, ["--train-days", "7,85"], "--train-days: got '7,85'; expected days from 1 to 84"),
        (lambda f: f, ["--train-days", "week"], "--train-days: got 'week'; expected days from 1 to 84"),
        (lambda f: f, ["--horizon", "0"], "--horizon: got 0; expected at least 1 day"),
        (lambda f: f, ["--horizon", "1000000000000"], "--horizon: got 1000000000000; expected at least 1 day and at most 366"),
        (lambda f: f, ["--step", "-7"], "--step: got -7; expected at least 1 day"),
        (lambda f: f, ["--out", "/dev/null/new/table.csv"], "--out: got /dev/null/new/table.csv; its folder cannot be made"),
        (lambda f: f, ["--out", "table.txt"], "--out: got table.txt; expected a file that ends in .csv or .parquet"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_ends_with_2_and_says_why(frame, spoil, options, said, tmp_path, capsys):
    given, out = tmp_path / "s.csv", tmp_path / "o.csv"
    spoil(frame).write_csv(given)
    last = dict(zip(options[::2], options[1::2], strict=True))
    options = {"--series": str(given), "--out": str(out), "--models": "climatology"} | last
    assert main(["backtest", *(word for pair in options.items() for word in pair)]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert not out.exists()


def test_a_file_that_is_not_there_or_no_table_is_named(tmp_path, capsys):
    broken = tmp_path / "broken.parquet"
    broken.write_text(json.dumps({"y": 1}))
    for given, said in (
        (tmp_path / "none.csv", "no such file; expected series as CSV or Parquet"),
        (broken, "cannot be read"),
        (tmp_path / "s.xlsx", "got a file that ends in '.xlsx'; expected .csv or .parquet"),
    ):
        if given.suffix == ".xlsx":
            given.write_text("")
        assert main(["backtest", "--series", str(given), "--out", str(tmp_path / "o.csv"), "--models", "climatology"]) == 2
        assert f"{given}: {said}" in capsys.readouterr().err
