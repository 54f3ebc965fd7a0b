"""`python -m dashboard.served PORT`: the page behind its door, as `[access]` of BAROGRAPH_CONFIG says."""

import os
import sys
from typing import Any

from starlette.middleware import Middleware
from streamlit.starlette import App

from barograph import serving
from barograph.settings import Access
from dashboard import access
from dashboard.door import Door


def secrets(given: Access) -> dict[str, Any]:
    """What Streamlit's own login needs, in memory alone: it is written to no file, command or environment.

    Raises `ConfigError` where a secret cannot be read.
    """
    if given.kind != "oidc":
        return {}
    return {
        "auth": {
            "redirect_uri": given.redirect_uri,
            "cookie_secret": given.cookie_secret(),
            "client_id": given.client_id,
            "client_secret": given.client_secret(),
            "server_metadata_url": f"{(given.issuer or '').rstrip('/')}/.well-known/openid-configuration",
            "client_kwargs": {"scope": given.scope},
        }
    }


def main(port: int) -> None:
    """Serve until told to stop."""
    # Else a visitor's X-Forwarded-For would stand for the address that the connection comes from.
    os.environ["FORWARDED_ALLOW_IPS"] = ""
    given = access.configured()
    page = App(access.APP, secrets=secrets(given), middleware=[Middleware(Door, access=given)])
    page.run(config=serving.options(port, given))


if __name__ == "__main__":
    main(int(sys.argv[1]))
