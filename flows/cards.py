"""`barograph sources`: which sources there are, and the card of each."""

from typing import Annotated, get_args

from cyclopts import Parameter

from barograph import settings
from barograph.errors import ConfigError
from barograph.home import Home
from barograph.settings import Source
from barograph.sources import card
from flows.options import DEFAULT_HOME, ConfigOption, HomeOption

KINDS: tuple[str, ...] = get_args(Source.model_fields["kind"].annotation)


def sources(
    name: Annotated[str | None, Parameter(help="A source of the config, or a kind: its card.")] = None,
    *,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
) -> None:
    """List sources, or tell of one: terms of use, whom it speaks for, biases, limits, what deletes ask of you."""
    known = {s.name: s for s in settings.load(settings.find_config(config, Home(home).path)).source}
    if name is not None:
        kind = known[name].kind if name in known else name
        if kind not in KINDS:
            raise ConfigError(f"sources: got {name!r}; expected one of {', '.join(dict.fromkeys([*known, *KINDS]))}")
        print(card(kind).rstrip())
        return
    for source in known.values():
        print(f"{source.name}  {source.kind}  {_where(source)}".rstrip())
    if not known:
        print("no source is configured: put a [[source]] into barograph.toml")
    print(f"kinds: {', '.join(KINDS)}; `barograph sources KIND` shows a card")


def _where(source: Source) -> str:
    where = ", ".join(source.path or source.hosts or source.communities)
    return f"{where}  {source.stream}" if source.kind == "mastodon" else where
