"""What a batch of events comes to, held against the same events told one by one."""

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from barograph.arrivals import settle
from tests.streams.test_load import TELLS, Told

SCHEMA = {
    "line": pl.Int64, "op": pl.String, "post_id": pl.String, "author_key": pl.String, "good": pl.Boolean,
    "buried": pl.Boolean, "gone": pl.Boolean, "text": pl.String,
}  # fmt: skip


def take(kept: Told, batch: list[tuple[str, int, str]]) -> int:
    """Do with what is kept what `settle` says, as the warehouse does. Returns how many rows were accounted for."""
    rows = [
        (line, op, None if op in ("leave", "return") else str(n), f"author {n // 2}", bool(text), str(n) in kept.buried,
         f"author {n // 2}" in kept.left, text)
        for line, (op, n, text) in enumerate(batch)
    ]  # fmt: skip
    events = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    settled = settle(events)
    kept.buried |= set(settled.deleted)
    gone, left = {*settled.deleted, *settled.emptied}, set(settled.left)
    kept.posts = {name: post for name, post in kept.posts.items() if name not in gone and post[0] not in left}
    for author, op in settled.authors.iter_rows():
        (kept.left.add if op == "leave" else kept.left.discard)(author)
    for line, name, op in settled.kept.iter_rows():
        if op == "update" or name not in kept.posts:
            kept.posts[name] = (rows[line][3], rows[line][7])
    assert settled.kept["post_id"].is_unique().all()
    return settled.kept.height + settled.again.height + settled.kept_out


@settings(max_examples=500, derandomize=True)
@given(st.lists(st.lists(TELLS, max_size=10), max_size=4))
@example([[("post", 0, "bad day"), ("update", 0, ""), ("post", 0, "good day")]])
@example([[("post", 0, "bad day")], [("update", 0, ""), ("post", 0, "good day"), ("post", 0, "bad day")]])
def test_in_whatever_batches_events_come_to_the_same_as_told_one_by_one(tellings: list[list[tuple[str, int, str]]]) -> None:
    oracle, kept = Told(), Told()
    for batch in tellings:
        for op, n, text in batch:
            oracle.tell(op, str(n), f"author {n // 2}", text)
        accounted = take(kept, batch)
        posts = [(op, text) for op, _, text in batch if op in ("post", "update")]
        assert accounted <= len(posts)
        assert len(posts) - accounted <= sum(not text for _, text in posts)  # a row without words may do nothing
    assert (kept.posts, kept.buried, kept.left) == (oracle.posts, oracle.buried, oracle.left)
