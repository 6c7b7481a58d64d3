"""The built web pages, when they are there; without them a page that says how to build them."""

from collections.abc import Callable
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

PAGES = {"/": "index", "/agent-a": "agent-a", "/agent-b": "agent-b", "/history": "history"}
_NOT_BUILT = """<!doctype html><html lang="en"><title>warm-transfer</title>
<p>The pages are not built: run <code>make setup</code>. The API is described at <a href="/docs">/docs</a>.</p>"""


def add_pages(app: FastAPI, folder: Path) -> None:
    """Serve every page at its address, and what belongs to it below /assets."""
    for address, name in PAGES.items():
        app.add_api_route(address, _page(folder, name), include_in_schema=False, response_class=HTMLResponse)
    if folder.is_dir():
        app.mount("/", StaticFiles(directory=folder), name="web")


def _page(folder: Path, name: str) -> Callable[[], Response]:
    def show() -> Response:
        for file in (folder / f"{name}.html", folder / name / "index.html", folder / "index.html"):
            if file.is_file():
                return FileResponse(file, headers={"Cache-Control": "no-cache"})
        return HTMLResponse(_NOT_BUILT, status_code=503)

    return show
