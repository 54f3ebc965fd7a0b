"""Which sources a run reads. Apart from the flows, so that a wrong input is found before Prefect is started."""

from barograph.errors import ConfigError
from barograph.settings import Settings, Source
from barograph.sources import files


def choose_sources(settings: Settings, inputs: tuple[str, ...], source: str | None) -> tuple[Source, ...]:
    """The sources of one run, each proven readable.

    Inputs are read as the config's only `files` source where it has just one, else as a source named `files`.
    Raises `ConfigError` where there is nothing to read, `InputError` where an input cannot be read as posts.
    """
    if inputs and source:
        raise ConfigError(f"got files to read and --source {source}; expected one of the two")
    if inputs:
        declared = [s for s in settings.source if s.kind == "files"]
        base = declared[0] if len(declared) == 1 else Source(name="files", path=("-",))
        chosen: tuple[Source, ...] = (base.model_copy(update={"path": inputs}),)
    elif source:
        named = [s for s in settings.source if s.name == source]
        if not named and source != "simulated":
            known = ", ".join(["simulated", *(s.name for s in settings.source)])
            raise ConfigError(f"--source: got {source!r}; expected one of {known}")
        chosen = tuple(named) or (Source(name="simulated", kind="simulated"),)
    else:
        chosen = settings.source
    if not chosen:
        raise ConfigError(
            "nothing to read: give files or folders, put a [[source]] into barograph.toml, "
            "or try it with --source simulated"
        )
    for one in chosen:
        if one.kind == "files":
            files.check(one.path, one.columns)
    return chosen
