"""The ordinary verbs in a folder within a migration's: `migrate org run F` is `migrate run F/organisation`.

The rule: nothing of the verbs is done anew; what they say to type is spelt as the person types it.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from migrate.errors import MigrateError
from migrate.out import Out

_VERBS = re.compile(r"migrate (plan|review|approve|run|status|verify|rollback)\b")


class Within(NamedTuple):
    """One group of verbs: its word on the command line, and the folder within the migration's."""

    word: str
    folder: str

    def shared(self, verb: Callable[..., int], **ways: Any) -> Callable[..., int]:
        """An ordinary verb, speaking as this group."""

        def act(out: Out, folder: Path, **arguments: Any) -> int:
            speaks = _Speaking(out, self, folder)
            try:
                return verb(speaks, folder, **arguments, **ways)
            except MigrateError as error:
                error.what, error.do = speaks.spoken(error.what), speaks.spoken(error.do)
                error.args = (error.what,)
                raise

        return act


class _Speaking(Out):
    """Says of the ordinary verbs' hints what is to be typed here."""

    def __init__(self, out: Out, within: Within, folder: Path) -> None:
        super().__init__(out.as_json)
        self._out, self._within, self._folder = out, within, folder

    def say(self, text: str = "") -> None:
        self._out.say(self.spoken(text))

    def result(self, text: str, value: Any = None) -> None:
        self._out.result(self.spoken(text), value)

    def spoken(self, text: str) -> str:
        """`migrate run <folder>/organisation` becomes `migrate org run <folder>`; paths of files stay."""
        inner = re.escape(str(self._folder / self._within.folder))
        said = _VERBS.sub(rf"migrate {self._within.word} \1", text)
        return re.sub(rf"{inner}(?![/\w])", lambda _: str(self._folder), said)
