"""What an instance runs when it first starts: read as text, so that the names in it are found and rewritten.

The rule: what is no text stays the bytes that it is; nothing in it is rewritten.
"""

from base64 import b64decode, b64encode

from migrate.kind import Json, ReadSite


def decoded(site: ReadSite, encoded: str | None) -> Json:
    """The text (sealed where it looks like a credential), `{"base64": …}` of what is none, or None where there is
    nothing."""
    if not encoded:
        return None
    text = plain(encoded)
    return {"base64": encoded} if text is None else site.seal("user_data", text)


def plain(encoded: str) -> str | None:
    """The text itself, or None where it is none (compressed, or a program)."""
    try:
        return b64decode(encoded).decode()
    except ValueError:
        return None


def encode(text: str) -> str:
    """As a launch template takes it."""
    return b64encode(text.encode()).decode()
