"""From IAM users in one account to one login for all: who is who, what each may do, and what stands for it there.

The rule: everything here is pure. It reads an inventory and what people decided, and gives values; nothing calls AWS.
"""
