"""How the dashboard is started: Streamlit on the loopback, hardened, reporting to nobody."""

import sys
from pathlib import Path

_APP = Path(__file__).parent.parent / "dashboard" / "app.py"


def dashboard_command(port: int) -> list[str]:
    """The command that serves the snapshots of BAROGRAPH_HOME (in the environment) at http://localhost:`port`."""
    options = {
        "server.headless": "true",
        "server.address": "localhost",
        "server.port": str(port),
        "server.fileWatcherType": "none",
        "server.enableCORS": "true",
        "server.enableXsrfProtection": "true",
        "browser.gatherUsageStats": "false",
        "client.toolbarMode": "viewer",
        # No page shows what a line of it happens to be worth.
        "runner.magicEnabled": "false",
        # Python collects by itself; to collect all after each change of a filter takes as long as to make the page.
        "runner.postScriptGC": "false",
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [sys.executable, "-m", "streamlit", "run", str(_APP), *flags]
