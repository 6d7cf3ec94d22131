"""Settings of a daemon: where they come from, and a refusal of every name nobody knows."""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import to_jsonable_python
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from . import docstrings

_PREFACE = """\
Every setting, at its default. To change one, remove the `#` before its name. Each has a variable in the
environment too, with {prefix} before it and __ for a dot, which wins over this file."""


_UNSET = "…"
"""What is shown of a setting that is left out."""


class SettingsError(Exception):
    """The settings cannot be used; the message says which and why."""


class DaemonSettings(BaseSettings):
    """Flags > environment > secrets directory (systemd's `$CREDENTIALS_DIRECTORY`) > TOML file > default.

    A nested setting `agent.stale_after_s` is `[agent] stale_after_s` in the file and
    `<PREFIX>AGENT__STALE_AFTER_S` in the environment.
    """

    model_config = SettingsConfigDict(env_nested_delimiter="__", extra="forbid", frozen=True)
    default_file: ClassVar[Path]

    @classmethod
    def prefix(cls) -> str:
        """Return what the daemon's environment variables begin with."""
        return cls.model_config["env_prefix"]

    @classmethod
    def file(cls) -> Path | None:
        """Return the TOML file in use, or None. Raises `SettingsError` if a named one is absent."""
        if named := os.environ.get(f"{cls.prefix()}CONFIG"):
            if not Path(named).is_file():
                raise SettingsError(f"{cls.prefix()}CONFIG names {named}, which is not a file")
            return Path(named)
        return cls.default_file if cls.default_file.is_file() else None

    @classmethod
    def load(cls, flags: Mapping[str, Any]) -> Self:
        """Return the settings in force. Raises `SettingsError` with every problem named."""
        try:
            return cls(**{name: value for name, value in flags.items() if value is not None})
        except ValidationError as err:
            problems = [f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in err.errors()]
            raise SettingsError("; ".join(problems)) from err
        except tomllib.TOMLDecodeError as err:
            raise SettingsError(f"{cls.file()}: {err}") from err

    @model_validator(mode="after")
    def _refuse_unknown_environment(self) -> Self:
        # pydantic-settings forbids unknown keys in files but passes over unknown variables.
        known = {self._variable(path) for path, _ in _leaves(type(self))}
        known |= {self.prefix() + "CONFIG"}
        if unknown := sorted(n for n in os.environ if n.startswith(self.prefix()) and n not in known):
            raise ValueError(f"unknown in the environment: {', '.join(unknown)}")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Drop .env files, add the credentials directory and TOML."""
        del dotenv_settings, file_secret_settings
        sources = [init_settings, env_settings]
        if directory := os.environ.get("CREDENTIALS_DIRECTORY"):
            sources.append(SecretsSettingsSource(settings_cls, secrets_dir=directory, env_prefix=""))
        if (file := cls.file()) is not None:
            sources.append(TomlConfigSettingsSource(settings_cls, file))
        return tuple(sources)

    @classmethod
    def example(cls) -> str:
        """Return a TOML file that names and explains every setting and leaves each at its default."""
        lines = [f"# {line}" for line in _PREFACE.format(prefix=cls.prefix()).splitlines()]
        above: tuple[str, ...] = ()
        for (*section, name), model in _leaves(cls):
            if tuple(section) != above:
                above = tuple(section)
                lines += ["", f"[{'.'.join(above)}]"]
            text = docstrings.of_fields(model).get(name, "")
            lines += ["", *(f"# {line}" for line in text.splitlines())]
            lines.append(f"# {name} = {_default(model.model_fields[name])}")
        return "\n".join(lines) + "\n"

    def differences(self, other: Self) -> set[str]:
        """Return the names of the settings whose values are others in *other*."""
        paths = [path for path, _ in _leaves(type(self))]
        return {".".join(path) for path in paths if _value(self, path) != _value(other, path)}

    def in_force(self, flags: Mapping[str, Any]) -> str:
        """Return a TOML file of what is in force, and behind each setting where it comes from.

        What is left out, and secrets, which are masked, are comments.
        """
        file = self.file()
        in_file = tomllib.loads(file.read_text(encoding="utf-8")) if file else {}
        lines = []
        for path, _ in _leaves(type(self)):
            value = _value(self, path)
            hidden = value is None or isinstance(value, SecretStr)
            shown = _UNSET if value is None else _toml(to_jsonable_python(value))
            line = f"{'.'.join(path)} = {shown}  # {self._origin(path, flags, in_file)}"
            lines.append(f"# {line}" if hidden else line)
        return "\n".join(lines) + "\n"

    def from_environment(self) -> dict[str, Any]:
        """Return what the environment sets, by name, as a file would have it: secrets are not masked."""
        found = {}
        for path, _ in _leaves(type(self)):
            if self._variable(path) in os.environ:
                value = _value(self, path)
                plain = value.get_secret_value() if isinstance(value, SecretStr) else value
                found[".".join(path)] = to_jsonable_python(plain)
        return found

    @classmethod
    def _variable(cls, path: tuple[str, ...]) -> str:
        return cls.prefix() + "__".join(path).upper()

    def _origin(self, path: tuple[str, ...], flags: Mapping[str, Any], in_file: Mapping[str, Any]) -> str:
        if _at(flags, path) is not None:
            return "flag"
        if (variable := self._variable(path)) in os.environ:
            return variable
        secrets = os.environ.get("CREDENTIALS_DIRECTORY")
        if secrets and (Path(secrets) / "__".join(path)).is_file():
            return "credential"
        return "default" if _at(in_file, path) is None else str(self.file())


def _default(field: FieldInfo) -> str:
    if field.default is None or (field.default_factory is not None and field.annotation is str):
        return _UNSET
    return _toml(to_jsonable_python(field.get_default(call_default_factory=True, validated_data={})))


def _toml(value: Any) -> str:
    """Return a value of JSON's kinds as TOML has it, on one line."""
    match value:
        case dict():
            pairs = ", ".join(f"{_toml(key)} = {_toml(each)}" for key, each in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case _:
            return json.dumps(value)


def _value(settings: BaseModel, path: tuple[str, ...]) -> Any:
    value: Any = settings
    for step in path:
        value = getattr(value, step)
    return value


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        values = values.get(step) if isinstance(values, Mapping) else None
    return values


def _leaves(
    model: type[BaseModel], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], type[BaseModel]]]:
    """Yield each setting's path, and the model that its last name is a field of."""
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _leaves(field.annotation, (*above, name))
        else:
            yield (*above, name), model
