"""Collects what an account says of its EC2 machines and what starts them, as documents.py does for the rest.

Rule: as AWS gives it; left out are the marks of a migration and what is gone but still listed.
"""

from __future__ import annotations

import json
from typing import Any

import boto3

from .documents import _all, _plain


def machines(session: boto3.Session) -> dict[str, str]:
    """Text by path: instances, addresses, keys, templates, groups, capacity providers, profiles."""
    ec2, scaling, ecs, iam = (session.client(name) for name in ("ec2", "autoscaling", "ecs", "iam"))
    found: dict[str, Any] = {}
    for reservation in _all(ec2, "describe_instances", "Reservations"):
        for one in reservation["Instances"]:
            if one["State"]["Name"] != "terminated" and not _in_group(one):
                found[f"ec2.instance/{_name(one) or one['InstanceId']}"] = one
    for one in _all(ec2, "describe_addresses", "Addresses"):
        found[f"ec2.address/{_name(one) or one['AllocationId']}"] = one
    for one in _all(ec2, "describe_key_pairs", "KeyPairs"):
        found[f"ec2.key_pair/{one['KeyName']}"] = one
    for one in _all(ec2, "describe_launch_templates", "LaunchTemplates"):
        versions = list(
            _all(
                ec2,
                "describe_launch_template_versions",
                "LaunchTemplateVersions",
                LaunchTemplateId=one["LaunchTemplateId"],
            )
        )
        found[f"ec2.launch_template/{one['LaunchTemplateName']}"] = [one, versions]
    for one in _all(scaling, "describe_auto_scaling_groups", "AutoScalingGroups"):
        # Which machines it has just now is its own affair.
        found[f"autoscaling.group/{one['AutoScalingGroupName']}"] = one | {"Instances": []}
    # With no name the emulator fails.
    clusters = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
    providers = sorted({name for cluster in clusters for name in cluster.get("capacityProviders", ())})
    for one in ecs.describe_capacity_providers(capacityProviders=providers)["capacityProviders"] if providers else ():
        found[f"ecs.capacity_provider/{one['name']}"] = one
    for one in _all(iam, "list_instance_profiles", "InstanceProfiles"):
        found[f"iam.instance_profile/{one['InstanceProfileName']}"] = one
    return {path: json.dumps(_plain(value), sort_keys=True) for path, value in found.items()}


def _in_group(one: dict[str, Any]) -> bool:
    return any(tag["Key"] == "aws:autoscaling:groupName" for tag in one.get("Tags", []))


def _name(one: dict[str, Any]) -> str:
    return next((str(tag["Value"]) for tag in one.get("Tags", []) if tag["Key"] == "Name"), "")
