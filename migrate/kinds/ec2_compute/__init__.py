"""EC2's machines and what they are made from: templates, images, keys, disks, groups of machines."""

from typing import Any

from migrate.kind import Kind
from migrate.kinds.ec2_compute.auto_scaling_group import AutoScalingGroup
from migrate.kinds.ec2_compute.group_notification import GroupNotification
from migrate.kinds.ec2_compute.image import Image
from migrate.kinds.ec2_compute.instance import Instance
from migrate.kinds.ec2_compute.key_pair import KeyPair
from migrate.kinds.ec2_compute.launch_template import LaunchTemplate
from migrate.kinds.ec2_compute.volume import Volume

KINDS: tuple[Kind[Any], ...] = (
    KeyPair(),
    Image(),
    Instance(),
    Volume(),
    LaunchTemplate(),
    AutoScalingGroup(),
    GroupNotification(),
)
