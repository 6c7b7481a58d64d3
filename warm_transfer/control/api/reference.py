"""/docs and /redoc: the API's reference, from files of this machine, for whoever may use the API."""

from importlib.resources import files

from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from warm_transfer.control.api.access import Staff

ASSETS = "/docs-assets"
_SCHEMA = "/openapi.json"


def add_reference(app: FastAPI) -> None:
    """Serve the schema and two views of it; fastapi-offline ships the files that FastAPI would have a browser fetch."""
    router = APIRouter(include_in_schema=False)

    @router.get(_SCHEMA)
    def schema(_: Staff) -> JSONResponse:
        return JSONResponse(app.openapi())

    @router.get("/docs")
    def swagger(_: Staff) -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url=_SCHEMA,
            title=app.title,
            swagger_js_url=f"{ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{ASSETS}/favicon.png",
        )

    @router.get("/redoc")
    def redoc(_: Staff) -> HTMLResponse:
        return get_redoc_html(
            openapi_url=_SCHEMA,
            title=app.title,
            redoc_js_url=f"{ASSETS}/redoc.standalone.js",
            redoc_favicon_url=f"{ASSETS}/favicon.png",
            with_google_fonts=False,
        )

    app.include_router(router)
    app.mount(ASSETS, StaticFiles(directory=str(files("fastapi_offline") / "static")), name="docs")
