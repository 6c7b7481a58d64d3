"""The only reader of the environment: one frozen Settings, refused at start when wrong.

`python -m warm_transfer.settings` prints `.env.example`, which is generated from the fields below.
"""

import ipaddress
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self, cast, get_args
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from warm_transfer.providers import KINDS, LOCAL, PROVIDERS, Kind, by_key, offer, wrong_choice
from warm_transfer.transfer.errors import SettingsError

ConsultMode = Literal["text", "spoken"]
CloudMove = Literal["auto", "on", "off"]
ApiRole = Literal["operator", "agent", "viewer"]

_LOCAL_SECRET = "warm-transfer-local-secret-of-32-bytes"  # as in livekit.yaml; public, so for loopback only
_API_KEY_LENGTH = 24  # 128 random bits in base64 and more: too many to try, whatever the rate limit
_SECRET_LENGTH = 32  # livekit-server complains of anything shorter outside --dev


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and " " not in url
    except ValueError:  # a port that is no number, an open bracket
        return False


def _livekit_url(url: str) -> str:
    """The URL as given; ValueError says what a LiveKit URL looks like."""
    try:
        parts = urlsplit(url)
        sound = parts.scheme in {"ws", "wss", "http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, an open bracket
        sound = False
    if not sound or " " in url:
        raise ValueError("must look like ws://127.0.0.1:7880 or wss://my-project.livekit.cloud")
    return url


def _call_log_url(url: str) -> str:
    """The URL as given; ValueError says what is wrong with it or which package its driver lacks."""
    try:
        parsed = make_url(url)
        dialect = parsed.get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ValueError(
            "must look like sqlite:///calls.sqlite3 or postgresql+psycopg://user:password@host/name"
        ) from None
    if dialect.name not in {"sqlite", "postgresql"} or dialect.is_async:
        raise ValueError("must name SQLite or PostgreSQL with a driver that is not asynchronous")
    if dialect.name == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ValueError("must name a file, for every job is a process of its own")
    try:
        dialect.import_dbapi()
    except ImportError as error:
        raise ValueError(f"needs the Python package {error.name}, which is not installed") from None
    return url


def _watchers(text: str) -> str:
    """The addresses as given; ValueError says what one looks like."""
    for one in filter(None, text.split(",")):
        host, _, port = one.strip().rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError("must look like 127.0.0.1:7870,127.0.0.1:7871")
    return text


def _api_keys(text: SecretStr) -> SecretStr:
    """The keys as given; ValueError says what one looks like."""
    for one in listed(text.get_secret_value()):
        name, role, key = (*one.strip().split(":", 2), "", "")[:3]
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name) or role not in get_args(ApiRole):
            raise ValueError("must look like alice:operator:KEY,maria:agent:KEY (roles: operator, agent, viewer)")
        if len(key) < _API_KEY_LENGTH:
            raise ValueError(f"must have keys of at least {_API_KEY_LENGTH} characters")
    return text


def _origins(text: str) -> str:
    """The origins as given; ValueError says what one looks like."""
    for one in listed(text):
        parts = urlsplit(one)
        if parts.scheme not in ("http", "https") or not parts.hostname or one != f"{parts.scheme}://{parts.netloc}":
            raise ValueError("must look like https://calls.example.com, without a path")
    return text


def _networks(text: str) -> str:
    """The networks as given; ValueError says what one looks like."""
    try:
        [ipaddress.ip_network(one) for one in listed(text)]
    except ValueError:
        raise ValueError("must look like 10.0.0.5,172.16.0.0/12") from None
    return text


def _countries(text: str) -> str:
    """The countries as given; ValueError says what one looks like."""
    if not re.fullmatch(r"\s*([A-Z]{2}\s*(,\s*[A-Z]{2}\s*)*)?", text):
        raise ValueError("must look like US,CA")
    return text


ApiKeys = Annotated[SecretStr, AfterValidator(_api_keys)]
Origins = Annotated[str, AfterValidator(_origins)]
Networks = Annotated[str, AfterValidator(_networks)]
Countries = Annotated[str, AfterValidator(_countries)]
Watchers = Annotated[str, AfterValidator(_watchers)]
LiveKitURL = Annotated[str, AfterValidator(_livekit_url)]
CallLogURL = Annotated[str, AfterValidator(_call_log_url)]


class ApiKey(NamedTuple):
    """One key of the control API."""

    name: str
    """Of its holder; a human Agent B's is the roster id."""
    role: ApiRole
    key: SecretStr


class _Problem(NamedTuple):
    """What is wrong with one setting, and what to do about it."""

    name: str
    sentence: str


class Settings(BaseModel):
    """Every setting of the project, resolved; the field's description says why its default is what it is.

    Building one reads no environment (`load_settings` does), so a test may build its own. A provider that is
    not given is chosen by the keys: after that each provider is concrete and its key is there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)

    livekit_url: LiveKitURL = Field(
        default="ws://127.0.0.1:7880", description="LiveKit server. The local stand's port."
    )
    livekit_api_key: str = Field(default="devkey", description="The local stand's key, as in livekit.yaml.")
    livekit_api_secret: SecretStr = Field(
        default=SecretStr(_LOCAL_SECRET),
        description="The local stand's, as in livekit.yaml: public, so refused for any other server.",
    )
    agent_name: str = Field(
        default="warm-transfer",
        min_length=1,
        description="Name for dispatch. Never empty: an unnamed worker is sent into consult rooms too.",
    )

    llm_provider: str = Field(
        default=LOCAL,
        description="Or several in order, comma between. Unset: the first of openai, groq, openrouter with a key.",
    )
    stt_provider: str = Field(
        default=LOCAL,
        description="Or several in order, comma between. Unset: the first of deepgram, groq, openai with a key.",
    )
    tts_provider: str = Field(
        default=LOCAL,
        description="Or several in order, comma between. Unset: the first of openai, deepgram, groq with a key.",
    )
    llm_model: str | None = Field(
        default=None, description="Of several providers one each, comma between. Unset: one that is quick and cheap."
    )
    stt_model: str | None = Field(default=None, description="As LLM_MODEL.")
    tts_model: str | None = Field(default=None, description="As LLM_MODEL.")
    provider_keys: Mapping[str, SecretStr] = Field(default={}, description="From your {} account.")
    provider_urls: Mapping[str, str] = Field(default={}, description="Of {}, or of what speaks as it does.")

    first_token_s: float = Field(
        default=3.0, gt=0, description="A caller takes a longer silence for a dead line; it counts over all retries."
    )
    reply_timeout_s: float = Field(
        default=8.0, gt=0, description="Two model calls of 3 s with a tool between them, then the voice."
    )
    hold_after_ms: int = Field(default=700, ge=0, description="A pause shorter than this needs no explanation.")
    hold_update_s: float = Field(
        default=20.0, gt=0, description="From phrase to phrase: a wait of half a minute is told of once, not filled."
    )
    consult_mode: ConsultMode = Field(
        default="text", description="Text takes milliseconds; spoken lets a supervisor listen."
    )
    arm_ttl_s: float = Field(
        default=30.0,
        ge=1,
        description="A transfer that is offered is made ready for so long: a caller answers in seconds, or is past it.",
    )
    arm_reserve: int = Field(
        default=1,
        ge=0,
        description="Free calls that a worker must have to make a transfer ready: a full one has no cores left.",
    )
    dispatch_timeout_s: float = Field(
        default=3.0,
        gt=0,
        description="A job is in its room after 0.3 s, 2.5 s from a cold process; then it is dispatched again.",
    )
    recovery_timeout_s: float = Field(
        default=15.0,
        gt=0,
        description="Five dispatches, or three times a server's restart; then another recovers what a dead job left.",
    )
    ring_timeout_s: float = Field(default=15.0, gt=0, description="An AI answers within 1 s; a cold process takes 3 s.")
    consult_timeout_s: float = Field(
        default=60.0, gt=0, description="A spoken briefing takes 15 s, each question and answer about 8 s."
    )
    briefing_timeout_s: float = Field(
        default=2.0,
        gt=0,
        description="A model that writes the briefing has this long from the offer on, while the caller decides.",
    )
    move_timeout_s: float = Field(default=5.0, gt=0, description="A move takes 0.5 s, 1.3 s at 100 ms round trip.")
    cloud_move: CloudMove = Field(
        default="auto",
        description="auto: on if LIVEKIT_URL is *.livekit.cloud; set it for a Private Cloud. A stock server can't.",
    )
    rejoin_grace_s: float = Field(
        default=5.0, ge=0, description="A page that is loaded again is back within 2 s; later it is a hang-up."
    )
    lost_grace_s: float = Field(
        default=20.0,
        ge=0,
        le=25,
        description="A network that changes is back by then. Rooms wait 30 s for the last person.",
    )
    max_transfers: int = Field(
        default=4, ge=1, description="Per call: each of three specialists once, and one again; more is a loop."
    )
    rpc_timeout_s: float = Field(default=5.0, gt=0, description="LiveKit's own limit for an API call is 10 s.")
    max_calls: int = Field(
        default=4,
        ge=1,
        description="Per worker of two cores. A call counts once, with Agent A, Agent B or both; "
        "no agent of a live call is refused.",
    )
    drain_timeout_s: float = Field(
        default=600.0,
        ge=30,
        description="After SIGTERM most calls end by themselves within 10 minutes; the last 30 s hand the others over.",
    )
    idle_processes: int = Field(default=2, ge=0, description="One for Agent A, one for Agent B: no cold start.")
    watchers: Watchers = Field(
        default="",
        description="host:port of each watcher, comma between them; none: only a worker that lives recovers its jobs.",
    )
    worker_port: int = Field(
        default=0, ge=0, le=65535, description="Health port on loopback; 0 lets the system choose."
    )
    call_log_url: CallLogURL = Field(
        default="sqlite:///.cache/calls.sqlite3",
        description="SQLite needs no server; several machines need a PostgreSQL URL.",
    )
    unwritten_dir: Path = Field(
        default=Path(".cache/unwritten"),
        description="Events wait here while the call log is away: on this machine, without a network; one per log.",
    )
    roster_file: Path = Field(
        default=Path("agents/roster.toml"), description="The specialists that ship with the project."
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Of the control API. This machine alone: any other needs API_KEYS.",
    )
    port: int = Field(default=8080, ge=0, le=65535, description="Of the control API; needs no rights, is seldom taken.")
    api_keys: ApiKeys = Field(
        default=SecretStr(""),
        description="name:role:key, comma between them. Roles: operator; agent, whose name is a roster id; viewer.",
    )
    public_url: Origins = Field(
        default="", description="Where the pages are reached from outside, https://...; none: this machine alone."
    )
    livekit_public_url: LiveKitURL | None = Field(
        default=None, description="LiveKit's address for browsers. Unset: LIVEKIT_URL, which is right on one machine."
    )
    cors_origins: Origins = Field(default="", description="Pages elsewhere that may use the API; none needs to.")
    trusted_proxies: Networks = Field(
        default="", description="Whose X-Forwarded-For is believed, as address or network; none: nobody's."
    )
    web_dir: Path = Field(default=Path("web/dist"), description="Where the build puts the pages.")
    new_calls_per_minute: int = Field(
        default=10, ge=1, description="Per address: a person presses the button again, a script presses it for ever."
    )
    new_calls_per_minute_in_all: int = Field(
        default=60, ge=1, description="More than MAX_CALLS of a few workers end in a minute."
    )
    requests_per_minute: int = Field(
        default=600, ge=10, description="Per address: a page asks a few times per click, and several share an office."
    )
    most_connections: int = Field(
        default=500, ge=1, description="WebSockets in all; per address a tenth. One costs about 50 kB."
    )
    retain_days: int = Field(default=30, ge=0, description="Words of older calls are erased daily; 0 keeps them.")
    twilio_account_sid: str | None = Field(default=None, description="From your Twilio account.")
    twilio_auth_token: SecretStr | None = Field(default=None, description="From your Twilio account.")
    twilio_from_number: str | None = Field(default=None, description="Your Twilio number, as +15105550100.")
    twilio_countries: Countries = Field(
        default="US,CA", description="Where calls may go, as in ISO 3166: every country more is a door for toll fraud."
    )
    livekit_sip_host: str | None = Field(default=None, description="Of livekit-sip, as Twilio reaches it.")
    livekit_sip_username: str | None = Field(default=None, description="Of the inbound trunk.")
    livekit_sip_password: SecretStr | None = Field(default=None, description="Of the inbound trunk.")
    debug: bool = Field(default=False, description="Opens LiveKit's debug channel, which shows prompts: loopback only.")

    @property
    def is_loopback(self) -> bool:
        """Whether the LiveKit server can only be reached from this machine."""
        host = urlsplit(self.livekit_url).hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:  # a name
            return host == "localhost"

    @property
    def can_cloud_move(self) -> bool:
        """Whether the LiveKit server puts a participant into another room on request."""
        host = urlsplit(self.livekit_url).hostname or ""
        return self.cloud_move == "on" or (self.cloud_move == "auto" and host.endswith(".livekit.cloud"))

    @property
    def api_key_list(self) -> list[ApiKey]:
        """The keys of the control API."""
        return [_api_key(one) for one in listed(self.api_keys.get_secret_value())]

    @property
    def watcher_addresses(self) -> list[tuple[str, int]]:
        """Host and port of each watcher."""
        split = [one.strip().rpartition(":") for one in self.watchers.split(",") if one.strip()]
        return [(host, int(port)) for host, _, port in split]

    def chain(self, kind: Kind) -> list[str]:
        """The providers of this kind, tried in order; never empty."""
        return listed(str(getattr(self, f"{kind}_provider")))

    def model_of(self, kind: Kind, provider: str) -> str | None:
        """The model of one provider of the chain; None: the local one has but one, or the voice is the model."""
        models = self._models(kind)
        place = self.chain(kind).index(provider) if provider in self.chain(kind) else len(models)
        return (models[place] if place < len(models) else "") or offer(kind, provider).model

    def base_url(self, provider: str) -> str | None:
        """Where the provider is, without a slash at the end; None for the local one."""
        url = self.provider_urls.get(provider) or PROVIDERS[provider].base_url
        return url.rstrip("/") if url else None

    def api_key(self, provider: str) -> str:
        """The provider's key in clear; there for every provider that is chosen, else SettingsError."""
        secret = self.provider_keys.get(provider)
        if secret is None:
            if not PROVIDERS[provider].needs_key:
                return "none"  # the OpenAI client sends no request without one
            raise SettingsError(f"{provider.upper()}_API_KEY is not set: set it to use {provider}")
        return secret.get_secret_value()

    def describe(self) -> list[str]:
        """Lines for the start-up: what was chosen and why, never a key."""
        log = make_url(self.call_log_url).set(query={})  # a query may carry a password
        server = urlsplit(self.livekit_url)
        lines = [f"LiveKit: {server.scheme}://{server.netloc.rpartition('@')[2]} as {self.agent_name}"]
        lines += [self._describe_provider(kind) for kind in KINDS]
        lines += [f"Consult: {self.consult_mode}", f"Call log: {log.render_as_string(hide_password=True)}"]
        return [*lines, "DEBUG: on, whoever joins a room can read the prompts"] if self.debug else lines

    def _describe_provider(self, kind: Kind) -> str:
        chain = self.chain(kind)
        models = self._models(kind) + [""] * len(chain)
        shown = ", then ".join(f"{name} {model}".strip() for name, model in zip(chain, models, strict=False))
        keyed = [name for name in by_key(kind) if name in self.provider_keys]
        if chain == [LOCAL]:
            why = f"{kind.upper()}_PROVIDER=local" if keyed else "no key set"
        elif len(chain) > 1 or not PROVIDERS[chain[0]].needs_key:
            why = f"{kind.upper()}_PROVIDER={','.join(chain)}"
        else:
            why = f"{chain[0].upper()}_API_KEY is set"
        return f"{kind.upper()}: {shown} ({why})"

    def _models(self, kind: Kind) -> list[str]:
        return [one.strip() for one in (getattr(self, f"{kind}_model") or "").split(",")]

    @model_validator(mode="before")
    @classmethod
    def _choose_providers(cls, values: dict[str, Any]) -> dict[str, Any]:
        keys = values.get("provider_keys", {})
        chosen = {f"{kind}_provider": next((name for name in by_key(kind) if keys.get(name)), LOCAL) for kind in KINDS}
        return chosen | values

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if problems := [*self._wrong_providers(), *self._unsafe_server()]:
            raise PydanticCustomError("settings_disagree", "settings disagree", {"problems": problems})
        return self

    def _wrong_providers(self) -> Iterator[_Problem]:
        for kind in KINDS:
            models = self._models(kind)
            wrong = wrong_choice(kind, self.chain(kind), models, keys=self.provider_keys, urls=self.provider_urls)
            if wrong:
                yield _Problem(wrong.partition("=")[0].partition(" ")[0], wrong)
        for name, url in self.provider_urls.items():
            setting = f"{name.upper()}_BASE_URL"
            if not _is_web_address(url):
                yield _Problem(setting, f"{setting} must look like https://models.example.com/v1: mend it, or unset it")

    def _unsafe_server(self) -> Iterator[_Problem]:
        if self.is_loopback:  # `livekit-server --dev` has the secret "secret"
            return
        secret = self.livekit_api_secret.get_secret_value()
        if "livekit_api_key" not in self.model_fields_set:
            yield _Problem("LIVEKIT_API_KEY", "LIVEKIT_API_KEY is not set: set the key of the LIVEKIT_URL server")
        if secret == _LOCAL_SECRET:
            yield _Problem(
                "LIVEKIT_API_SECRET",
                "LIVEKIT_API_SECRET is the local stand's, which is public: set the LIVEKIT_URL server's own",
            )
        elif len(secret) < _SECRET_LENGTH:
            yield _Problem(
                "LIVEKIT_API_SECRET",
                f"LIVEKIT_API_SECRET is too short: use at least {_SECRET_LENGTH} characters here and there",
            )
        if self.debug:
            yield _Problem(
                "DEBUG",
                "DEBUG=1 shows the prompts to whoever joins: unset it, or use a LIVEKIT_URL on this machine",
            )


def _api_key(written: str) -> ApiKey:
    name, role, key = written.strip().split(":", 2)
    return ApiKey(name, cast(ApiRole, role), SecretStr(key))


def listed(text: str) -> list[str]:
    """The parts of a setting that holds several, comma between them."""
    return [one.strip() for one in text.split(",") if one.strip()]


class SettingRow(NamedTuple):
    """One line of the README's settings table."""

    env_name: str
    default: str
    """As it would be written in `.env`; empty if there is none."""
    why: str


def load_settings(env_file: str | Path = ".env", environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of `env_file` (need not exist) and the environment, which wins; an empty value is unset.

    Raises SettingsError with one sentence for the first problem and the names of the others. No message ever
    holds a value, for it could be a key in the wrong place.
    """
    if Path(env_file).is_dir():  # dotenv would take it for a file that does not exist
        raise SettingsError(f"{env_file} is a folder: remove it, or make it a file")
    try:
        written = dotenv_values(env_file)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{env_file} can't be read as UTF-8 text: mend or remove it") from error
    merged = {**written, **(os.environ if environ is None else environ)}
    given = {name.lower(): text for name, value in merged.items() if name.isupper() and (text := (value or "").strip())}
    values: dict[str, Any] = {name: given[name] for name in Settings.model_fields if name in given}
    keys = {name: given[f"{name}_api_key"] for name in _remote() if f"{name}_api_key" in given}
    urls = {name: given[f"{name}_base_url"] for name in _remote() if f"{name}_base_url" in given}
    urls = {name: url for name, url in urls.items() if url != PROVIDERS[name].base_url}
    values |= {"provider_keys": keys, "provider_urls": urls}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = [problem for detail in error.errors() for problem in _problems(detail)]
        raise SettingsError(_one_sentence(problems)) from None  # the cause would show what was given


def settings_table() -> list[SettingRow]:
    """Every setting in the order of the fields, for the README."""
    return [
        row for name, field in Settings.model_fields.items() for row in _rows(name, field.default, field.description)
    ]


def _rows(name: str, default: object, why: str | None) -> list[SettingRow]:
    why = why or ""
    if name == "provider_keys":
        return [SettingRow(f"{one.upper()}_API_KEY", "", why.format(one)) for one in _remote()]
    if name == "provider_urls":
        return [
            SettingRow(f"{one.upper()}_BASE_URL", PROVIDERS[one].base_url or "", why.format(one)) for one in _remote()
        ]
    return [SettingRow(name.upper(), _written(default), why)]


def _remote() -> list[str]:
    return [name for name, provider in PROVIDERS.items() if provider.is_remote]


def env_example() -> str:
    """The text of `.env.example`: every setting with its default, commented out."""
    head = "# Copy to .env and uncomment what you change. The environment wins over this file.\n"
    foot = "# Written by `python -m warm_transfer.settings > .env.example`.\n"
    rows = (f"\n# {row.why}\n# {row.env_name}={row.default}\n" for row in settings_table())
    return head + foot + "".join(rows)


def _written(default: object) -> str:
    """A default as an environment value."""
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return "" if default is None else str(int(default) if isinstance(default, bool) else default)


def _one_sentence(problems: list[_Problem]) -> str:
    first, *others = problems
    names = ", ".join(dict.fromkeys(problem.name for problem in others))
    return f"{first.sentence} (and {len(others)} more: {names})" if others else first.sentence


def _problems(detail: ErrorDetails) -> list[_Problem]:
    """The problems that one pydantic error stands for."""
    limits = detail.get("ctx", {})
    if detail["type"] == "settings_disagree":
        return list(limits["problems"])
    name = str(detail["loc"][0]).upper()
    default = _written(Settings.model_fields[name.lower()].default)
    return [_Problem(name, f"{name} {_requirement(detail['type'], limits)}: mend it, or unset it for {default}")]


def _requirement(error_type: str, limits: Mapping[str, Any]) -> str:
    """What a value must be; pydantic's own words would repeat the value."""
    match error_type:
        case "value_error":
            return str(limits["error"])
        case "literal_error":
            return f"must be {limits['expected']}".replace("'", "")
        case "greater_than_equal":
            return f"must be at least {limits['ge']}"
        case "greater_than":
            return f"must be more than {limits['gt']}"
        case "less_than_equal":
            return f"must be at most {limits['le']}"
        case "bool_parsing" | "bool_type":
            return "must be 1 or 0"
        case _ if error_type.startswith("int"):
            return "must be a whole number"
        case _:
            return "must be a number"


if __name__ == "__main__":
    sys.stdout.write(env_example())
