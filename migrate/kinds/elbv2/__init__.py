"""Load balancers of the second generation: the balancer, target groups, listeners, rules. Made beside legacy's."""

from typing import Any

from migrate.kind import Kind
from migrate.kinds.elbv2.listener import Listener
from migrate.kinds.elbv2.load_balancer import LoadBalancer
from migrate.kinds.elbv2.rule import Rule
from migrate.kinds.elbv2.target_group import TargetGroup

KINDS: tuple[Kind[Any], ...] = (LoadBalancer(), TargetGroup(), Listener(), Rule())
