"""Services that hold something and that no kind handles yet: one cheap listing each, so that nothing vanishes, and
for each what a person does about it.

The rule: data only. A row is skipped where a kind covers its `service:type`; what a listing shows becomes a gap.
Operations and their parameters are checked against botocore's models in a test. Source: botocore 1.44.5.
"""

from collections.abc import Mapping

from migrate.names import Arn
from migrate.unhandled import apps, compute, data
from migrate.unhandled.probe import Probe

PROBES: tuple[Probe, ...] = (*compute.PROBES, *apps.PROBES, *data.PROBES)

NOT_LISTED: Mapping[str, str] = {
    "EBS snapshots": "There may be very many; those of images come with them. One that must be kept: "
    "ec2.ModifySnapshotAttribute for the target (under a customer's KMS key also that key; one under aws/ebs must be "
    "copied under another key first), then ec2.CopySnapshot there. Done when ec2.DescribeSnapshots with "
    "OwnerIds=self in the target shows it `completed`.",
    "Registry settings of ECR": "They are of the whole registry: scanning beyond scan-on-push "
    "(ecr.GetRegistryScanningConfiguration, ecr.PutRegistryScanningConfiguration), replication (ecr.DescribeRegistry, "
    "ecr.PutReplicationConfiguration), its policy (ecr.GetRegistryPolicy, ecr.PutRegistryPolicy) and templates "
    "(ecr.DescribeRepositoryCreationTemplates, ecr.CreateRepositoryCreationTemplate): set them in the target in its "
    "own names. Done when the same calls show them there.",
    "Support plan": "Belongs to one account and has no listing outside of a paid plan: order it for the target, or "
    "for the organisation, before the first cut-over; open cases stay with legacy. Done when a case can be opened in "
    "the target.",
    "Service quotas": "A new account starts with less: `migrate doctor` compares, once there is a plan, those of which "
    "each thing counts one; the others (Lambda's concurrency, Fargate's vCPUs, sending limits) compare by hand "
    "(service-quotas.ListServiceQuotas), and ask early "
    "(service-quotas.RequestServiceQuotaIncrease). Done when service-quotas.GetServiceQuota in the target shows the "
    "value.",
    "ECS account settings": "They decide whether ARNs are long, whether tasks in awsvpc mode share an instance's "
    "interfaces (awsvpcTrunking), and whether Container Insights is on: set what ecs.ListAccountSettings with "
    "effectiveSettings shows in legacy, ecs.PutAccountSettingDefault, before the first cluster is made. Done when "
    "ecs.ListAccountSettings in the target shows the same.",
    "Root user and contacts": "The target's root user has an address, second factor and contacts of its own "
    "(account.PutAlternateContact). Done when account.GetAlternateContact shows billing, operations and security.",
    "Account defaults": "Set in the target by hand: iam.UpdateAccountPasswordPolicy, s3control.PutPublicAccessBlock "
    "for the account, ec2.EnableEbsEncryptionByDefault, ec2.EnableImageBlockPublicAccess. Done when "
    "iam.GetAccountPasswordPolicy and ec2.GetEbsEncryptionByDefault show what legacy shows.",
}
"""What a scan does not list, because it belongs to the whole account or is too many: what a person does about it."""

NAMED_ONLY: Mapping[str, str] = {
    # Source: elbv2 in botocore 1.44.5: the bundle comes as a URL that lives for ten minutes, and goes in from a bucket.
    "elasticloadbalancing:truststore": "by hand, with legacy's and the target's credentials in turn: "
    '`curl -o ca.pem "$(aws elbv2 get-trust-store-ca-certificates-bundle --trust-store-arn {arn} --query Location '
    '--output text)"`, `aws s3 cp ca.pem s3://BUCKET/ca.pem`, `aws elbv2 create-trust-store --name {name} '
    "--ca-certificates-bundle-s3-bucket BUCKET --ca-certificates-bundle-s3-key ca.pem`; each of "
    "`aws elbv2 describe-trust-store-revocations --trust-store-arn {arn}` likewise "
    "(get-trust-store-revocation-content, add-trust-store-revocations); then in migration.yaml renames: "
    "{{{arn}: <the new ARN>}}. Done when `aws elbv2 describe-trust-stores` shows it ACTIVE with legacy's "
    "NumberOfCaCertificates and TotalRevokedEntries, and ca.pem fetched from it has the same sha256sum",
    # Source: KMS developer guide, Deleting AWS KMS keys, read 2026-11: what it encrypted is lost with it.
    "kms:key": "the key is deleted, or its deletion is scheduled: `aws kms describe-key --key-id {arn}` says which. "
    "While it is PendingDeletion, `aws kms cancel-key-deletion --key-id {arn}` and `aws kms enable-key --key-id {arn}` "
    "keep what is encrypted under it; then scan again",
}
"""What no kind and no listing shows, but another thing names by its ARN → what a person does; `{arn}` and `{name}`."""

UNTYPED = {"s3": "bucket", "sns": "topic", "sqs": "queue", "codecommit": "repository", "codepipeline": "pipeline"}
"""Services whose ARNs of this type are just a name."""

_ANYTHING = "see to it by hand"


def manual_for(kind: str) -> str:
    """What a person does about a gap of this `service:type`, and how they see that it is done."""
    for probe in PROBES:
        if probe.type == kind:
            return f"by hand: {probe.manual} Done when {probe.verify}"
    return _ANYTHING


def manual_for_named(text: str) -> str:
    """What a person does about a thing that is only named by its ARN. Empty: nothing is known of its sort."""
    arn = Arn.parse(text)
    manual = NAMED_ONLY.get(typed(arn.service, arn.resource), "") if arn else ""
    return manual.format(arn=text, name=arn.resource.split("/")[1]) if arn and manual else ""


def typed(arn_service: str, resource: str) -> str:
    """`service:type` of an ARN's service and resource part; just the service where the ARN has no type."""
    resource = resource.lstrip("/")
    cut = min((at for at in (resource.find("/"), resource.find(":")) if at > 0), default=-1)
    if cut < 0:
        untyped = UNTYPED.get(arn_service)
        return f"{arn_service}:{untyped}" if untyped else arn_service
    return f"{arn_service}:{resource[:cut]}"


def covered(arn_service: str, resource: str, tagging_types: frozenset[str]) -> bool:
    """Whether a kind says that it covers this ARN."""
    if arn_service in tagging_types or typed(arn_service, resource) in tagging_types:
        return True
    resource = resource.lstrip("/")
    starts = (one.partition(":")[2] for one in tagging_types if one.startswith(f"{arn_service}:"))
    return any(resource.startswith((f"{start}/", f"{start}:")) for start in starts)


__all__ = ["NOT_LISTED", "PROBES", "Probe", "covered", "manual_for", "manual_for_named", "typed"]
