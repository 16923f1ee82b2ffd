"""A load balancer with its logs, a target group, an encrypted listener and a rule, each with every setting."""

from typing import Any

from migrate.inventory import Resource
from tests.kinds.examples import Change, Example
from tests.kinds.examples import _ground as ground
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import TwoSides


def pairs(**attributes: str) -> list[dict[str, str]]:
    return [{"Key": key.replace("__", "."), "Value": value} for key, value in attributes.items()]


def tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "elbv2").add_tags(ResourceArns=[it.arn], Tags=needed.OTHER_PAIRS)


def changed(operation: str, key: str, **params: Any) -> Change:
    """A change of one call, which names the thing by its ARN in the parameter `key`."""

    def change(world: TwoSides, it: Resource) -> None:
        getattr(world.client("target", "elbv2"), operation)(**{key: it.arn}, **params)

    return change


def a_balancer(world: TwoSides) -> Resource:
    network = ground.a_network(world)
    elb = world.client("legacy", "elbv2")
    made = elb.create_load_balancer(
        Name="front",
        Type="application",
        Scheme="internal",
        IpAddressType="dualstack",
        Subnets=list(network.subnets),
        SecurityGroups=[network.group],
        Tags=needed.PAIRS,
    )
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=made["LoadBalancers"][0]["LoadBalancerArn"],
        Attributes=pairs(
            access_logs__s3__enabled="true",
            access_logs__s3__bucket="shop-logs",
            access_logs__s3__prefix="front",
            connection_logs__s3__enabled="true",
            connection_logs__s3__bucket="shop-logs",
            client_keep_alive__seconds="1800",
            deletion_protection__enabled="true",
            idle_timeout__timeout_seconds="120",
            load_balancing__cross_zone__enabled="false",
            routing__http__desync_mitigation_mode="strictest",
            routing__http__drop_invalid_header_fields__enabled="true",
            routing__http__preserve_host_header__enabled="true",
            routing__http__x_amzn_tls_version_and_cipher_suite__enabled="true",
            routing__http__xff_client_port__enabled="true",
            routing__http__xff_header_processing__mode="preserve",
            routing__http2__enabled="false",
            waf__fail_open__enabled="true",
            zonal_shift__config__enabled="true",
        ),
    )
    return needed.scanned(world, "elbv2.load_balancer", "front")


def balancer_in_other_subnets(world: TwoSides, it: Resource) -> None:
    kept = it.facts["subnets"][0]["SubnetId"]
    changed("set_subnets", "LoadBalancerArn", Subnets=[kept, ground.another_subnet(world)])(world, it)


def balancer_in_another_group(world: TwoSides, it: Resource) -> None:
    changed("set_security_groups", "LoadBalancerArn", SecurityGroups=[ground.another_group(world)])(world, it)


def a_target_group(world: TwoSides, name: str = "web") -> Resource:
    network = ground.a_network(world)
    elb = world.client("legacy", "elbv2")
    made = elb.create_target_group(
        Name=name,
        TargetType="ip",
        Protocol="HTTPS",
        ProtocolVersion="HTTP2",
        Port=8443,
        VpcId=network.vpc,
        IpAddressType="ipv4",
        HealthCheckProtocol="HTTP",
        HealthCheckPort="8081",
        HealthCheckPath="/health?deep=1",
        HealthCheckIntervalSeconds=12,
        HealthCheckTimeoutSeconds=4,
        HealthyThresholdCount=3,
        UnhealthyThresholdCount=4,
        Matcher={"HttpCode": "200,202"},
        Tags=needed.PAIRS,
    )
    elb.modify_target_group_attributes(
        TargetGroupArn=made["TargetGroups"][0]["TargetGroupArn"],
        Attributes=pairs(
            deregistration_delay__timeout_seconds="17",
            slow_start__duration_seconds="60",
            stickiness__enabled="true",
            stickiness__type="app_cookie",
            stickiness__app_cookie__cookie_name="basket",
            stickiness__app_cookie__duration_seconds="3600",
            load_balancing__algorithm__type="least_outstanding_requests",
            load_balancing__cross_zone__enabled="true",
            target_group_health__dns_failover__minimum_healthy_targets__count="2",
        ),
    )
    return needed.scanned(world, "elbv2.target_group", name)


def behind_a_balancer(world: TwoSides) -> str:
    """A load balancer with two target groups, on both sides; its legacy ARN."""
    network = ground.a_network(world)
    elb = world.client("legacy", "elbv2")
    for name, port in (("web", 8080), ("canary", 8081)):
        elb.create_target_group(Name=name, Protocol="HTTP", Port=port, VpcId=network.vpc, TargetType="ip")
        needed.moved(world, "elbv2.target_group", name)
    made = elb.create_load_balancer(Name="front", Subnets=list(network.subnets), SecurityGroups=[network.group])
    needed.moved(world, "elbv2.load_balancer", "front")
    return str(made["LoadBalancers"][0]["LoadBalancerArn"])


def group(world: TwoSides, name: str, side: Any = "legacy") -> str:
    found = world.client(side, "elbv2").describe_target_groups(Names=[name])
    return str(found["TargetGroups"][0]["TargetGroupArn"])


def a_certificate(world: TwoSides, name: str) -> str:
    """One that people uploaded, under the same name on both sides; legacy's ARN."""
    for side in ("target", "legacy"):
        arn = another_certificate(world, name, side)
    return arn


def another_certificate(world: TwoSides, name: str, side: Any = "target") -> str:
    iam = world.client(side, "iam")
    made = iam.upload_server_certificate(ServerCertificateName=name, CertificateBody="body", PrivateKey="key")
    return str(made["ServerCertificateMetadata"]["Arn"])


def a_listener(world: TwoSides) -> Resource:
    balancer = behind_a_balancer(world)
    elb = world.client("legacy", "elbv2")
    first, second, third = (a_certificate(world, name) for name in ("shop", "www", "api"))
    both = [{"TargetGroupArn": group(world, name), "Weight": weight} for name, weight in (("web", 9), ("canary", 1))]
    sticky = {"Enabled": True, "DurationSeconds": 600}
    arn = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTPS",
        Port=8443,
        SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06",
        Certificates=[{"CertificateArn": first}],
        AlpnPolicy=["HTTP2Preferred"],
        DefaultActions=[
            {"Type": "forward", "ForwardConfig": {"TargetGroups": both, "TargetGroupStickinessConfig": sticky}}
        ],
        Tags=needed.PAIRS,
    )["Listeners"][0]["ListenerArn"]
    elb.add_listener_certificates(ListenerArn=arn, Certificates=[{"CertificateArn": second}, {"CertificateArn": third}])
    elb.modify_listener_attributes(
        ListenerArn=arn,
        Attributes=pairs(
            routing__http__response__server__enabled="false",
            routing__http__response__strict_transport_security__header_value="max-age=31536000",
            routing__http__request__x_amzn_tls_version__header_name="X-Tls-Version",
        ),
    )
    return needed.scanned(world, "elbv2.listener", "front:8443")


def listener_without_a_certificate(world: TwoSides, it: Resource) -> None:
    less = [{"CertificateArn": it.facts["more_certificate_arns"][0]}]
    changed("remove_listener_certificates", "ListenerArn", Certificates=less)(world, it)


def listener_with_another_certificate(world: TwoSides, it: Resource) -> None:
    other = [{"CertificateArn": another_certificate(world, "other")}]
    actions = it.facts["default_actions"]
    changed("modify_listener", "ListenerArn", Certificates=other, DefaultActions=actions)(world, it)


def listener_says(**params: Any) -> Change:
    def change(world: TwoSides, it: Resource) -> None:
        # What is not said the emulator takes away.
        said = {"DefaultActions": it.facts["default_actions"]} | params
        changed("modify_listener", "ListenerArn", **said)(world, it)

    return change


CLOSED = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503", "ContentType": "text/plain"}}]


def a_rule(world: TwoSides) -> Resource:
    balancer = behind_a_balancer(world)
    elb = world.client("legacy", "elbv2")
    arn = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="HTTP",
        Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group(world, "web")}],
    )["Listeners"][0]["ListenerArn"]
    needed.moved(world, "elbv2.listener", "front:80")
    both = [{"TargetGroupArn": group(world, name), "Weight": weight} for name, weight in (("web", 5), ("canary", 5))]
    sticky = {"Enabled": True, "DurationSeconds": 600}
    elb.create_rule(
        ListenerArn=arn,
        Priority=17,
        Conditions=[
            {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/b/*", "/a/*"]}},
            {"Field": "host-header", "HostHeaderConfig": {"Values": ["shop.example"]}},
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Canary", "Values": ["1"]}},
            {"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}]}},
            {"Field": "source-ip", "SourceIpConfig": {"Values": ["203.0.113.0/24"]}},
        ],
        Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": both, "TargetGroupStickinessConfig": sticky}}],
        Tags=needed.PAIRS,
    )
    return needed.scanned(world, "elbv2.rule", "front:80/17")


def rule_forwards_elsewhere(world: TwoSides, it: Resource) -> None:
    only = [{"Type": "forward", "TargetGroupArn": group(world, "canary", "target")}]
    changed("modify_rule", "RuleArn", Actions=only)(world, it)


AT_CREATION = "AWS takes it when the thing is created only"
EMULATOR = "the emulator does not keep it; the request is checked against AWS's shapes"

EXAMPLES = (
    Example(
        "elbv2.load_balancer",
        a_balancer,
        {
            "ip_address_type": changed("set_ip_address_type", "LoadBalancerArn", IpAddressType="ipv4"),
            "subnets": balancer_in_other_subnets,
            "security_group_ids": balancer_in_another_group,
            "attributes": changed(
                "modify_load_balancer_attributes",
                "LoadBalancerArn",
                Attributes=pairs(access_logs__s3__enabled="false"),
            ),
            "tags": tagged,
        },
        fixed={
            "balancer_type": AT_CREATION,
            "scheme": AT_CREATION,
            "vpc_id": AT_CREATION,
            "private_link_rules": EMULATOR,
            "ipv6_source_nat": EMULATOR,
        },
    ),
    Example(
        "elbv2.target_group",
        a_target_group,
        {
            "health_check_enabled": changed("modify_target_group", "TargetGroupArn", HealthCheckEnabled=False),
            "health_check": changed("modify_target_group", "TargetGroupArn", HealthCheckPath="/other"),
            "attributes": changed(
                "modify_target_group_attributes", "TargetGroupArn", Attributes=pairs(stickiness__enabled="false")
            ),
            "tags": tagged,
        },
        fixed={
            "target_type": AT_CREATION,
            "protocol": AT_CREATION,
            "protocol_version": AT_CREATION,
            "port": AT_CREATION,
            "vpc_id": AT_CREATION,
            "ip_address_type": AT_CREATION,
            "control_port": AT_CREATION,
            "targets": "addresses are ECS's to register; functions and load balancers have an example of their own",
        },
    ),
    Example(
        "elbv2.listener",
        a_listener,
        {
            "attributes": changed(
                "modify_listener_attributes",
                "ListenerArn",
                Attributes=pairs(routing__http__response__server__enabled="true"),
            ),
            "more_certificate_arns": listener_without_a_certificate,
            "certificate_arn": listener_with_another_certificate,
            "ssl_policy": listener_says(SslPolicy="ELBSecurityPolicy-2016-08"),
            "default_actions": listener_says(DefaultActions=CLOSED),
            "protocol": listener_says(Protocol="HTTP"),
            "tags": tagged,
        },
        fixed={
            "load_balancer_arn": AT_CREATION,
            "port": "its name: on another port it is another listener",
            "alpn_policy": EMULATOR,
            "mutual_authentication": EMULATOR,
        },
    ),
    Example(
        "elbv2.rule",
        a_rule,
        {
            "conditions": changed(
                "modify_rule",
                "RuleArn",
                Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/c/*"]}}],
            ),
            "actions": rule_forwards_elsewhere,
            "tags": tagged,
        },
        fixed={
            "listener_arn": AT_CREATION,
            "priority": "its name: with another priority it is another rule",
            "transforms": EMULATOR,
        },
    ),
)
