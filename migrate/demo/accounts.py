"""The accounts of the embedded world and the one long-lived key that opens them.

The one rule it keeps: these are names of a world that exists on loopback only; none of them is a secret.
"""

from __future__ import annotations

from typing import Final

LEGACY: Final = "111111111111"
TARGETS: Final[dict[str, str]] = {
    "production": "222222222222",
    "development": "333333333333",
    "infra": "444444444444",
    "sensitive_data": "555555555555",
}
STAGING: Final = "666666666666"
"""Nothing moves there: it is for a copy of production's shape."""
ACCOUNTS: Final[frozenset[str]] = frozenset({LEGACY, STAGING, *TARGETS.values()})

# Exactly 20 characters of A-Z0-9: the emulator reads the key out of the Authorization header with that pattern.
OPERATOR_KEY: Final = "AKIADEMOLEGACY111111"
OPERATOR_SECRET: Final = "embedded-world-no-secret"
OPERATOR_ARN: Final = f"arn:aws:sts::{LEGACY}:assumed-role/Administrator/operator"
TARGET_ROLE: Final = "OrganizationAccountAccessRole"
