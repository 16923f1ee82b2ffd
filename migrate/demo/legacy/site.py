"""What every area of the legacy account shares: the session, names, ARNs and tags.

Rule: names and content come from constants and fixed seeds only, so two builds differ in AWS's own ids alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import boto3

Env = Literal["dev", "prod"]
ENVS: tuple[Env, Env] = ("dev", "prod")
# A supplier's account: it appears in documents of the legacy account and has to stay there, digit by digit.
PARTNER_ACCOUNT = "999988887777"
DOMAIN = "shop.example"


@dataclass(frozen=True)
class Site:
    """One account and region under construction, with one client per service."""

    session: boto3.Session
    account: str
    region: str
    clients: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, session: boto3.Session) -> Site:
        """Ask who the session is; nothing is built yet."""
        account = str(session.client("sts").get_caller_identity()["Account"])
        return cls(session=session, account=account, region=str(session.region_name))

    def client(self, service: str) -> Any:
        """Return the one client of a service."""
        if service not in self.clients:
            self.clients[service] = self.session.client(service)
        return self.clients[service]

    def arn(self, service: str, resource: str) -> str:
        """Name a resource of this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def role(self, name: str) -> str:
        """Name a role of this account."""
        return f"arn:aws:iam::{self.account}:role/{name}"

    def managed_policy(self, name: str) -> str:
        """Name a customer managed policy of this account."""
        return f"arn:aws:iam::{self.account}:policy/{name}"

    def queue_url(self, name: str) -> str:
        """Spell a queue's URL as AWS does, whatever endpoint the session talks to."""
        return f"https://sqs.{self.region}.amazonaws.com/{self.account}/{name}"

    @property
    def root(self) -> str:
        """The principal that stands for the whole account."""
        return f"arn:aws:iam::{self.account}:root"

    @property
    def registry(self) -> str:
        """The registry's host name."""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com"


def named(name: str, env: Env | None = None, /, **more: str) -> dict[str, str]:
    """Tags as a mapping: always a Name, an env only where its owner bothered."""
    return {"Name": name, **({"env": env} if env else {}), **more}


def pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in the form most services take."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def specification(resource_type: str, tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """Tags in the form of EC2's create calls."""
    return [{"ResourceType": resource_type, "Tags": pairs(tags)}]


def document(*statements: Mapping[str, Any]) -> str:
    """Write a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: str | list[str], resources: str | list[str], **more: Any) -> dict[str, Any]:
    """Write one Allow statement."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}
