"""Runs the control API: `python -m warm_transfer.control`; HOST, PORT and the rest are settings."""

import logging
import sys

import uvicorn

from warm_transfer.control.api.app import create_app
from warm_transfer.settings import load_settings
from warm_transfer.transfer.errors import WarmTransferError

DRAIN_S = 5
"""Open requests wait 3 s for a command's answer; WebSockets come back to the next process by themselves."""


def main() -> int:
    """Serve until told to end; 2 if a setting is wrong."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        settings = load_settings()
        app = create_app(settings)
    except WarmTransferError as error:
        sys.stderr.write(f"{error.sentence}\n")
        return 2
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",  # an address of a request holds the call's id, a query a caller's name
        proxy_headers=False,  # limits.py believes TRUSTED_PROXIES alone; uvicorn would believe this whole machine
        server_header=False,
        timeout_graceful_shutdown=DRAIN_S,
        ws_max_size=16 * 1024,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
