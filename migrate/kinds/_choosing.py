"""Which way a store's data goes, and what the other ways would cost. The rule: the costs of all are said."""

from collections.abc import Mapping

WAY = "strategy"
"""Where a carrying step's approved summary says which way was chosen."""


def chosen(strategies: Mapping[str, str], strategy: str) -> str:
    """The way that was chosen; the first where nothing was said."""
    return strategy or next(iter(strategies))


def told(strategies: Mapping[str, str], strategy: str) -> dict[str, str]:
    """What the plan's reader sees: the way, its cost, and each other way with its cost."""
    way = chosen(strategies, strategy)
    others = "; ".join(f"{name}: {cost}" for name, cost in strategies.items() if name != way)
    return {WAY: way, "costs": strategies.get(way, ""), "instead (migration.yaml, stores)": others}
