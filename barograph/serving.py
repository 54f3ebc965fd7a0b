"""How the dashboard is started: Streamlit hardened, reporting to nobody, and where it listens."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from barograph.settings import Access

_APP = Path(__file__).parent.parent / "dashboard" / "app.py"
_MEGABYTES = {"server.maxUploadSize": 1, "server.maxMessageSize": 20, "server.maxWidgetStateSize": 1}
"""Of a file (no page takes one), of a message to a browser, of one from it."""


def dashboard_command(port: int) -> list[str]:
    """The command that serves the snapshots of BAROGRAPH_HOME (in the environment) at `port`.

    `[access]` of BAROGRAPH_CONFIG, a barograph.toml, says where it listens and who may open it; without that variable
    it listens on the loopback. No secret is in the command.
    """
    return [sys.executable, "-m", "dashboard.served", str(port)]


def dashboard_environment(home: Path, config: Path | None) -> Mapping[str, str]:
    """The environment of that command: this one, with the home and its config."""
    kept = {name: value for name, value in os.environ.items() if name != "BAROGRAPH_CONFIG"}
    named = {"BAROGRAPH_CONFIG": str(config.absolute())} if config else {}
    return kept | named | {"BAROGRAPH_HOME": str(home.absolute())}


def options(port: int, access: Access) -> dict[str, Any]:
    """Streamlit's options, which stand above those of any config.toml or environment of the reader's own."""
    hosts = {"none": ["localhost", "127.0.0.1", "::1", access.address], "oidc": [_host(access)], "proxy": []}
    return {
        "server.headless": True,
        "server.address": access.address,
        "server.port": port,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.baseUrlPath": "",
        "server.enableCORS": True,
        "server.corsAllowedOrigins": [],
        # A page elsewhere whose name leads to the loopback is not served. A proxy is known by its address instead.
        "server.allowedHosts": hosts[access.kind],
        "server.enableXsrfProtection": True,
        "server.xsrfCookieSameSite": "lax",
        "server.enableStaticServing": False,
        "server.enableAgentApi": False,
        "server.trustedUserHeaders": "{}",
        "server.unsafeMetricsUserAttributes": [],
        "server.disconnectedSessionTTL": 120,
        **_MEGABYTES,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.allowedOrigins": [],
        "global.developmentMode": False,
        "logger.level": "warning",
        # It would ask a server elsewhere for the address of this machine.
        "logger.hideWelcomeMessage": True,
        # No secrets.toml of the reader's own is read: a login that it named would be another one than ours.
        "secrets.files": [str(_APP.with_name("no-secrets.toml"))],
        # No page shows what a line of it happens to be worth.
        "runner.magicEnabled": False,
        # Python collects by itself; to collect all after each change of a filter takes as long as to make the page.
        "runner.postScriptGC": False,
    }


def page_address(port: int, access: Access) -> str:
    """Where people, or the proxy before them, find the page."""
    return access.origin or f"http://{_reached(access)}:{port}"


def health_address(port: int, access: Access) -> str:
    """Where this machine asks whether the page is up."""
    return f"http://{_reached(access)}:{port}/_stcore/health"


def _reached(access: Access) -> str:
    if access.address in ("0.0.0.0", "::", "localhost"):  # noqa: S104  told apart, not bound
        return "localhost"
    return f"[{access.address}]" if ":" in access.address else access.address


def _host(access: Access) -> str:
    return urlsplit(access.origin or "").hostname or ""
