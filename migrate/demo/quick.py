"""What makes the emulator quicker.

The rule: every answer stays what it was; only work that is done anew each time goes. Over a run of the example that was
a quarter of the world's CPU.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any

from moto.core import loaders, responses
from moto.core import utils as core_utils
from moto.moto_api._internal.moto_random import HEX_CHARS, MotoRandom
from werkzeug.routing import Rule


class _Methods:
    """The names of a class's functions: asked about one, it looks at that one, not at all of them."""

    def __init__(self, of: type) -> None:
        self._of = of

    def __contains__(self, name: str) -> bool:
        return inspect.isfunction(getattr(self._of, name, None))


def _random_string(self: Any, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    made = "".join(self.choices(_LETTERS_AND_DIGITS if include_digits else _LETTERS, k=length))
    return made.lower() if lower_case else made


def _random_hex(self: Any, length: int = 8) -> str:
    return "".join(map(str, self.choices(HEX_CHARS, k=length)))


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTERS_AND_DIGITS = _LETTERS + "0123456789"


def _builder_when_asked(compile_builder: Any) -> Any:
    """Rules can match and build URLs; the code for building is made for each, and nobody here ever builds one."""

    def later(self: Rule, append_unknown: bool = True) -> Any:
        def build(self: Rule, *named: Any, **more: Any) -> Any:
            return compile_builder(self, append_unknown).__get__(self, None)(*named, **more)

        return build

    return later


@functools.cache
def enter() -> None:
    """From now on in this process."""
    # setattr: none of this is the emulator's to be assigned, as far as its types say.
    for module, name, value in (
        (responses, "method_names_from_class", _Methods),
        (MotoRandom, "get_random_string", _random_string),
        (MotoRandom, "get_random_hex", _random_hex),
        # Each service's first request would list the folders of all services, a thousand files.
        (core_utils, "create_loader", functools.cache(loaders.create_loader)),
        (Rule, "_compile_builder", _builder_when_asked(Rule._compile_builder)),
    ):
        setattr(module, name, value)
