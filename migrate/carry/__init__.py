"""Moving bytes, shared by kinds. The rule: look first, so that running again goes on where it stopped."""
