"""`barograph forget`: a person or a post, out of every file of the home, at once.

It is no flow of Prefect's and writes no name or id anywhere. Killed anywhere, it is run again.
"""

import sys
from typing import Annotated

from cyclopts import Parameter

from barograph.errors import ConfigError, InputError
from barograph.home import Home
from flows.options import DEFAULT_HOME, HomeOption

_STDIN = "-"
_AUTHOR = (
    "the name or id in full as the source has it: of Bluesky did:plc:…, not a handle; of Mastodon name@server without "
    "@ before it, its own users without the server; of Reddit the name without u/"
)
_POST = "the id in full as the source has it: of Bluesky at://…, of Reddit with its t1_ or t3_"


def forget(
    *,
    author: Annotated[
        str | None,
        Parameter(
            allow_leading_hyphen=True,
            help="Name or id of an author, as the source has it; - reads it from standard input.",
        ),
    ] = None,
    post: Annotated[str | None, Parameter(allow_leading_hyphen=True, help="Id of a post, likewise.")] = None,
    source: Annotated[str | None, Parameter(help="Of this source alone; without it, of every source.")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Remove a person's posts, or one post, from every file of the home, and keep them out for ever."""
    if (author is None) == (post is None):
        raise ConfigError("got " + ("neither" if author is None else "both") + "; expected --author NAME or --post ID")
    asked = (author if author is not None else post) or ""
    name = (sys.stdin.readline() if asked == _STDIN else asked).strip()
    if not name:
        raise ConfigError("got an empty name; expected that of an author or a post, as its source has it")
    place = Home(home)
    if not place.warehouse.is_file() and not place.landing.is_dir():
        raise InputError(f"{place.path}: nothing there yet; expected the home of a monitor: name it with --home")
    with place.lock("forget"):
        from flows.forgetting import forget as forget_it

        done = forget_it(place, name, source, whole=author is not None)
    if done.nothing:
        what, form = ("a post", _POST) if author is None else ("an author", _AUTHOR)
        before = " any more, it was asked for before" if done.again else ""
        raise InputError(
            f"nothing found: got {what} that is not in {', '.join(done.sources)}{before}; expected {form}. "
            "A tombstone is kept all the same: what comes by that name is kept out"
        )
    print(
        f"forgotten: {_n(done.posts, 'post')} in the warehouse, rows of {_n(done.segments, 'landed segment')}; "
        "what comes of it again is kept out"
    )
    if done.posts:
        print(
            "what was published of their days is issued anew with the next daily batch, or before it where a day is "
            "still provisional or gets a late post; files you gave it are yours"
        )


def _n(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
