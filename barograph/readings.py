"""Calibrated probabilities of millions of posts as arrays: the cells of any population in one pass over them."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from barograph.calibration import (
    FEWEST_POSTS,
    GROUPS,
    LEAST_POWER,
    ROUNDING,
    WINDOW_DAYS,
    Floats,
    Mean,
    Part,
    mean_probability,
    trailing,
)  # fmt: skip

_ADJUSTED = f"base rate of the {WINDOW_DAYS} days"
_FEW = f"base rate as fitted: fewer than {FEWEST_POSTS:,} posts in {WINDOW_DAYS} days"
_WEAK = f"base rate as fitted: TPR − FPR below {LEAST_POWER:g}"
_FITTED = ("probability", "base_rate", "power", "fitted_on")
_EPOCH = date(1970, 1, 1)
_ODD = np.uint64(0x9E3779B97F4A7C15)
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Readings:
    """The posts of some days, by number, and the markers they have evidence of.

    places, posts, levels, read: as `Warehouse.readings` returns them.
    """

    units = ("posts", "authors")

    def __init__(self, places: pl.DataFrame, posts: pl.DataFrame, levels: pl.DataFrame, read: pl.DataFrame) -> None:
        self.places, posts, levels, read = (
            places.sort("place"),
            posts.sort("post"),
            levels.sort("level"),
            read.sort("level"),
        )
        # Days from the first one on, without a gap.
        ordinal = posts["time_value"].to_physical().to_numpy().astype(np.int64)
        first = int(ordinal.min()) if len(ordinal) else 0
        self.days = [_EPOCH + timedelta(days=first + i) for i in range(int(ordinal.max(initial=first - 1)) - first + 1)]
        self.day, self.known = ordinal - first, posts["known"].to_numpy()
        self.place = np.searchsorted(self.places["place"].to_numpy(), posts["place"].to_numpy())
        cluster = posts["cluster"].to_numpy()
        self.cell = self.day * GROUPS + (cluster % GROUPS).astype(np.int64)
        # An author on a day is known by a hash of both, as the author is.
        hashes, self.author_day = np.unique(cluster + self.day.astype(np.uint64) * _ODD, return_inverse=True)
        self.day_of, self.known_of = np.zeros(len(hashes), np.int64), np.zeros(len(hashes), np.bool_)
        self.day_of[self.author_day], self.known_of[self.author_day] = self.day, self.known

        level = read["level"].to_numpy()
        self.read_post = read["post"].to_numpy()
        self.first_read = np.searchsorted(level, np.arange(levels.height + 1, dtype=level.dtype))
        self.levels: dict[str, tuple[int, Floats]] = {
            str(marker): (rows["level"][0], rows["probability"].to_numpy())
            for (marker,), rows in levels.group_by("marker")
        }
        """Marker → its first level, and the probabilities of its levels, ascending."""
        first_level = levels.select(pl.col("level").min().over("marker")).to_series().to_numpy()
        self._population: _Population | None = None
        """The last one asked for: markers of other languages are often of the same places."""
        self.read_cell = (level - first_level[level]).astype(np.int64) * self.n_cells + self.cell[self.read_post]

    @property
    def n_cells(self) -> int:
        """Days times groups of authors."""
        return len(self.days) * GROUPS

    def cells(self, members: Mask, calibrations: pl.DataFrame) -> pl.DataFrame:
        """Prevalence of one population, of the markers of `calibrations`, which are of the same languages.

        members: which of the places are in it, (n_places,), all in these languages. Returns one row a marker, unit and
        day: `marker, unit, time_value`, `prevalence, variance, spread, groups` as in `Mean`, `label_source`, the posts
        and known authors counted, `n_posts, n_authors`, and over clusters `size` = Σn and `squared_sizes` = Σn².
        """
        if self._population is None or not np.array_equal(self._population.members, members):
            self._population = _Population(self, members)
        mine = self._population
        counted = {unit: mine.counted(unit) for unit in self.units}
        days, found = pl.Series("time_value", self.days, pl.Date), []
        for (marker,), fitted in calibrations.group_by("marker", maintain_order=True):
            read, labels = mine.read(str(marker), fitted)
            label = pl.Series("label_source", labels, pl.String)
            for unit, mean in mine.means(read).items():
                named = {"marker": pl.lit(marker), "unit": pl.lit(unit)}
                columns = pl.DataFrame(mean._asdict()).fill_nan(None)
                found.append(counted[unit].with_columns(*columns, label, days, **named))
        return pl.concat(found)


class _Alike(NamedTuple):
    """Posts of one population whose languages share their calibrations."""

    totals: dict[str, Floats]
    """By unit, what they count by day and group: (1, n_days, GROUPS)."""
    n_window: Floats
    """How many they are in the 28 days that end with each day."""
    sizes: Ints
    """How many each author has on each day."""
    mine: Mask
    """Which of all posts they are."""


class _Read(NamedTuple):
    """Posts of one marker that are read with one calibration."""

    posts: _Alike
    evident: Ints
    """Those with evidence."""
    cell: Ints
    """Of each of these: level of the marker, day and group, as one number."""
    probabilities: Floats
    """Of the levels."""
    constant: float
    fitted_at: float
    adjusted: Mask


class _Population:
    """The posts of one population, and what each counts."""

    def __init__(self, readings: Readings, members: Mask) -> None:
        self.r, self.members = readings, members
        self.sizes = self._sizes(members[readings.place])
        # What a post counts where each author counts once a day: a multiple of 2⁻³⁰, so that sums are exact.
        self.once = (np.round(2.0**30 / np.maximum(self.sizes, 1)) / 2.0**30)[readings.author_day] * readings.known
        self._alike: dict[tuple[str, ...], _Alike] = {}

    def counted(self, unit: str) -> pl.DataFrame:
        """A row a day: `n_posts, n_authors, size, squared_sizes`."""
        n = self.sizes * (self.r.known_of if unit == "authors" else 1)
        size, n_authors = self._daily(n), self._daily(self.r.known_of & (self.sizes > 0))
        counts = {"n_posts": size.astype(np.int64), "n_authors": n_authors.astype(np.int64)}
        return pl.DataFrame({**counts, "size": size, "squared_sizes": self._daily(n.astype(np.float64) ** 2)})

    def read(self, marker: str, fitted: pl.DataFrame) -> tuple[list[_Read], list[str | None]]:
        """Its posts by calibration, and for each day what they are read with. fitted: calibrations of the marker."""
        found, said = [], [set[str]() for _ in self.r.days]
        for (constant, fitted_at, power, fitted_on), rows in fitted.group_by(_FITTED, maintain_order=True):
            alike = self._of(tuple(rows["lang"]))
            adjusted = (alike.n_window >= FEWEST_POSTS) & (power >= LEAST_POWER)
            found.append(_Read(alike, *self._evident(marker, alike), constant, fitted_at, adjusted))
            for day in np.flatnonzero(alike.n_window):
                how = _ADJUSTED if adjusted[day] else _WEAK if power < LEAST_POWER else _FEW
                said[day].add(f"{fitted_on}; {how}")
        return found, [" and ".join(sorted(each)) or None for each in said]

    def means(self, read: Sequence[_Read]) -> dict[str, Mean]:
        """By unit, the mean probability of each day.

        Its variance is taken over authors where all base rates are as fitted, else over groups of them.
        """
        found = {unit: mean_probability([self._part(one, unit) for one in read]) for unit in self.r.units}
        fitted = ~np.any([one.adjusted for one in read], axis=0)
        if fitted.any():
            sums = self._sums(read)
            for unit, mean in found.items():
                exact = self._as_fitted(sums, fitted, unit)
                found[unit] = Mean(
                    mean[0], *(np.where(fitted, new, old) for new, old in zip(exact, mean[1:], strict=True))
                )
        return found

    def _of(self, langs: tuple[str, ...]) -> _Alike:
        if langs not in self._alike:
            r = self.r
            mine = (self.members & r.places["lang"].is_in(langs).to_numpy())[r.place]
            totals = {"posts": self._sum(r.cell[mine]), "authors": self._sum(r.cell[mine], self.once[mine])}
            self._alike[langs] = _Alike(
                totals=totals,
                n_window=trailing(totals["posts"])[0].sum(axis=-1),
                sizes=self._sizes(mine),
                mine=mine,
            )
        return self._alike[langs]

    def _part(self, read: _Read, unit: str) -> Part:
        """What the posts count by level, day and group; the first level is that without evidence."""
        total, weight = read.posts.totals[unit], self.once[read.evident] if unit == "authors" else None
        evident = self._sum(read.cell, weight, len(read.probabilities))
        counts = np.concatenate([total - evident.sum(axis=0), evident])
        return Part(counts, np.append(read.constant, read.probabilities), read.fitted_at, read.adjusted)

    def _evident(self, marker: str, alike: _Alike) -> tuple[Ints, Ints, Floats]:
        """The posts with evidence of a marker, the cell of each, and the probabilities of the marker's levels."""
        first, probabilities = self.r.levels.get(marker, (0, np.zeros(0)))
        rows = slice(*self.r.first_read[[first, first + len(probabilities)]])
        if not alike.n_window.any():
            rows = slice(0)
        post, cell = self.r.read_post[rows], self.r.read_cell[rows]
        kept = np.flatnonzero(alike.mine[post])
        return post[kept], cell[kept], probabilities

    def _sums(self, read: Sequence[_Read]) -> Floats:
        """Sum of the probabilities of each author's posts of each day, at the base rates as fitted."""
        sums = np.zeros(len(self.r.day_of))
        for one in read:
            more = (one.probabilities - one.constant)[one.cell // self.r.n_cells]
            author_day = self.r.author_day[one.evident]
            sums += one.constant * one.posts.sizes + np.bincount(author_day, more, minlength=len(sums))
        return sums

    def _as_fitted(self, sums: Floats, fitted: Mask, unit: str) -> tuple[Floats, Floats, Ints]:
        """Variance, spread and clusters of the days `fitted`, linearised over authors as that of a share is."""
        counted = fitted[self.r.day_of] & (self.sizes > 0) & (self.r.known_of | (unit == "posts"))
        day, n, x = self.r.day_of[counted], self.sizes[counted], sums[counted]
        weight, n_days = n if unit == "posts" else np.ones(len(n)), len(self.r.days)
        total, clusters = np.bincount(day, weight, minlength=n_days), np.bincount(day, minlength=n_days)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.bincount(day, weight * x / n, minlength=n_days) / total
            squares = np.bincount(day, (weight * (x / n - mean[day]) / total[day]) ** 2, minlength=n_days)
            variance = clusters / (clusters - 1) * squares
        return variance, np.where(variance > ROUNDING, variance, 0), clusters

    def _sum(self, cell: Ints, weight: Floats | None = None, n_levels: int = 1) -> Floats:
        sums: Floats = np.bincount(cell, weight, minlength=n_levels * self.r.n_cells).astype(np.float64, copy=False)
        return sums.reshape(n_levels, len(self.r.days), GROUPS)

    def _sizes(self, mine: Mask) -> Ints:
        return np.bincount(self.r.author_day[mine], minlength=len(self.r.day_of))

    def _daily(self, weight: NDArray[Any]) -> Floats:
        sums: Floats = np.bincount(self.r.day_of, weight, minlength=len(self.r.days)).astype(np.float64, copy=False)
        return sums
