"""The API's lines in the README work as they are typed."""

import asyncio
import json
import shlex
import shutil
from pathlib import Path

import pytest

from tests.web.web_site import WebSite

pytestmark = pytest.mark.asyncio(loop_scope="session")

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
TYPED_AT = "http://127.0.0.1:8080"
LINES = [line for line in README.splitlines() if line.startswith("curl ")]
ANSWERS = {"/api/calls/create": "session_id", "/api/agents/": "skills", "/api/agents": "agents", "/api/calls": "calls"}
"""What the answer of each door holds."""


@pytest.mark.parametrize("line", LINES)
async def test_line_is_answered(site: WebSite, line: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    command = shlex.split(line.replace(TYPED_AT, site.url), comments=True)
    curl = await asyncio.create_subprocess_exec(*command, "--fail", "--silent", stdout=asyncio.subprocess.PIPE)
    said, _ = await curl.communicate()
    assert curl.returncode == 0
    holds = next((field for door, field in ANSWERS.items() if door in line), "status")
    assert holds in json.loads(said)
