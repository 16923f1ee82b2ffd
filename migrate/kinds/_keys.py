"""Which KMS key encrypts a thing. The rule: the key that AWS manages is nobody's choice, and the target has its own."""

from migrate.kind import ReadSite


def customers_key(site: ReadSite, key: str | None) -> str | None:
    """The ARN of a customer's key, however it is named; None for none, or one that AWS manages."""
    if not key:
        return None
    answer = site.optional("kms.DescribeKey", missing=("NotFoundException",), KeyId=key)
    known = (answer or {}).get("KeyMetadata", {})
    return None if known.get("KeyManager") == "AWS" else str(known.get("Arn") or key)
