"""YAML files that people write: read with line numbers, so that an error can name one. The rule: never written here."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from migrate.errors import ConfigError


def read_yaml(path: Path) -> Any:
    """A YAML file with its line numbers. Raises ConfigError."""
    try:
        return YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", do="migrate init <folder>") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text", do="save it as UTF-8") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line}: {getattr(error, 'problem', error)}", do="mend the YAML there") from None


def line_of(document: Any, where: tuple[int | str, ...]) -> int | None:
    """The 1-based line of a field, or of the innermost parent that has one."""
    line = None
    try:
        line = document.lc.line + 1
        for key in where:
            place = document.lc.key(key) if isinstance(key, str) else document.lc.item(key)
            line = place[0] + 1
            document = document[key]
    except (AttributeError, KeyError, IndexError, TypeError):
        pass
    return line


def plain(value: Any) -> Any:
    """The same without comments and line numbers; keys are text."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value
