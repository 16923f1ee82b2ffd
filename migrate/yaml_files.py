"""YAML files that people write: read with line numbers, so that an error can name one. The rule: never written here.

What no person writes is refused here once, so that nobody behind it has to think of it.
"""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from migrate.errors import ConfigError

DEEPEST, MOST = 40, 1_000_000
"""Levels of a document, and values in it, those that an alias repeats counted as often as it does."""


def read_yaml(path: Path) -> Any:
    """A YAML file with its line numbers. Raises ConfigError."""
    try:
        document = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", do="migrate init <folder>") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text", do="save it as UTF-8") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path}{line}: {getattr(error, 'problem', error)}", do="mend the YAML there") from None
    except RecursionError:
        raise ConfigError(f"{path} has lists or mappings more than {DEEPEST} deep", do="mend the YAML") from None
    except ValueError as error:
        # A number of thousands of digits, a date that is none.
        raise ConfigError(f"{path} holds a value that is none: {error}", do="mend it, or put it in quotes") from None
    _refuse_the_odd(path, document)
    return document


def _refuse_the_odd(path: Path, document: Any) -> None:
    ahead: list[tuple[Any, tuple[int | str, ...]]] = [(document, ())]
    seen = 0

    def wrong(where: tuple[int | str, ...], said: str) -> ConfigError:
        return ConfigError(f"{path}, line {line_of(document, where) or 1}: {said}", do="mend it there")

    while ahead:
        value, where = ahead.pop()
        seen += 1
        if seen > MOST:
            raise wrong((), f"the file holds more than {MOST:,} values: an alias repeats others that repeat others")
        if len(where) > DEEPEST:
            raise wrong(where, f"lists or mappings more than {DEEPEST} deep")
        if isinstance(value, dict):
            ahead += [(item, (*where, key)) for key, item in value.items()]
            if any(key is None for key in value):
                raise wrong(where, "a key is empty")
            value = "".join(key for key in value if isinstance(key, str))
        elif isinstance(value, list):
            ahead += [(item, (*where, number)) for number, item in enumerate(value)]
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise wrong(where, f"{'.'.join(map(str, where))} holds half a character") from None


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
