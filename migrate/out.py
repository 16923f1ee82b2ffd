"""What a person or a program is shown. stdout is the result, stderr everything else. The rule: under --json, stdout is
one JSON document, however the verb ends."""

import json
import sys
from typing import Any


class Out:
    """Where a verb says things."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self._value: Any = None

    def say(self, text: str = "") -> None:
        """A line for people, on stderr."""
        print(text, file=sys.stderr, flush=True)

    def result(self, text: str, value: Any = None) -> None:
        """The result: text for people; under --json the value, printed when the verb has ended."""
        if self.as_json:
            self._value = value if value is not None else text
        elif text:
            print(text, flush=True)

    def end(self, error: dict[str, Any] | None = None) -> None:
        """Under --json: print the one document, with the error's fields where the verb ended with one."""
        if not self.as_json:
            return
        value = self._value
        if error is not None:
            said = value if isinstance(value, dict) else {} if value is None else {"result": value}
            value = {**said, **error}
        json.dump(value, sys.stdout, indent=1, sort_keys=True, ensure_ascii=False, default=str)
        print(flush=True)
