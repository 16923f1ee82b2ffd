"""Who reaches what: how much one stolen identity can read, change and delete, before the move and after it. Pure.

The rule: what could not be decided is counted by itself, and never as reached or as out of reach.
"""
