"""What one listing of a service looks like, and what a person does about what it shows. The rule: data only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from migrate.values import Json

NONE: Mapping[str, Json] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Probe:
    """One listing whose every element is something that would be left behind."""

    type: str
    """`service:type`, as in the ARN."""
    operation: str
    ids: str
    """JMESPath into one page: a list of ids, names or ARNs."""
    arn: str = ""
    """The ARN of an id that is none: `{id}`, `{account}`, `{region}` are filled in."""
    params: Mapping[str, Json] = field(default_factory=lambda: NONE)
    """`{account}` as a whole value stands for the account."""
    is_global: bool = False
    manual: str = ""
    """What a person does, in this order, with AWS's own calls."""
    verify: str = ""
    """How that person sees that it is done."""


def probe(
    kind: str,
    operation: str,
    ids: str,
    resource: str = "",
    *,
    manual: str,
    verify: str,
    params: Mapping[str, Json] = NONE,
    is_global: bool = False,
    of_nobody: bool = False,
) -> Probe:
    """A listing. `resource` is the ARN's last part where the listing gives no ARN; `of_nobody`: it has no account."""
    service = kind.partition(":")[0]
    where = "" if is_global else "{region}"
    account = "" if of_nobody else "{account}"
    arn = f"arn:{{partition}}:{service}:{where}:{account}:{resource}" if resource else ""
    return Probe(kind, operation, ids, arn, params, is_global, manual, verify)


def ec2(
    kind: str,
    operation: str,
    ids: str,
    *,
    manual: str,
    verify: str,
    filters: Mapping[str, list[str]] = NONE,
    params: Mapping[str, Json] = NONE,
) -> Probe:
    """A listing of EC2: ARNs are `type/id`."""
    wanted: dict[str, Json] = dict(params)
    if filters:
        wanted["Filters"] = [{"Name": name, "Values": values} for name, values in filters.items()]
    return probe(f"ec2:{kind}", f"ec2.{operation}", ids, f"{kind}/{{id}}", params=wanted, manual=manual, verify=verify)
