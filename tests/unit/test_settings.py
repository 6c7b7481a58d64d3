from pathlib import Path

import pytest
from pydantic import ValidationError

from warm_transfer.settings import Settings, env_example, load_settings, settings_table
from warm_transfer.transfer.errors import SettingsError

PROJECT = Path(__file__).parents[2]
CLOUD = {
    "LIVEKIT_URL": "wss://project.livekit.cloud",
    "LIVEKIT_API_KEY": "APIkey",
    "LIVEKIT_API_SECRET": "s" * 32,
}


def load(env_file: str = "", **environ: str) -> Settings:
    return load_settings(env_file or "/nonexistent/.env", environ)


def refusal(**environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(**environ)
    return caught.value.sentence


def write_env(folder: Path, text: str) -> str:
    env_file = folder / ".env"
    env_file.write_text(text)
    return str(env_file)


def test_nothing_set_is_the_local_stand_with_local_providers() -> None:
    settings = load()
    assert (settings.llm_provider, settings.stt_provider, settings.tts_provider) == (
        "local",
        "local",
        "local",
    )
    assert settings.is_loopback
    assert settings.hold_after_ms == 700


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["OPENAI"], ("openai", "openai", "openai")),
        (["GROQ"], ("groq", "groq", "groq")),
        (["OPENROUTER"], ("openrouter", "local", "local")),
        (["DEEPGRAM"], ("local", "deepgram", "deepgram")),
        (["GROQ", "DEEPGRAM"], ("groq", "deepgram", "deepgram")),
        (["GROQ", "OPENROUTER", "OPENAI", "DEEPGRAM"], ("openai", "deepgram", "openai")),
    ],
)
def test_unset_provider_is_the_first_whose_key_is_set(keys: list[str], chosen: tuple[str, str, str]) -> None:
    settings = load(**{f"{key}_API_KEY": "k" for key in keys})
    assert (settings.llm_provider, settings.stt_provider, settings.tts_provider) == chosen


def test_chosen_provider_wins_over_the_keys() -> None:
    settings = load(GROQ_API_KEY="k", LLM_PROVIDER="local")
    assert (settings.llm_provider, settings.stt_provider) == ("local", "groq")


def test_key_of_a_chosen_provider_is_given_in_clear() -> None:
    assert load(GROQ_API_KEY="gsk").api_key("groq") == "gsk"


def test_asking_for_a_key_that_is_not_set_names_it() -> None:
    with pytest.raises(SettingsError, match="DEEPGRAM_API_KEY is not set"):
        load().api_key("deepgram")


def test_folder_in_place_of_the_env_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="is a folder"):
        load(str(tmp_path))


def test_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    env_file = write_env(tmp_path, "HOLD_AFTER_MS=100\nMAX_CALLS=9\n")
    settings = load(env_file, HOLD_AFTER_MS="200")
    assert (settings.hold_after_ms, settings.max_calls) == (200, 9)


def test_empty_value_in_the_environment_unsets_a_key_of_the_env_file(tmp_path: Path) -> None:
    assert load(write_env(tmp_path, "GROQ_API_KEY=gsk\n"), GROQ_API_KEY="").llm_provider == "local"


def test_load_settings_reads_the_process_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AGENT_NAME", "from-environment")
    assert load_settings(tmp_path / ".env").agent_name == "from-environment"


def test_building_settings_reads_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_NAME", "from-environment")
    assert Settings().agent_name == "warm-transfer"


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        load().hold_after_ms = 1  # type: ignore[misc]


def test_missing_key_names_the_provider_and_the_key() -> None:
    expected = "LLM_PROVIDER=groq needs GROQ_API_KEY: set it, or LLM_PROVIDER=local"
    assert refusal(LLM_PROVIDER="groq") == expected


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("LLM_PROVIDER", "grok", "must be openai, groq, openrouter, custom or local"),
        ("CONSULT_MODE", "loud", "must be text or spoken"),
        ("HOLD_AFTER_MS", "soon", "must be a whole number"),
        ("HOLD_AFTER_MS", "-1", "must be at least 0"),
        ("MAX_CALLS", "1.5", "must be a whole number"),
        ("RING_TIMEOUT_S", "0", "must be more than 0"),
        ("RING_TIMEOUT_S", "nan", "must be a number"),
        ("WORKER_PORT", "70000", "must be at most 65535"),
        ("DEBUG", "perhaps", "must be 1 or 0"),
        ("LIVEKIT_URL", "127.0.0.1:7880", "must look like ws://"),
        ("LIVEKIT_URL", "ftp://host", "must look like ws://"),
        ("LIVEKIT_URL", "ws://", "must look like ws://"),
        ("LIVEKIT_URL", "ws://host:port", "must look like ws://"),
        ("LIVEKIT_URL", "ws://[::1", "must look like ws://"),
        ("CALL_LOG_URL", "calls.sqlite3", "must look like sqlite:///"),
        ("CALL_LOG_URL", "postgres://host/name", "must look like sqlite:///"),
        ("CALL_LOG_URL", "mysql://host/name", "must name SQLite or PostgreSQL"),
        ("CALL_LOG_URL", "sqlite+aiosqlite:///calls.sqlite3", "must name SQLite or PostgreSQL"),
        ("CALL_LOG_URL", "sqlite://", "must name a file"),
        ("CALL_LOG_URL", "postgresql+pg8000://host/name", "needs the Python package pg8000"),
    ],
)
def test_bad_value_is_one_sentence_with_name_rule_and_remedy(name: str, value: str, says: str) -> None:
    sentence = refusal(**{name: value})
    assert sentence.startswith(f"{name} {says}")
    assert "mend it, or unset it for" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"LLM_PROVIDER": "groq,local"}, "LLM_PROVIDER=groq needs GROQ_API_KEY: set it, or LLM_PROVIDER=local"),
        ({"LLM_PROVIDER": "local,local"}, "LLM_PROVIDER names a provider twice"),
        ({"LLM_PROVIDER": "local,", "LLM_MODEL": "a,b"}, "LLM_MODEL names more models than LLM_PROVIDER has"),
        ({"LLM_PROVIDER": "deepgram"}, "LLM_PROVIDER must be openai, groq, openrouter, custom or local"),
        ({"LLM_PROVIDER": "custom", "LLM_MODEL": "m"}, "LLM_PROVIDER=custom needs CUSTOM_BASE_URL"),
        ({"LLM_PROVIDER": "custom", "CUSTOM_BASE_URL": "http://127.0.0.1:1/v1"}, "LLM_PROVIDER=custom needs LLM_MODEL"),
        ({"STT_PROVIDER": "openrouter"}, "STT_PROVIDER must be"),
        ({"GROQ_BASE_URL": "groq.com"}, "GROQ_BASE_URL must look like https://"),
    ],
)
def test_choice_that_can_not_work_is_one_clear_sentence(environ: dict[str, str], says: str) -> None:
    assert refusal(**environ).startswith(says)


def test_chain_has_its_models_in_order_and_is_described_in_one_line() -> None:
    settings = load(GROQ_API_KEY="k", OPENAI_API_KEY="k", LLM_PROVIDER="groq, openai,local", LLM_MODEL=",gpt-5.4-mini")
    assert settings.chain("llm") == ["groq", "openai", "local"]
    assert settings.model_of("llm", "groq") == "llama-3.3-70b-versatile"
    assert settings.model_of("llm", "openai") == "gpt-5.4-mini"
    assert "LLM: groq, then openai gpt-5.4-mini, then local (LLM_PROVIDER=groq,openai,local)" in settings.describe()


def test_custom_server_needs_no_key() -> None:
    settings = load(LLM_PROVIDER="custom", CUSTOM_BASE_URL="http://127.0.0.1:11434/v1/", LLM_MODEL="qwen3")
    assert settings.base_url("custom") == "http://127.0.0.1:11434/v1"
    assert settings.api_key("custom") == "none"


def test_several_problems_are_counted_and_named() -> None:
    sentence = refusal(HOLD_AFTER_MS="x", MAX_CALLS="0", DEBUG="x")
    assert sentence.startswith("HOLD_AFTER_MS must be a whole number")
    assert sentence.endswith(" (and 2 more: MAX_CALLS, DEBUG)")


def test_several_missing_keys_are_counted_and_named() -> None:
    sentence = refusal(LLM_PROVIDER="groq", TTS_PROVIDER="deepgram")
    assert sentence.endswith("(and 1 more: TTS_PROVIDER)")


@pytest.mark.parametrize(
    ("url", "cloud_move", "can_move"),
    [
        ("wss://project.livekit.cloud", "auto", True),
        ("wss://project.livekit.cloud", "off", False),
        ("wss://calls.example.com", "auto", False),
        ("wss://calls.example.com", "on", True),
        ("wss://livekit.cloud.example.com", "auto", False),
    ],
)
def test_only_a_cloud_is_asked_to_move_a_caller(url: str, cloud_move: str, can_move: bool) -> None:
    assert load(**CLOUD | {"LIVEKIT_URL": url, "CLOUD_MOVE": cloud_move}).can_cloud_move is can_move


def test_server_that_others_can_reach_is_accepted_with_its_own_key_and_secret() -> None:
    assert not load(**CLOUD).is_loopback


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"LIVEKIT_API_KEY": ""}, "LIVEKIT_API_KEY is not set"),
        ({"LIVEKIT_API_SECRET": ""}, "LIVEKIT_API_SECRET is the local stand's"),
        ({"LIVEKIT_API_SECRET": "s" * 31}, "LIVEKIT_API_SECRET is too short"),
        ({"DEBUG": "1"}, "DEBUG=1 shows the prompts"),
    ],
)
def test_what_is_fit_for_loopback_only_is_refused_elsewhere(change: dict[str, str], says: str) -> None:
    assert refusal(**CLOUD | change).startswith(says)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"])
def test_loopback_server_may_have_a_short_secret_and_debug(host: str) -> None:
    assert load(LIVEKIT_URL=f"ws://{host}:7880", LIVEKIT_API_SECRET="secret", DEBUG="1").debug


def test_no_message_holds_a_secret_wherever_it_was_put() -> None:
    secret = "sk-canary"
    put = dict.fromkeys((row.env_name for row in settings_table()), secret)
    assert secret not in refusal(**put)
    assert secret not in refusal(CALL_LOG_URL=f"postgresql+pg8000://user:{secret}@host/name")


def test_no_view_of_the_settings_holds_a_secret() -> None:
    secret = "canary" * 6
    settings = load(
        OPENAI_API_KEY=secret,
        LIVEKIT_API_SECRET=secret,
        LIVEKIT_URL=f"ws://user:{secret}@localhost:7880",
        CALL_LOG_URL=f"sqlite:///calls.sqlite3?password={secret}",
    )
    assert secret not in "\n".join(settings.describe())
    assert secret not in repr(settings.provider_keys) + repr(settings.livekit_api_secret)


def test_description_of_the_call_log_holds_no_password() -> None:
    # Built without validation, for no PostgreSQL driver is installed here.
    settings = Settings.model_construct(call_log_url="postgresql+psycopg://user:canary@host/calls")
    assert "Call log: postgresql+psycopg://user:***@host/calls" in settings.describe()


def test_describe_says_which_provider_and_why() -> None:
    lines = load(GROQ_API_KEY="k", LLM_MODEL="some-model", TTS_PROVIDER="local").describe()
    assert "LLM: groq some-model (GROQ_API_KEY is set)" in lines
    assert "TTS: local (TTS_PROVIDER=local)" in lines
    assert "STT: local (no key set)" in load().describe()


def test_env_file_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="can't be read as UTF-8 text: mend or remove it"):
        load(str(tmp_path / ".env"))


def test_env_example_is_current() -> None:
    written = (PROJECT / ".env.example").read_text()
    assert written == env_example(), "run: python -m warm_transfer.settings > .env.example"


def test_env_example_with_every_line_uncommented_changes_nothing(tmp_path: Path) -> None:
    lines = (line.removeprefix("# ") for line in env_example().splitlines() if "=" in line.split(" ")[-1])
    assert load(write_env(tmp_path, "\n".join(lines))).model_dump() == load().model_dump()


def test_settings_table_has_every_setting_with_a_reason() -> None:
    rows = settings_table()
    by_provider = {"PROVIDER_KEYS", "PROVIDER_URLS"}
    assert {row.env_name for row in rows} >= {name.upper() for name in Settings.model_fields} - by_provider
    assert {"GROQ_API_KEY", "GROQ_BASE_URL", "CUSTOM_BASE_URL"} <= {row.env_name for row in rows}
    assert all(row.why for row in rows)
