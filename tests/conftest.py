"""For all tests. The rule: only what makes the emulator quicker, never what makes it kinder."""

import os

# Hundreds of machine images an account and region, made anew by each reset, that no test looks at.
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
