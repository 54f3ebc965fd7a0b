"""The tasks that ship, each a folder: codebook.md, system.md, user.md, task.toml, examples, canaries, CARD.md."""

from barograph.annotate.task import Task, load

__all__ = ["Task", "load"]
