"""The label by which a scaling policy names a load balancer and a target group in one text, taken apart.

The rule: each part is a name of its own and is renamed for itself. Source: ResourceLabel of
autoscaling.PutScalingPolicy, botocore 1.44.5: `app/<name>/<suffix>/targetgroup/<name>/<suffix>`.
"""

from collections.abc import Iterator, Mapping

from migrate.kind import Json


def parted(value: Json) -> Json:
    """The document with each label as its two parts."""
    if isinstance(value, list):
        return [parted(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    made = {key: parted(item) for key, item in value.items()}
    label = made.get("ResourceLabel")
    if isinstance(label, str) and "/targetgroup/" in label:
        balancer, _, group = label.partition("/targetgroup/")
        made["ResourceLabel"] = [balancer, f"targetgroup/{group}"]
    return made


def labels(value: Json) -> Iterator[str]:
    """Every part of every label."""
    if isinstance(value, list):
        for item in value:
            yield from labels(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "ResourceLabel" and isinstance(item, list):
                yield from item
            else:
                yield from labels(item)


def joined(value: Json) -> Json:
    """The document as AWS takes it."""
    if isinstance(value, list):
        return [joined(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: joined(item) for key, item in value.items()}
    if isinstance(made.get("ResourceLabel"), list):
        balancer, group = made["ResourceLabel"]
        # Not values.join, which would make one text of them and hide both names.
        made["ResourceLabel"] = {"$join": [balancer, "/", group]}
    return made
