"""What stands in an account, by name, and every text of it: read by plain boto3, for accounts that chance drew.

Rule: it shares no code with the product. A name is what a person calls the thing; ids and ARNs are never compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3

OWN_TAGS = "migrate:"
COUNTED = ("deployments", "events", "pendingCount", "runningCount")
"""What ECS counts by itself; how many are wanted is compared."""


class Reader:
    """One account in some regions."""

    def __init__(self, url: str, key: dict[str, str], regions: tuple[str, ...]) -> None:
        self._given: dict[str, Any] = {"endpoint_url": url, **key}
        self.regions = regions
        self.names: dict[str, set[tuple[str, str]]] = {}
        """sort → (region, name)."""
        self.texts: dict[str, str] = {}
        """Where → what stands there."""
        self.held: dict[tuple[str, str, str], str] = {}
        """(sort, region, name) → the value that people keep there."""
        for region in regions:
            for read in (self._events, self._messages, self._settings, self._containers, self._stores, self._network):
                for sort, name, said in read(region):
                    self._keep(sort, region, name, said)
        for sort, name, said in self._global():
            self._keep(sort, "", name, said)

    def _keep(self, sort: str, region: str, name: str, said: Any) -> None:
        self.names.setdefault(sort, set()).add((region, name))
        self.texts[f"{sort} {region} {name}"] = json.dumps(_plain(said), sort_keys=True, ensure_ascii=False)

    def _client(self, service: str, region: str) -> Any:
        return boto3.client(service, region_name=region, **self._given)

    def _all(self, service: str, region: str, operation: str, field: str, **params: Any) -> Iterator[Any]:
        client = self._client(service, region)
        if not client.can_paginate(operation):
            yield from getattr(client, operation)(**params).get(field, [])
            return
        for page in client.get_paginator(operation).paginate(**params):
            yield from page.get(field, [])

    def _events(self, region: str) -> Iterator[tuple[str, str, Any]]:
        events, scheduler = self._client("events", region), self._client("scheduler", region)
        for rule in self._all("events", region, "list_rules", "Rules"):
            yield "rules", rule["Name"], [rule, events.list_targets_by_rule(Rule=rule["Name"])["Targets"]]
        for one in self._all("scheduler", region, "list_schedules", "Schedules"):
            yield "schedules", one["Name"], scheduler.get_schedule(Name=one["Name"])
        for one in self._all("cloudwatch", region, "describe_alarms", "MetricAlarms"):
            yield "alarms", one["AlarmName"], {name: one[name] for name in one if name != "StateReasonData"}

    def _messages(self, region: str) -> Iterator[tuple[str, str, Any]]:
        sqs, sns = self._client("sqs", region), self._client("sns", region)
        for url in self._all("sqs", region, "list_queues", "QueueUrls"):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            yield "queues", url.rpartition("/")[2], attributes
        for topic in self._all("sns", region, "list_topics", "Topics"):
            arn = topic["TopicArn"]
            more = list(self._all("sns", region, "list_subscriptions_by_topic", "Subscriptions", TopicArn=arn))
            yield "topics", arn.rpartition(":")[2], [sns.get_topic_attributes(TopicArn=arn)["Attributes"], more]

    def _settings(self, region: str) -> Iterator[tuple[str, str, Any]]:
        ssm, secrets = self._client("ssm", region), self._client("secretsmanager", region)
        for one in self._all("ssm", region, "describe_parameters", "Parameters"):
            held = ssm.get_parameter(Name=one["Name"], WithDecryption=True)["Parameter"]
            self.held["parameters", region, one["Name"]] = held["Value"]
            yield "parameters", one["Name"], held
        for one in self._all("secretsmanager", region, "list_secrets", "SecretList"):
            text = secrets.get_secret_value(SecretId=one["ARN"])["SecretString"]
            self.held["secrets", region, one["Name"]] = text
            yield "secrets", one["Name"], [text, one.get("Description", "")]
        for one in self._all("logs", region, "describe_log_groups", "logGroups"):
            yield "log_groups", one["logGroupName"], one

    def _containers(self, region: str) -> Iterator[tuple[str, str, Any]]:
        ecs = self._client("ecs", region)
        for cluster in self._all("ecs", region, "list_clusters", "clusterArns"):
            for arn in self._all("ecs", region, "list_services", "serviceArns", cluster=cluster):
                (one,) = ecs.describe_services(cluster=cluster, services=[arn])["services"]
                if one["status"] == "ACTIVE":
                    yield "services", one["serviceName"], {n: one[n] for n in one if n not in COUNTED}
        for arn in self._all("ecs", region, "list_task_definitions", "taskDefinitionArns"):
            one = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
            yield "task_definitions", one["family"], {name: one[name] for name in one if name != "registeredBy"}

    def _stores(self, region: str) -> Iterator[tuple[str, str, Any]]:
        kms = self._client("kms", region)
        for one in self._all("dynamodb", region, "list_tables", "TableNames"):
            items = list(self._all("dynamodb", region, "scan", "Items", TableName=one))
            yield "tables", one, sorted(items, key=str)
        for one in self._all("kms", region, "list_aliases", "Aliases"):
            if not one["AliasName"].startswith("alias/aws/") and "TargetKeyId" in one:
                policy = kms.get_key_policy(KeyId=one["TargetKeyId"], PolicyName="default")["Policy"]
                yield "keys", one["AliasName"].removeprefix("alias/"), policy

    def _network(self, region: str) -> Iterator[tuple[str, str, Any]]:
        for one in self._all("ec2", region, "describe_security_groups", "SecurityGroups"):
            if one["GroupName"] != "default":
                yield "groups", one["GroupName"], one

    def _global(self) -> Iterator[tuple[str, str, Any]]:
        iam, s3 = self._client("iam", self.regions[0]), self._client("s3", self.regions[0])
        for role in self._all("iam", self.regions[0], "list_roles", "Roles"):
            if role["RoleName"] != "OrganizationAccountAccessRole" and "/aws-service-role/" not in role["Path"]:
                attached = iam.list_attached_role_policies(RoleName=role["RoleName"])["AttachedPolicies"]
                yield "roles", role["RoleName"], [iam.get_role(RoleName=role["RoleName"])["Role"], attached]
        for one in self._all("iam", self.regions[0], "list_policies", "Policies", Scope="Local"):
            version = iam.get_policy_version(PolicyArn=one["Arn"], VersionId=one["DefaultVersionId"])
            yield "policies", one["PolicyName"], version["PolicyVersion"]["Document"]
        for bucket in s3.list_buckets()["Buckets"]:
            objects = [
                [one["Key"], one["Size"], one["ETag"]]
                for one in self._all("s3", self.regions[0], "list_objects_v2", "Contents", Bucket=bucket["Name"])
            ]
            yield "buckets", bucket["Name"], objects


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Where two readings differ, with the text around the first letter that does."""
    found = [f"gone: {where}" for where in before.keys() - after.keys()]
    found += [f"new: {where}" for where in after.keys() - before.keys()]
    for where in sorted(before.keys() & after.keys()):
        old, new = before[where], after[where]
        if old != new:
            apart = (n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b)
            at = max(next(apart, min(len(old), len(new))) - 60, 0)
            found.append(f"{where}: was …{old[at : at + 160]}…, is …{new[at : at + 160]}…")
    return found


def _plain(value: Any) -> Any:
    """Without the migration's own marks, which are there to say where a thing came from."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if k != "ResponseMetadata" and not str(k).startswith(OWN_TAGS)}
    if isinstance(value, list):
        marks = ("Key", "key", "TagKey")
        return [
            _plain(one)
            for one in value
            if not (isinstance(one, dict) and any(str(one.get(mark, "")).startswith(OWN_TAGS) for mark in marks))
        ]
    # A time says when it was read or switched, not what it is.
    return value if isinstance(value, (str, int, float, bool, type(None))) else ""
