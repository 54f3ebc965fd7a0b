"""Options that every command takes."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

HomeOption = Annotated[Path, Parameter("--home", env_var="BAROGRAPH_HOME", help="Folder of everything.")]
ConfigOption = Annotated[
    Path | None,
    Parameter("--config", help="The analyst's file; default HOME/barograph.toml, then ./barograph.toml."),
]
DEFAULT_HOME = Path("barograph-home")
