"""The figures we claim, and how to get them again: `python -m bench [NAME ...]`. The product imports nothing of it."""
