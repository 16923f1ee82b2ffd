"""Rules over IAM users: what a user holds has to go before the user does.

The one rule it keeps: nothing that opens a door is deleted by the way.
"""

from __future__ import annotations

from typing import Any

from migrate.demo.strict import override, strict


@strict(
    "iam.users-in-use",
    makes="a user that has an access key, a password, a policy or a group is not deleted",
    source="iam.DeleteUser, botocore 1.44.5: 'you must delete the items attached to the user manually, or the deletion "
    "fails'",
)
def users_in_use() -> None:
    """The emulator deletes a user with its keys. Certificates and devices are not looked at here."""
    from moto.iam.exceptions import DeleteConflictException
    from moto.iam.models import IAMBackend

    @override(IAMBackend, "delete_user")
    def delete_user(old: Any, self: Any, user_name: str) -> Any:
        user = self.get_user(user_name)
        held = {
            "access keys": user.access_keys,
            "login profile": user.password,
            "policies": [*user.policies, *user.managed_policies],
            "groups": self.get_groups_for_user(user_name),
        }
        for what, there in held.items():
            if there:
                raise DeleteConflictException(f"Cannot delete entity, must delete {what} first.")
        return old(self, user_name)
