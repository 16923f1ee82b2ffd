"""The commands that a page tells people to type, held against those that a story typed."""

from __future__ import annotations

from pathlib import Path


def page_not_typed(typed: list[list[str]]) -> list[str]:
    """The commands of "The whole way" in docs/people.md that were not typed, in that order, with those options."""
    page = (Path(__file__).parents[2] / "docs" / "people.md").read_text(encoding="utf-8")
    block = page.partition("## The whole way")[2].partition("\n## ")[0]
    lines = [line.partition("#")[0] for line in block.splitlines() if line.startswith("    migrate ")]
    commands = [one.split()[1:] for line in lines for one in line.split("&&")]
    assert len(commands) >= 10
    at, left = 0, []
    for words in commands:
        wanted = [word for word in words if word != "acme"]
        later = next((n for n in range(at, len(typed)) if all(word in typed[n] for word in wanted)), None)
        if later is None:
            left.append(" ".join(words))
        else:
            at = later + 1
    return left
