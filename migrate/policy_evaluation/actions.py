"""The IAM actions that AWS checks for an operation, where they are not called like it.

The rule: one table for what is asked of AWS (a policy that is written) and for what was asked (an event of CloudTrail).
An operation that is not in it is checked under its own name. Where that is wrong, AWS denies the call and says which
action it missed.
"""

_PREFIXES = {
    "apigatewayv2": "apigateway", "cloudhsmv2": "cloudhsm", "dynamodbstreams": "dynamodb", "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing", "emr": "elasticmapreduce",
    "kinesisanalyticsv2": "kinesisanalytics",
    "marketplace-agreement": "aws-marketplace", "opensearch": "es", "opensearchserverless": "aoss",
    "resourcegroupstaggingapi": "tag", "s3control": "s3", "service-quotas": "servicequotas", "sesv2": "ses",
    "sso-admin": "sso", "stepfunctions": "states",
}  # fmt: skip
"""botocore's name of a service → the prefix of its actions. Source: Service Authorization Reference; `sso` for IAM
Identity Center and `servicequotas` from the same, read 2026-11, unverified against the live page."""

_ACTIONS = {
    "s3:listbuckets": ("s3:ListAllMyBuckets",),
    "s3:headbucket": ("s3:ListBucket",),
    "s3:listobjects": ("s3:ListBucket",),
    "s3:listobjectsv2": ("s3:ListBucket",),
    "s3:listobjectversions": ("s3:ListBucketVersions",),
    "s3:listmultipartuploads": ("s3:ListBucketMultipartUploads",),
    "s3:listparts": ("s3:ListMultipartUploadParts",),
    "s3:headobject": ("s3:GetObject",),
    "s3:copyobject": ("s3:GetObject", "s3:PutObject"),
    "s3:createmultipartupload": ("s3:PutObject",),
    "s3:uploadpart": ("s3:PutObject",),
    "s3:uploadpartcopy": ("s3:GetObject", "s3:PutObject"),
    "s3:completemultipartupload": ("s3:PutObject",),
    "s3:deleteobjects": ("s3:DeleteObject",),
    "s3:getbucketlifecycle": ("s3:GetLifecycleConfiguration",),
    "s3:getbucketlifecycleconfiguration": ("s3:GetLifecycleConfiguration",),
    "s3:putbucketlifecycle": ("s3:PutLifecycleConfiguration",),
    "s3:putbucketlifecycleconfiguration": ("s3:PutLifecycleConfiguration",),
    "s3:deletebucketlifecycle": ("s3:PutLifecycleConfiguration",),
    "s3:getbucketnotificationconfiguration": ("s3:GetBucketNotification",),
    "s3:putbucketnotificationconfiguration": ("s3:PutBucketNotification",),
    "s3:getbucketaccelerateconfiguration": ("s3:GetAccelerateConfiguration",),
    "s3:putbucketaccelerateconfiguration": ("s3:PutAccelerateConfiguration",),
    "s3:getobjectlockconfiguration": ("s3:GetBucketObjectLockConfiguration",),
    "s3:putobjectlockconfiguration": ("s3:PutBucketObjectLockConfiguration",),
    "s3:getbucketreplication": ("s3:GetReplicationConfiguration",),
    "s3:putbucketreplication": ("s3:PutReplicationConfiguration",),
    "s3:deletebucketreplication": ("s3:PutReplicationConfiguration",),
    "s3:getbucketencryption": ("s3:GetEncryptionConfiguration",),
    "s3:putbucketencryption": ("s3:PutEncryptionConfiguration",),
    "s3:deletebucketencryption": ("s3:PutEncryptionConfiguration",),
    "s3:getbucketcors": ("s3:GetBucketCORS",),
    "s3:putbucketcors": ("s3:PutBucketCORS",),
    "s3:deletebucketcors": ("s3:PutBucketCORS",),
    "s3:deletebuckettagging": ("s3:PutBucketTagging",),
    "s3:deletebucketownershipcontrols": ("s3:PutBucketOwnershipControls",),
    "s3:getpublicaccessblock": ("s3:GetBucketPublicAccessBlock",),
    "s3:putpublicaccessblock": ("s3:PutBucketPublicAccessBlock",),
    "s3:deletepublicaccessblock": ("s3:PutBucketPublicAccessBlock",),
    "s3:getbucketinventoryconfiguration": ("s3:GetInventoryConfiguration",),
    "s3:listbucketinventoryconfigurations": ("s3:GetInventoryConfiguration",),
    "s3:putbucketinventoryconfiguration": ("s3:PutInventoryConfiguration",),
    "s3:deletebucketinventoryconfiguration": ("s3:PutInventoryConfiguration",),
    "s3:getbucketanalyticsconfiguration": ("s3:GetAnalyticsConfiguration",),
    "s3:listbucketanalyticsconfigurations": ("s3:GetAnalyticsConfiguration",),
    "s3:putbucketanalyticsconfiguration": ("s3:PutAnalyticsConfiguration",),
    "s3:deletebucketanalyticsconfiguration": ("s3:PutAnalyticsConfiguration",),
    "s3:getbucketmetricsconfiguration": ("s3:GetMetricsConfiguration",),
    "s3:listbucketmetricsconfigurations": ("s3:GetMetricsConfiguration",),
    "s3:putbucketmetricsconfiguration": ("s3:PutMetricsConfiguration",),
    "s3:deletebucketmetricsconfiguration": ("s3:PutMetricsConfiguration",),
    "s3:getbucketintelligenttieringconfiguration": ("s3:GetIntelligentTieringConfiguration",),
    "s3:listbucketintelligenttieringconfigurations": ("s3:GetIntelligentTieringConfiguration",),
    "s3:putbucketintelligenttieringconfiguration": ("s3:PutIntelligentTieringConfiguration",),
    "s3:deletebucketintelligenttieringconfiguration": ("s3:PutIntelligentTieringConfiguration",),
    "lambda:invoke": ("lambda:InvokeFunction",),
    "budgets:describebudgets": ("budgets:ViewBudget",),
    "budgets:describenotificationsforbudget": ("budgets:ViewBudget",),
    "budgets:createbudget": ("budgets:ModifyBudget",),
    "budgets:deletebudget": ("budgets:ModifyBudget",),
}
"""Source: S3 guide, "Required permissions for Amazon S3 API operations", and the permissions of each operation in the
S3 API reference; for budgets the Service Authorization Reference, AWS Budget Service. Read 2026-11. Unverified against
a trail: lambda:Invoke."""

_OF_THE_ACCOUNT = {
    "s3control.GetPublicAccessBlock": "s3:GetAccountPublicAccessBlock",
    "s3control.PutPublicAccessBlock": "s3:PutAccountPublicAccessBlock",
    "s3control.DeletePublicAccessBlock": "s3:PutAccountPublicAccessBlock",
}
"""Operations of S3 on an account that are called like those on a bucket. Source: as for the operations of S3."""

_METHODS = {"get": "GET", "create": "POST", "delete": "DELETE", "update": "PATCH", "put": "PUT"}
"""API Gateway's permissions are the methods of its own API. Source: service authorization reference, "Actions,
resources, and condition keys for Amazon API Gateway Management", read 2026-11 (CreateApiKey: POST, and PUT for tags).
Unverified: which operation uses which method, where its name does not say so."""

_VERSIONS = {
    "s3:GetObject": "s3:GetObjectVersion", "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging", "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
    "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
    "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
}  # fmt: skip
"""What is checked instead where a call names a version of an object. Source: as for the operations of S3."""


def of_name(name: str) -> tuple[str, ...]:
    """The actions for `prefix:Operation`; where only some of several are meant, all of them."""
    service, _, operation = name.partition(":")
    if service == "apigateway":
        method = next((verb for start, verb in _METHODS.items() if operation.lower().startswith(start)), None)
        return tuple(f"apigateway:{verb}" for verb in ([method] if method else _METHODS.values()))
    return _ACTIONS.get(name.lower(), (name,))


def of_operation(operation: str) -> tuple[str, ...]:
    """The actions for `service.Operation` in botocore's spelling, with those for versions of objects."""
    if operation in _OF_THE_ACCOUNT:
        return (_OF_THE_ACCOUNT[operation],)
    service, _, name = operation.partition(".")
    found = of_name(f"{_PREFIXES.get(service, service)}:{name}")
    return (*found, *(_VERSIONS[action] for action in found if action in _VERSIONS))
