"""Rules over load balancers: each has a host of its own, within the zone of its region.

The one rule it keeps: the same name in another account is another host, as it is with AWS.
"""

from __future__ import annotations

import hashlib
from typing import Any

from migrate.demo.strict import override, strict


@strict(
    "elbv2.own-hosts",
    makes="load balancers of one name in two accounts have two hosts, and a zone for each region and sort (simulated)",
    source="elbv2.DescribeLoadBalancers DNSName, CanonicalHostedZoneId, botocore 1.44.5; AWS General Reference, "
    "Elastic Load Balancing endpoints: a column of zones for network load balancers, one for the others",
)
def own_hosts() -> None:
    """The emulator gives `<name>-1.<region>` in every account: a record that was never switched would look switched."""
    from moto.elbv2.models import ELBv2Backend

    @override(ELBv2Backend, "create_load_balancer")
    def create_load_balancer(old: Any, self: Any, *words: Any, **named: Any) -> Any:
        made = old(self, *words, **named)
        is_network = made.type == "network"
        number = hashlib.sha256(f"{self.account_id}/{made.name}".encode()).hexdigest()
        if is_network:
            made.dns_name = f"{made.name}-{number[:16]}.elb.{self.region_name}.amazonaws.com"
        else:
            made.dns_name = f"{made.name}-{int(number[:8], 16)}.{self.region_name}.elb.amazonaws.com"
        zone = hashlib.sha256(f"{self.region_name}/{is_network}".encode()).hexdigest().upper()
        made.canonical_hosted_zone_id = f"Z{zone[:13]}"
        return made
