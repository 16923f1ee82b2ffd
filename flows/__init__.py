"""The Prefect adapter: the only folder that imports prefect. The engine runs the same without it."""
