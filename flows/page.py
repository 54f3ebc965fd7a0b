"""`barograph dashboard`: the page alone, where no monitor runs."""

from typing import Annotated

from cyclopts import Parameter

from barograph import settings
from barograph.home import Home
from flows.options import DEFAULT_HOME, ConfigOption, HomeOption
from flows.serve import serve_page


def dashboard(
    *,
    home: HomeOption = DEFAULT_HOME,
    config: ConfigOption = None,
    port: Annotated[int, Parameter(help="Port of the dashboard.")] = 8501,
) -> None:
    """Serve the page alone, of what a monitor publishes in HOME, until Ctrl-C. `[access]` says who may open it."""
    place = Home(home)
    serve_page(place, settings.find_config(config, place.path), port)
