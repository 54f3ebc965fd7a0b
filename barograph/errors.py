"""The two families of failure, and how each leaves the program.

Every message says what was got, what was expected and what to do. Bad *data*
is not an error: it becomes counted rows in `quarantine`.
"""


class BarographError(Exception):
    """Base of every error raised on purpose. `exit_code` is what the command line ends with."""

    exit_code = 1


class Terminal(BarographError):
    """Trying again cannot help: the caller has to change something."""


class Transient(BarographError):
    """Trying again later can help: a lock that is held, a receiver that is down."""


class ConfigError(Terminal):
    """barograph.toml, a lexicon or a command-line option is wrong; raised before any work begins."""

    exit_code = 2


class InputError(Terminal):
    """An input cannot be read as posts at all; names the file and what was seen in it."""

    exit_code = 2
