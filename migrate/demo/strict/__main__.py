"""Print the rules of the embedded world: `python -m migrate.demo.strict`.

The one rule it keeps: what is printed is what is applied, from the same list.
"""

from __future__ import annotations

from migrate.demo.strict import load


def main() -> None:
    """Print one rule a line: id, what it makes AWS-like, source."""
    rules = load()
    width = max(len(rule.rule_id) for rule in rules)
    for rule in rules:
        print(f"{rule.rule_id:<{width}}  {rule.makes}")
        print(f"{'':<{width}}  Source: {rule.source}")
    print(f"{len(rules)} rules")


if __name__ == "__main__":
    main()
