"""The monitor as a Prefect deployment on a schedule; run as a process of its own by `barograph up`."""

import sys
from datetime import timedelta
from pathlib import Path

from barograph import settings as settings_room
from flows.monitor import monitor


def main(home: str, config: str, source: str) -> None:
    """Serve the monitor until ended. `config` and `source` are empty where there is none."""
    settings = settings_room.load(Path(config) if config else None)
    monitor.serve(
        name="every-few-minutes",
        interval=timedelta(minutes=settings.monitor_minutes),
        parameters={"home": home, "config": config or None, "source": source or None, "command": "up"},
        limit=1,
        print_starting_message=False,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
