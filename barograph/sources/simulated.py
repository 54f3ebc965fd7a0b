"""A simulated population whose true prevalence is known: the demo source, and the oracle of coverage tests.

Four invented communities post in English or Spanish. Every post expresses one *theme*: nothing in
particular, or one to three markers. How often each author writes, and about what, is known for every day, so
true prevalence follows in closed form, and posts are drawn from the same numbers. Authors differ in activity
and leanings: an interval that takes their posts as independent is too narrow. One community is so small
that its days fall below the minimum-cell rule. No clock, no network, no global random state.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from barograph.errors import ConfigError
from barograph.sources import Batch

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Weekly rhythm of each marker: half the swing (log scale) and the weekday of its height, Monday being 0.
WEEKLY: Mapping[str, tuple[float, int]] = {
    "anxiety": (0.12, 6), "depression": (0.08, 6), "stress": (0.22, 1), "loneliness": (0.15, 5),
    "anger": (0.10, 2), "fear": (0.05, 0), "sadness": (0.10, 6), "joy": (0.20, 5), "hope": (0.10, 0),
    "hostility": (0.08, 3),
}  # fmt: skip
MARKERS = tuple(WEEKLY)

# Share of an average author's posts on an average day, by the markers a theme bears; the rest is neutral.
# So small that no author's themes reach CEILING, even at the height of an event.
THEMES: Mapping[tuple[str, ...], float] = {
    ("anxiety",): 0.02, ("depression",): 0.015, ("stress",): 0.03, ("loneliness",): 0.015, ("anger",): 0.03,
    ("fear",): 0.02, ("sadness",): 0.025, ("joy",): 0.05, ("hope",): 0.03, ("hostility",): 0.015,
    ("anxiety", "fear"): 0.015, ("anxiety", "stress"): 0.015, ("anxiety", "fear", "stress"): 0.015,
    ("depression", "sadness"): 0.015, ("sadness", "loneliness"): 0.015, ("anger", "hostility"): 0.015,
}  # fmt: skip
NEUTRAL = len(THEMES)
BASE = np.array(list(THEMES.values()))
BEARS = np.array([[float(marker in theme) for marker in MARKERS] for theme in THEMES])  # theme, marker
CEILING = 0.9

VOLUME_BY_WEEKDAY = np.array([1.04, 1.06, 1.06, 1.04, 0.97, 0.87, 0.96])
VOLUME_BY_HOUR = np.array([2, 1, 1, 1, 1, 2, 4, 7, 9, 9, 9, 9, 10, 10, 9, 9, 10, 11, 12, 13, 14, 13, 9, 5])
# Slow drift: sinusoids with seeded phases, so that a day can be had without the days before it.
DRIFT = ((365.25, 0.12), (89.0, 0.07), (37.0, 0.04))  # period in days, half the swing (log scale)

_BATCH_DAYS = 20
REPLY_SHARE = 0.15
TAIL_SHARE = 0.7  # posts with a second, neutral sentence
SLOTS = ("place", "time", "thing", "who")
DRAWS = 8 + len(SLOTS)  # uniform numbers that one post uses up

# Name, language, authors, sd of their log activity, posts a day (None: as the simulation says).
COMMUNITIES: tuple[tuple[str, str, int, float, int | None], ...] = (
    ("northfield", "en", 2000, 0.9, None),
    ("riverton", "en", 2000, 0.9, None),
    ("valdeluz", "es", 2000, 0.9, None),
    ("hollow", "en", 60, 1.3, 14),
)


class Happening(NamedTuple):
    """A recurring event. At its height, where reach is 1, themes grow by the greatest of their factors."""

    name: str
    kind: str  # 'scheduled' | 'sudden'
    first: int  # days from the simulation's start to the first onset
    every: int
    jitter: int  # later onsets move by up to so many days: what is sudden keeps no calendar
    days: int
    reach: tuple[float, ...]  # by community, 0 (untouched) .. 1 (hit hardest); scales the log effect
    factors: Mapping[str, float]

    def intensity(self, day: Ints) -> Floats:
        """Share of the full effect, 0..1, that many days after the onset."""
        swell = np.sin(np.pi * (day + 0.5) / self.days)
        burst = np.minimum((day + 1) / 3, np.exp(-(((day - 2).clip(0) / 10) ** 2)))
        return np.where((day >= 0) & (day < self.days), swell if self.kind == "scheduled" else burst, 0.0)


# Sudden events alternate about 95 days apart; a run 200 days after the start meets the first storm.
HAPPENINGS = (
    Happening("exam week", "scheduled", 35, 70, 0, 7, (1, 0.7, 1, 0), {"stress": 2, "anxiety": 1.6}),
    Happening("quarrel", "sudden", 101, 190, 6, 14, (1, 0.5, 0.7, 0), {"hostility": 2.5, "anger": 1.8}),
    Happening("storm", "sudden", 196, 190, 6, 21, (0.6, 1, 0.3, 0.6),
              {"fear": 2.3, "anxiety": 2.0, "sadness": 2.0}),
)  # fmt: skip
NOTICE = timedelta(days=30)  # how long before its first day a scheduled event is known


@lru_cache
def _pool(seed: int, index: int, posts_per_day: int) -> tuple[Floats, Floats, Floats]:
    """Draw posts a day (authors), leanings of mean 1 (authors, themes), drift phases (sinusoids, markers)."""
    rng = np.random.default_rng([seed, index])
    _, _, authors, sigma, _ = COMMUNITIES[index]
    activity = rng.lognormal(sigma=sigma, size=authors)
    # Gamma of shape 6: leanings vary by 40 % of their mean. Without the far tail, none nears CEILING.
    leaning = rng.gamma(6.0, 1 / 6, size=(authors, len(THEMES))).clip(max=2.0)
    phase = rng.uniform(0, 2 * np.pi, size=(len(DRIFT), len(MARKERS)))
    return activity * posts_per_day / activity.sum(), leaning, phase


def _shares(leaning: Floats, effect: Floats) -> Floats:
    """P(theme), one row an author or post. Posts and truth share it: truth would hold even at the ceiling."""
    shares = leaning * (BASE * effect)
    capped: Floats = shares * np.minimum(1.0, CEILING / shares.sum(axis=1, keepdims=True))
    return capped


@dataclass(frozen=True)
class Simulation:
    """Posts and their truth from `start` on. A day's posts depend on this and the day, never on the window.

    `posts_per_day` is the mean of each full-size community; the small one always has about 14.
    """

    start: date
    seed: int = 7
    posts_per_day: int = 250

    def __post_init__(self) -> None:
        if self.seed < 0 or self.posts_per_day < 1:
            got = f"seed = {self.seed}, posts_per_day = {self.posts_per_day}"
            raise ConfigError(f"simulated source: got {got}; expected seed >= 0 and posts_per_day >= 1")

    def posts(self, first: date, last: date) -> pl.DataFrame:
        """Posts of the days first..last, both included; none before `start`. Sorted by created_at and id.

        Columns: id (unique), parent_id (an earlier post of the same community and day, or null),
        created_at (Datetime us, UTC; whole seconds), author, community, lang ('en' | 'es'), text.
        """
        return self._labelled(first, last).drop("theme")

    def truth(self, first: date, last: date) -> pl.DataFrame:
        """True prevalence of each marker, population and day of first..last, both included.

        Columns: marker, population (= community), time_value (Date), unit ('posts' | 'authors'), prevalence
        in (0, 1). With rate r of posts and share p of an author, it is Σ r p / Σ r in unit posts, and
        Σ (1 - e^-r) p / Σ (1 - e^-r) in unit authors: who posts that day at all counts once.
        """
        days = self._days(first, last)
        rows: list[tuple[Any, ...]] = []
        for index, (population, *_) in enumerate(COMMUNITIES):
            activity, leaning, _ = self._pool(index)
            for day, effect in zip(days, self._effects(index, days), strict=True):
                rate, shares = activity * VOLUME_BY_WEEKDAY[(day - 1) % 7], _shares(leaning, effect)
                for unit, weight in (("posts", rate), ("authors", -np.expm1(-rate))):
                    prevalence = weight @ shares @ BEARS / weight.sum()
                    rows.append((population, date.fromordinal(day), unit, *prevalence))
        keys = {"population": pl.String, "time_value": pl.Date, "unit": pl.String}
        wide = pl.DataFrame(rows, keys | dict.fromkeys(MARKERS, pl.Float64), orient="row")
        long = wide.unpivot(MARKERS, index=list(keys), variable_name="marker", value_name="prevalence")
        return long.select("marker", *keys, "prevalence")

    def events(self, last: date) -> list[dict[str, Any]]:
        """What is known on `last`: the events begun by then, and scheduled ones of the 30 days after.

        Keys: name, population, kind ('scheduled' | 'sudden'), starts_on, ends_on (both included).
        """
        return [
            {"name": what.name, "population": population, "kind": what.kind,
             "starts_on": onset, "ends_on": onset + timedelta(days=what.days - 1)}
            for what in HAPPENINGS
            for onset in self._onsets(what, last + NOTICE if what.kind == "scheduled" else last)
            for (population, *_), reach in zip(COMMUNITIES, what.reach, strict=True)
            if reach > 0
        ]  # fmt: skip

    def _days(self, first: date, last: date) -> Ints:
        return np.arange(max(first, self.start).toordinal(), last.toordinal() + 1)

    def _pool(self, index: int) -> tuple[Floats, Floats, Floats]:
        return _pool(self.seed, index, COMMUNITIES[index][-1] or self.posts_per_day)

    def _onsets(self, what: Happening, until: date) -> list[date]:
        onsets = []
        for k in range((until - self.start).days // what.every + 1):
            rng = np.random.default_rng([self.seed, len(COMMUNITIES), what.first, k])
            shift = int(rng.integers(-what.jitter, what.jitter + 1)) if k else 0
            onset = self.start + timedelta(days=what.first + k * what.every + shift)
            if what.kind == "scheduled":
                onset += timedelta(days=-onset.weekday() % 7)  # always a Monday
            onsets.append(onset)
        return [onset for onset in onsets if onset <= until]

    def _effects(self, index: int, days: Ints) -> Floats:
        """Factors on the base shares (days, themes); rhythm and drift are the mean (log) of the markers'."""
        swing, height = np.array(list(WEEKLY.values())).T
        log = swing * np.cos(2 * np.pi * ((days[:, None] - 1) % 7 - height) / 7)
        for (period, half), phase in zip(DRIFT, self._pool(index)[2], strict=True):
            log += half * np.sin(2 * np.pi * days[:, None] / period + phase)
        by_theme: Floats = log @ (BEARS / BEARS.sum(axis=1, keepdims=True)).T
        for what in HAPPENINGS if len(days) else ():
            factors = np.log([max(what.factors.get(marker, 1.0) for marker in theme) for theme in THEMES])
            for onset in self._onsets(what, date.fromordinal(days[-1])):
                by_theme += what.reach[index] * what.intensity(days - onset.toordinal())[:, None] * factors
        return np.exp(by_theme)

    def _labelled(self, first: date, last: date) -> pl.DataFrame:
        """`posts`, and the theme of each as an index into THEMES, or NEUTRAL."""
        days = self._days(first, last)
        return pl.concat(self._draw(i, days) for i in range(len(COMMUNITIES))).sort("created_at", "id")

    def _draw(self, index: int, days: Ints) -> pl.DataFrame:
        activity, leaning, _ = self._pool(index)
        keys, draws = [np.empty((3, 0), np.int64)], [np.empty((DRAWS, 0))]
        for i, ordinal in enumerate(days):
            rng = np.random.default_rng([self.seed, index, ordinal])
            wrote = rng.poisson(activity * VOLUME_BY_WEEKDAY[(ordinal - 1) % 7])
            author = rng.permutation(np.repeat(np.arange(len(wrote)), wrote))
            keys.append(np.stack([np.full_like(author, i), np.arange(len(author)), author]))
            draws.append(rng.random((DRAWS, len(author))))
            draws[-1][0].sort()  # the time of day
        (day, number, author), u = np.concatenate(keys, axis=1), np.concatenate(draws, axis=1)
        hour = np.interp(u[0], np.append(0, VOLUME_BY_HOUR.cumsum() / VOLUME_BY_HOUR.sum()), np.arange(25))
        second = days[day] * 86_400 + (hour * 3600).astype(np.int64)
        bounds = _shares(leaning[author], self._effects(index, days)[day]).cumsum(axis=1)
        theme = (u[1][:, None] >= bounds).sum(axis=1)
        # Squared: replies go mostly to recent posts. Nobody answers themselves or within the second.
        parent = (np.arange(len(day)) - 1 - (u[2] ** 2 * number).astype(np.int64)).clip(0)
        replies = (u[3] < REPLY_SHARE) & (number > 0) & (second[parent] < second) & (author[parent] != author)

        name, lang, *_ = COMMUNITIES[index]
        since_1970 = pl.Series(second - date(1970, 1, 1).toordinal() * 86_400) * 1_000_000
        frame = pl.DataFrame({
            "created_at": since_1970.cast(pl.Datetime("us", "UTC")), "number": number, "author": author,
            "theme": theme, "text": _texts(lang, theme, replies, u[4:]), "replies": replies,
        }).with_columns(
            id=pl.format(f"{name}-{{}}-{{}}", pl.col("created_at").dt.strftime("%Y%m%d"), "number"),
            author=pl.format(f"{name}_{{}}", "author"), community=pl.lit(name), lang=pl.lit(lang),
        ).with_columns(parent_id=pl.when("replies").then(pl.col("id").gather(parent)))  # fmt: skip
        return frame.select("id", "parent_id", "created_at", "author", "community", "lang", "text", "theme")


def fetch(population: Simulation, since: datetime | None, until: datetime) -> Iterator[Batch]:
    """Posts after `since` (the cursor: the newest post known) and not after `until`, both naive UTC, in batches."""
    first, last = since.date() if since else population.start, until.date()
    days = max((last - first).days + 1, 1)
    at = pl.col("created_at").dt.replace_time_zone(None)
    for offset in range(0, days, _BATCH_DAYS):
        begin = first + timedelta(days=offset)
        posts = population.posts(begin, min(begin + timedelta(days=_BATCH_DAYS - 1), last))
        posts = posts.filter((at <= until) & (at > (since or datetime.min)))
        yield Batch("simulated", posts.with_row_index("line", 1), progress=min((offset + _BATCH_DAYS) / days, 1.0))


@lru_cache
def _language(lang: str) -> dict[str, Any]:
    """One language of simulated_texts.toml."""
    texts = tomllib.loads((files(__package__) / "simulated_texts.toml").read_text("utf-8"))
    language: dict[str, Any] = texts[lang]
    return language


def _texts(lang: str, theme: Ints, replies: NDArray[np.bool_], u: Floats) -> pl.Series:
    """One text a post: an opening if it replies, a sentence of its theme, often a neutral one more."""
    words = _language(lang)
    themes = [[t["text"] for t in words["templates"] if tuple(t["markers"]) == key] for key in (*THEMES, ())]
    size = np.array([len(templates) for templates in themes])
    templates, start = pl.Series([text for templates in themes for text in templates]), size.cumsum() - size

    def sentence(theme: Ints | int, u: Floats) -> pl.Series:
        return templates.gather(start[theme] + (u * size[theme]).astype(np.int64))

    def one_of(choice: list[str], u: Floats) -> pl.Series:
        return pl.Series(choice).gather((u * len(choice)).astype(np.int64))

    def filled(column: str) -> pl.Expr:
        text = pl.col(column)
        for slot in SLOTS:
            text = text.str.replace_all(f"{{{slot}}}", pl.col(slot), literal=True)
        return text.str.slice(0, 1).str.to_uppercase() + text.str.slice(1)

    frame = pl.DataFrame({
        "opening": one_of(words["agree"] + words["disagree"], u[0]), "replies": replies,
        "sentence": sentence(theme, u[1]), "tail": sentence(NEUTRAL, u[2]), "tailed": u[3] < TAIL_SHARE,
        **{slot: one_of(words["slots"][slot], v) for slot, v in zip(SLOTS, u[4:], strict=True)},
    })  # fmt: skip
    parts = (pl.when("replies").then("opening"), filled("sentence"), pl.when("tailed").then(filled("tail")))
    return frame.select(pl.concat_str(parts, separator=" ", ignore_nulls=True)).to_series()
