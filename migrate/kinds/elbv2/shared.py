"""What the parts of a load balancer share: look-ups, attributes, tags, actions in one form.

The rule: what AWS writes in two ways (a forward to one target group) has one form here, on both sides.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from migrate.kind import Json, ReadSite, after, pair_tags

ARN = after("create", "arn")


def ordered(items: Iterable[Json]) -> list[Json]:
    """Items of a list whose order has no meaning, in an order that their content alone decides."""
    return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))


def balancers(site: ReadSite, name: str | None = None) -> list[dict[str, Any]]:
    """Every load balancer, or the one of that name, or none."""
    if name is None:
        return list(site.pages("elbv2.DescribeLoadBalancers", "LoadBalancers", PageSize=400))
    answer = site.optional("elbv2.DescribeLoadBalancers", missing=("LoadBalancerNotFound",), Names=[name])
    return list((answer or {}).get("LoadBalancers", ()))


def listeners(site: ReadSite, balancer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A load balancer's listeners, by port."""
    arn = balancer["LoadBalancerArn"]
    found: list[dict[str, Any]] = list(
        site.pages("elbv2.DescribeListeners", "Listeners", LoadBalancerArn=arn, PageSize=400)
    )
    return sorted(found, key=lambda listener: listener.get("Port", 0))


def port_of(listener: Mapping[str, Any]) -> str:
    """What tells a load balancer's listeners apart. That of a Gateway Load Balancer has no port, and is alone."""
    return str(listener.get("Port", "all"))


def tags_of(site: ReadSite, arns: Sequence[str]) -> dict[str, dict[str, str]]:
    """The tags of each. AWS takes twenty a call. Source: elbv2.DescribeTags, botocore 1.44.5."""
    chunks = [list(arns[at : at + 20]) for at in range(0, len(arns), 20)]
    answers = site.map(lambda chunk: site.call("elbv2.DescribeTags", ResourceArns=chunk), chunks)
    described = [one for answer in answers for one in answer["TagDescriptions"]]
    return {one["ResourceArn"]: pair_tags(one.get("Tags")) for one in described}


def attributes_of(answer: Mapping[str, Any] | None) -> dict[str, str]:
    """Attributes that are set; an empty text is how AWS shows one that is not."""
    return {one["Key"]: one["Value"] for one in (answer or {}).get("Attributes", ()) if one.get("Value")}


def attribute_pairs(attributes: Mapping[str, str]) -> list[Json]:
    """Attributes as the modifying calls take them."""
    return [{"Key": key, "Value": attributes[key]} for key in sorted(attributes)]


def one_form(actions: Sequence[Mapping[str, Any]]) -> list[dict[str, Json]]:
    """Actions in their order; a forward to one target group without stickiness as that group alone."""
    return [_one_form(action, alone=len(actions) == 1) for action in sorted(actions, key=lambda a: a.get("Order", 0))]


def _one_form(action: Mapping[str, Any], *, alone: bool) -> dict[str, Json]:
    plain = {key: value for key, value in action.items() if value is not None and not (alone and key == "Order")}
    forward = plain.get("ForwardConfig")
    if plain.get("Type") != "forward" or not forward:
        return plain
    groups = forward.get("TargetGroups", [])
    sticky = forward.get("TargetGroupStickinessConfig", {})
    plain.pop("TargetGroupArn", None)
    if len(groups) == 1 and not sticky.get("Enabled"):
        del plain["ForwardConfig"]
        return plain | {"TargetGroupArn": groups[0]["TargetGroupArn"]}
    config: dict[str, Json] = {"TargetGroups": ordered(groups)}
    if sticky.get("Enabled"):
        config["TargetGroupStickinessConfig"] = sticky
    return plain | {"ForwardConfig": config}


def target_groups(actions: Iterable[Mapping[str, Any]]) -> list[str]:
    """ARNs of the target groups that actions forward to, without repeats."""
    found: list[str] = []
    for action in actions:
        found += [action["TargetGroupArn"]] if "TargetGroupArn" in action else []
        found += [group["TargetGroupArn"] for group in action.get("ForwardConfig", {}).get("TargetGroups", ())]
    return list(dict.fromkeys(found))
