"""The only reader of the environment: one frozen Settings, refused at start when wrong."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from warm_transfer.transfer.errors import SettingsError

LLMProvider = Literal["openai", "groq", "openrouter", "local"]
STTProvider = Literal["deepgram", "groq", "openai", "local"]
TTSProvider = Literal["openai", "deepgram", "groq", "local"]
ConsultMode = Literal["text", "spoken"]

# Who wins when several keys are set: the first one named here that has its key.
_LLM_BY_KEY: tuple[LLMProvider, ...] = ("openai", "groq", "openrouter")
_STT_BY_KEY: tuple[STTProvider, ...] = ("deepgram", "groq", "openai")
_TTS_BY_KEY: tuple[TTSProvider, ...] = ("openai", "deepgram", "groq")


class Settings(BaseSettings):
    """Every setting of the project; the field's description says why its default is what it is."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    livekit_url: str = Field(default="ws://127.0.0.1:7880", description="LiveKit server. The local stand's port.")
    livekit_api_key: str = Field(default="devkey", description="livekit-server --dev uses this key.")
    livekit_api_secret: SecretStr = Field(
        default=SecretStr("warm-transfer-local-secret-of-32-bytes"),
        description="For the local stand only; livekit-server refuses secrets under 32 characters.",
    )
    agent_name: str = Field(
        default="warm-transfer",
        min_length=1,
        description="Name for dispatch. Never empty: an unnamed worker is sent into consult rooms too.",
    )

    llm_provider: LLMProvider | None = Field(default=None, description="Unset: the first whose key is set, else local.")
    stt_provider: STTProvider | None = Field(default=None, description="Unset: the first whose key is set, else local.")
    tts_provider: TTSProvider | None = Field(default=None, description="Unset: the first whose key is set, else local.")
    llm_model: str | None = Field(default=None, description="Unset: the provider plugin's own default.")
    stt_model: str | None = Field(default=None, description="Unset: the provider plugin's own default.")
    tts_model: str | None = Field(default=None, description="Unset: the provider plugin's own default.")
    openai_api_key: SecretStr | None = Field(default=None, description="From your OpenAI account.")
    groq_api_key: SecretStr | None = Field(default=None, description="From your Groq account.")
    openrouter_api_key: SecretStr | None = Field(default=None, description="From your OpenRouter account.")
    deepgram_api_key: SecretStr | None = Field(default=None, description="From your Deepgram account.")

    hold_after_ms: int = Field(default=700, ge=0, description="A pause shorter than this needs no explanation.")
    consult_mode: ConsultMode = Field(default="text", description="Text takes milliseconds; speech lets a supervisor listen.")
    ring_timeout_s: float = Field(default=15.0, gt=0, description="An AI answers within 1 s; a cold process takes 3 s.")
    consult_timeout_s: float = Field(
        default=60.0, gt=0, description="A spoken briefing takes 15 s, each question and answer about 8 s."
    )
    move_timeout_s: float = Field(default=5.0, gt=0, description="A move takes 0.5 s, 1.3 s at 100 ms round trip.")
    rpc_timeout_s: float = Field(default=5.0, gt=0, description="LiveKit's own limit for an API call is 10 s.")
    max_calls: int = Field(default=4, ge=1, description="Two cores carry about that many speaking agents.")
    idle_processes: int = Field(default=2, ge=0, description="One for Agent A, one for Agent B: no cold start.")
    worker_port: int = Field(default=0, ge=0, le=65535, description="Health port on loopback; 0 lets the system choose.")
    call_log_url: str = Field(
        default="sqlite:///.cache/calls.sqlite3", description="Any SQLAlchemy URL; SQLite needs no server."
    )
    roster_file: Path = Field(default=Path("agents/roster.toml"), description="The specialists that ship with the project.")
    debug: bool = Field(default=False, description="Opens LiveKit's debug channel, which shows prompts: loopback only.")
