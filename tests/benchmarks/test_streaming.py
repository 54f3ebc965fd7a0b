from collections import Counter

from barograph.sources.bluesky import Rows, read_v2
from benchmarks.jetstream import framed, load, posts_left, templates
from benchmarks.streaming import misses
from tests.sources.jetstream_server import made

NOW = 1_783_175_888_000_000


def test_the_load_is_valid_and_of_the_mix_it_says() -> None:
    rows, seqs = Rows(), []
    for frame in load(100, 1000, templates(made(30)), NOW):
        event = read_v2(frame, NOW)
        seqs.append(event.seq)
        rows.take(event)
    frame = rows.frame()
    assert seqs == list(range(100, 1100))
    assert dict(frame["op"].value_counts().iter_rows()) == {"post": 940, "delete": 30, "return": 20}
    assert rows.ignored == Counter(identity=10) and not rows.rejects
    posts = frame.filter(op="post")
    assert posts["id"].n_unique() == posts["text"].n_unique() == 940
    gone = frame.filter(op="delete")["id"]
    assert gone.is_in(posts["id"].implode()).all() and gone.n_unique() == 30
    assert posts_left(1099) == 99 + 940 - 30


def test_frames_are_framed_as_websocket_says() -> None:
    # RFC 6455 §5.2: FIN and text, then the length in one, three or nine bytes.
    assert framed([b"a"]) == b"\x81\x01a"
    assert framed([b"a" * 126])[:4] == b"\x81\x7e\x00\x7e"
    assert framed([b"a" * 65_536])[:10] == b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"


def test_every_bar_that_is_missed_is_said() -> None:
    good = {"per_second": 30_000, "p99_seconds": 1.2, "peak_mb": 300, "growth_mb": 1, "latest_seconds": 200, "posts_missing": 0}
    bad = {"per_second": 5_000, "p99_seconds": 3.0, "peak_mb": 900, "growth_mb": 80, "latest_seconds": 400, "posts_missing": -3}
    parts = ("fast", "steady", "published")
    assert misses({"nonsense": {"lost": 0}} | dict.fromkeys(parts, good)) == []
    assert misses({"nonsense": {"lost": 2}} | dict.fromkeys(parts, bad)) == [
        "nonsense: got 2 frames that were not counted; expected none",
        "published_posts_missing: got -3; expected none, and none twice",
        "fast_per_second: got 5,000; expected at least 20,000",
        "steady_per_second: got 5,000; expected at least 20,000",
        "published_per_second: got 5,000; expected at least 10,000",
        "steady_p99_seconds: got 3; expected at most 2",
        "steady_peak_mb: got 900; expected at most 500",
        "steady_growth_mb: got 80; expected at most 50",
        "published_latest_seconds: got 400; expected at most 310",
    ]
