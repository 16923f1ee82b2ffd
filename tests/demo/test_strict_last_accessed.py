"""IAM's last accessed information in the embedded world: by the version of a policy that is in force."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.world


def test_what_an_attached_policy_allows_now_is_reported(legacy: Callable[[str], Any], name: str) -> None:
    def allowing(action: str) -> str:
        return json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}
        )

    iam = legacy("iam")
    policy = iam.create_policy(PolicyName=name, PolicyDocument=allowing("ses:SendEmail"))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=policy, PolicyDocument=allowing("sns:Publish"), SetAsDefault=True)
    user = iam.create_user(UserName=name)["User"]["Arn"]
    iam.attach_user_policy(UserName=name, PolicyArn=policy)

    job = iam.generate_service_last_accessed_details(Arn=user, Granularity="ACTION_LEVEL")["JobId"]
    iam.get_service_last_accessed_details(JobId=job)  # In progress yet.
    report = iam.get_service_last_accessed_details(JobId=job)

    assert report["JobStatus"] == "COMPLETED"
    assert [one["ServiceNamespace"] for one in report["ServicesLastAccessed"]] == ["sns"]
