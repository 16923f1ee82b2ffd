"""What a person or a program is shown. stdout is the result, stderr everything else."""

import json
import sys
from typing import Any


class Out:
    """Where a verb says things."""

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json

    def say(self, text: str = "") -> None:
        """A line for people, on stderr."""
        print(text, file=sys.stderr, flush=True)

    def result(self, text: str, value: Any = None) -> None:
        """The result: text for people, or the value as JSON under --json."""
        if self.as_json:
            json.dump(value, sys.stdout, indent=1, sort_keys=True, ensure_ascii=False, default=str)
            print(flush=True)
        elif text:
            print(text, flush=True)
