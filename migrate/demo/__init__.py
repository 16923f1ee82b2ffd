"""The embedded world: an emulated AWS with strict rules and real PostgreSQL servers, all on loopback.

The one rule it keeps: nothing outside this package knows it exists; the product reaches it like any other endpoint.
"""
