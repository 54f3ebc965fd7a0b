"""Posts as files of every form, written by others' writers, and what is read of them."""

import csv
import gzip
import io
import json
import random

import polars as pl
import zstandard

from barograph.sources import files

CUT_OFF = "file: compressed data is cut off or damaged; expected a complete file"
UNREADABLE = "file: not readable as posts; expected a whole file with a column or key of text"
NOT_JSON = "line: not JSON; expected one JSON object a line"
EVERY_SUFFIX = [
    ".jsonl", ".ndjson", ".csv", ".tsv", ".jsonl.gz", ".jsonl.zst", ".csv.gz", ".csv.zst", ".tsv.gz", ".tsv.zst",
    ".parquet",
]  # fmt: skip


def generated(n):
    """Posts with everything that formats like to stumble over."""
    chance = random.Random(7)
    words = ["calm", "mañana", 'a "quote"', "one, two", "new\nline", "tab\there", "👩‍👩‍👧", "mixed\r\nbreak", "'", "ö", "#tag"]
    return [
        {
            "id": f"p{i}",
            "parent_id": f"p{chance.randrange(i)}" if i % 3 == 1 else None,
            "created_at": f"2021-05-{1 + i % 28:02}T{i % 24:02}:00:00Z",
            "author": f"author {chance.randrange(40)}" if i % 7 else None,
            "community": chance.choice(["north", "süd"]),
            "lang": chance.choice(["en", "es", None]),
            "text": f"{i} " + " ".join(chance.choices(words, k=chance.randrange(1, 30))),
        }
        for i in range(n)
    ]


POSTS = generated(500)


def encoded(posts, suffix):
    """The bytes of a file of `posts`, written by others' writers."""
    _, kind, *compression = suffix.split(".")
    out = io.BytesIO()
    if kind == "parquet":
        pl.DataFrame(posts).write_parquet(out)
    elif kind in ("csv", "tsv"):
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, list(posts[0]), delimiter="\t" if kind == "tsv" else ",")
        writer.writeheader()
        writer.writerows(posts)
        out.write(text.getvalue().encode())
    else:
        out.writelines(json.dumps(post).encode() + b"\n" for post in posts)
    compress = {"gz": gzip.compress, "zst": zstandard.compress}
    return compress[compression[0]](out.getvalue()) if compression else out.getvalue()


def fetch(path, columns=None):
    """Rows without what is empty in all, and (line, reason) of every reject."""
    batches = list(files.fetch([path], columns or {}))
    rows = [row for batch in batches for row in batch.rows.to_dicts()]
    filled = [{key: value for key, value in row.items() if value is not None} for row in rows]
    return filled, [(reject.line, reject.reason) for batch in batches for reject in batch.rejects]


def texts(rows):
    return [row.get("text") for row in rows]
