"""A worker with bare agents, named as ours with `-bare` behind. An entry of its own: nothing imports it."""

from livekit.agents import AgentServer
from livekit.agents.cli import cli as livekit_cli
from livekit.agents.cli import proto

from warm_transfer.settings import load_settings
from warm_transfer.stand.bench.bare_job import answer, prewarm
from warm_transfer.stand.bench.models import register

register()


def _serve() -> None:
    settings = load_settings()
    server = AgentServer(
        ws_url=settings.livekit_url,
        api_key=settings.livekit_api_key,
        api_secret=settings.livekit_api_secret.get_secret_value(),
        host="127.0.0.1",
        port=0,
        num_idle_processes=settings.idle_processes,
        setup_fnc=prewarm,
        initialize_process_timeout=60.0,
        drain_timeout=1,
        preload_modules=["warm_transfer.stand.bench.bare_job"],
    )
    server.load_fnc = lambda: 0.0  # takes every call, as ours does
    server.rtc_session(answer, agent_name=f"{settings.agent_name}-bare")
    arguments = proto.CliArgs(log_level="INFO", url=None, api_key=None, api_secret=None, dev=False)
    livekit_cli._run_worker(server=server, args=arguments)


if __name__ == "__main__":
    _serve()
