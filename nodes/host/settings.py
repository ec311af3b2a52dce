"""What the owner of a ComfyUI has set for the pack."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from ..errors import InputError
from ..strict_json import to_json
from ..watched_file import WatchedFile
from .folders import user_path

NAME = "settings.json"
ENVIRONMENT = "FRUGAL_MOTION_"

MOST_JOBS = 32
"""In a batch: as many as ``jobs.merge.MOST``."""

OWNER_ONLY = frozenset(
    {
        *("cache_folder", "cache_remote", "idle_exit_minutes", "idle_exit_code"),
        *("jobs_batch", "jobs_window_seconds", "jobs_waiting", "jobs_per_client", "jobs_clip_seconds"),
        *("jobs_body_megabytes", "jobs_days", "jobs_token", "jobs_webhooks", "jobs_ahead"),
        *("fleet", "fleet_files"),
    }
)
"""Not to be changed over HTTP: whoever reaches the server could write elsewhere, stop it, or lift its limits."""

SECRET = frozenset({"jobs_token", "cache_remote", "fleet_files"})
"""Not to be told over HTTP."""


class Settings(BaseSettings):
    """The settings: of ``user/frugal-motion/settings.json``, or of the environment, which goes before it.

    Raises:
        pydantic.ValidationError: a name that is none, or a value outside its range.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_prefix=ENVIRONMENT, allow_inf_nan=False)

    cache_folder: str = Field(default="", title="Folder", description="An absolute path; empty for the user folder.")
    cache_remote: str = Field(
        default="",
        pattern=r"^$|^[\w+.-]+://",
        title="Shared store",
        description="URL of a store that machines share, behind the folder, such as s3://bucket/cache; empty for none.",
    )
    cache_gigabytes: float = Field(
        default=50.0, ge=0, title="Size limit in GB", description="What was used longest ago goes first; 0 is no limit."
    )
    cache_days: float = Field(default=0.0, ge=0, title="Days that unused entries stay", description="0: for ever.")
    cache_automatic: bool = Field(
        default=True,
        title="Keep poses and keyframe plans",
        description="By the content of the clip, without a Hash Cache in the graph.",
    )
    idle_minutes: float = Field(
        default=5.0, ge=0, title="Minutes until models leave the GPU", description="Without work; 0 is never."
    )
    idle_free_minutes: float = Field(
        default=0.0,
        ge=0,
        title="Minutes until results leave RAM",
        description="Without work; 0 is never. The next run makes them anew, or reads them from the cache.",
    )
    idle_exit_minutes: float = Field(
        default=0.0,
        ge=0,
        title="Minutes until ComfyUI ends itself",
        description="Without work, for fleets that start machines on demand; 0 is never.",
    )
    idle_exit_code: int = Field(default=0, ge=0, le=255, title="Exit status", description="What the supervisor sees.")
    meter: bool = Field(
        default=True,
        title="Measure what stages cost",
        description="Seconds, memory and energy by node; without it there are no reports.",
    )
    gpu: str = Field(
        default="",
        max_length=100,
        title="Card",
        description="Of which the price is taken; empty for the one that is there.",
    )
    gpu_price: float = Field(
        default=0.0, ge=0, le=1000, title="Dollars per hour", description="What the GPU costs; 0 for the price table."
    )

    jobs_batch: int = Field(
        default=8, ge=1, le=MOST_JOBS, title="Jobs in a batch", description="That share the sampler; 1 runs each alone."
    )
    jobs_window_seconds: float = Field(
        default=1.0, ge=0, le=3600, title="Seconds of gathering", description="That a job waits for others like it."
    )
    jobs_ahead: Literal["auto", "on", "off"] = Field(
        default="auto",
        title="Work ahead for jobs",
        description="On the processor, for the next batch while the GPU has this one; auto: if there is a GPU.",
    )
    jobs_waiting: int = Field(default=1000, ge=0, title="Jobs that may wait", description="Further ones are refused.")
    jobs_per_client: int = Field(
        default=100, ge=0, title="Jobs of a client that may wait", description="Further ones are refused."
    )
    jobs_clip_seconds: float = Field(
        default=600.0, ge=0, title="Longest clip of a job", description="In seconds; 0 is no limit."
    )
    jobs_body_megabytes: float = Field(
        default=1.0, gt=0, title="Largest request for a job", description="In MB; clips are uploaded before."
    )
    jobs_days: float = Field(
        default=30.0, ge=0, title="Days that jobs are remembered", description="After their end; their files stay."
    )
    jobs_token: str = Field(
        default="",
        max_length=200,
        title="Token for jobs",
        description="That requests must bear; without one, only this machine may ask for jobs.",
    )
    jobs_webhooks: str = Field(
        default="",
        title="Hosts of webhooks",
        description="Names, separated by commas, that may be told of the end of jobs; empty for none.",
    )

    fleet: str = Field(
        default="",
        max_length=200,
        title="Fleet",
        description="Address of a Ray cluster whose workers run the jobs, such as 10.0.0.1:6379, or auto for the one "
        "of this machine; empty: this ComfyUI runs them. Holds from the next start.",
    )
    fleet_files: str = Field(
        default="",
        pattern=r"^$|^[\w+.-]+://",
        title="Files of the fleet",
        description="URL of a store that gateway and workers reach, such as s3://bucket/jobs; empty for a folder of "
        "the user folder, where all are on one machine.",
    )

    @field_validator("cache_folder")
    @classmethod
    def _is_absolute(cls, folder: str) -> str:
        if folder and not Path(folder).is_absolute():
            raise ValueError("an absolute path, or nothing")
        return folder

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, InitSettingsSource(settings_cls, _written(settings_file()))

    @property
    def webhook_hosts(self) -> frozenset[str]:
        """Names of the hosts that may be told of the end of jobs."""
        return frozenset(name.strip().lower() for name in self.jobs_webhooks.split(",") if name.strip())


def settings_file() -> Path:
    """Where they are kept."""
    return user_path(NAME)


class _OfEnvironment(Settings):
    """What the environment alone sets."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *sources: PydanticBaseSettingsSource, **named: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (named["env_settings"],)


def settings() -> Settings:
    """Read them. If something there is not right, those before hold; if there are none, those of the environment."""
    return _settings.of(settings_file())[0]


def settings_problem() -> str:
    """Why those that hold are not what the owner has set; empty if they are, or were when last they could be read."""
    return _settings.of(settings_file())[1]


def _of_environment() -> Settings:
    try:
        return _OfEnvironment()
    except ValueError:
        return Settings.model_construct()


def change_settings(given: dict[str, Any]) -> Settings:
    """Write some of them to the file.

    Raises:
        InputError: a name or value that is not allowed.
        OSError: the file cannot be written.
    """
    path = settings_file()
    for name in given:
        if name in OWNER_ONLY:
            raise InputError(name, "a request over HTTP", f"a line in {path}, or {environment_name(name)}")
    wanted = {**_written(path), **given}
    try:
        Settings.model_validate(wanted)
    except ValidationError as error:
        raise InputError("settings", repr(given)[:200], _reasons(error)) from error
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}.part")
    aside.write_text(to_json(wanted, indent=1), encoding="utf-8")
    os.replace(aside, path)
    _settings.forget()
    return settings()


def _written(path: Path) -> dict[str, Any]:
    """What the file says; one that makes no sense is its owner's to mend: a token may be lost by writing over it."""
    try:
        written = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise InputError(str(path), f"no JSON ({error})", "a JSON object", "Mend it, or remove it.") from error
    if not isinstance(written, dict):
        raise InputError(str(path), type(written).__name__, "a JSON object", "Mend it, or remove it.")
    return written


def environment_name(name: str) -> str:
    """The variable that goes before the file."""
    return ENVIRONMENT + name.upper()


def _reasons(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())


# One per ComfyUI process.
_settings = WatchedFile(Settings, _of_environment, _reasons)
