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

        posts, segments = forget_it(place, name, source, whole=author is not None)
    print(
        f"forgotten: {posts:,} {'post' if posts == 1 else 'posts'} in the warehouse, rows of {segments:,} landed "
        f"{'segment' if segments == 1 else 'segments'}; what comes of it again is kept out"
    )
    if posts:
        print("what was published of their days is issued anew with the next daily batch; files you gave it are yours")
