"""KMS keys: a new key with the same settings, aliases and policy in the target. Key material never moves.

The rule: the target's key is another key. What the legacy key encrypted or signed stays with the legacy key; every
kind that holds encrypted data copies it in plain through the service that holds it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from migrate.files import canonical
from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Facts,
    It,
    Json,
    Kind,
    Name,
    Place,
    ReadSite,
    Request,
    after,
    join,
    pair_tags,
    tag_pairs,
)
from migrate.kinds import _documents as documents
from migrate.kinds._grants import UNNAMED, given_grants
from migrate.names import Arn
from migrate.values import as_json

# AWS deletes no key at once; seven days is the shortest wait. Source: kms.ScheduleKeyDeletion, botocore 1.44.5.
DELETION_WAIT_DAYS = 7
ROTATION_DEFAULT_DAYS = 365
_GONE = ("NotFoundException",)


class KeyFacts(Facts):
    """Source: kms.DescribeKey, kms.ListAliases, kms.GetKeyPolicy, kms.GetKeyRotationStatus, kms.ListGrants."""

    description: str
    usage: str
    spec: str
    origin: str
    state: str
    key_manager: Literal["AWS", "CUSTOMER"]
    multi_region: Literal["no", "primary", "replica"]
    owner: str
    """The principal that stands for the owning account."""
    aliases: list[str]
    policy: dict[str, Json] | None
    """None: not read, which is a gap."""
    dead_principals: list[str]
    rotation: bool
    rotation_days: int | None
    grants: list[dict[str, Json]]
    """Those that people gave: without AWS's services, and without this tool's own."""


def first_policy(owner: str) -> dict[str, Json]:
    """What AWS gives a key without a policy: its account decides by IAM. Source: KMS guide, key policies, 2026-08."""
    return {
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [
            {
                "Sid": "Enable IAM User Permissions",
                "Effect": "Allow",
                "Principal": {"AWS": owner},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }


def is_moved(it: It[KeyFacts]) -> bool:
    """Whether a key like this can be made anew: AWS's own, imported, external and replica keys cannot."""
    facts = it.facts
    return facts.key_manager == "CUSTOMER" and facts.origin == "AWS_KMS" and facts.multi_region != "replica"


class Create(Action[KeyFacts]):
    """The key, owned by its account alone, and its aliases."""

    name = "create"
    title = "Create the key"

    def applies(self, it: It[KeyFacts]) -> bool:
        return is_moved(it)

    def requests(self, it: It[KeyFacts], place: Place) -> Sequence[Request]:
        facts = it.facts
        own = after("create", "id")
        params: dict[str, Json] = {
            "Description": facts.description,
            "KeyUsage": facts.usage,
            "KeySpec": facts.spec,
            "MultiRegion": facts.multi_region == "primary",
            # Written out, so that what stands before `configure` is known.
            "Policy": as_json(first_policy(facts.owner)),
            "Tags": tag_pairs(place.stamp(it.tags), "TagKey", "TagValue"),
        }
        return [
            Request(
                "kms.CreateKey",
                params,
                once="tagged",
                creates=True,
                outputs={"id": "KeyMetadata.KeyId", "arn": "KeyMetadata.Arn"},
                undo=Request(
                    "kms.ScheduleKeyDeletion",
                    {"KeyId": own, "PendingWindowInDays": DELETION_WAIT_DAYS},
                    # KMSInvalidStateException: its deletion is scheduled already.
                    done=("NotFoundException", "KMSInvalidStateException"),
                ),
            ),
            *(
                Request(
                    "kms.CreateAlias",
                    {"AliasName": alias, "TargetKeyId": own},
                    # An alias of that name on another key is seen when the key is verified.
                    done=("AlreadyExistsException",),
                    undo=Request("kms.DeleteAlias", {"AliasName": alias}, done=("NotFoundException",)),
                )
                for alias in facts.aliases
            ),
        ]


class Configure(Action[KeyFacts]):
    """Policy, rotation and state: the policy names roles, which have to be there first."""

    name = "configure"
    title = "Set the key's policy and rotation"
    sets = frozenset({"policy", "rotation", "rotation_days", "state"})

    def applies(self, it: It[KeyFacts]) -> bool:
        return is_moved(it) and bool(self._requests(it))

    def requests(self, it: It[KeyFacts], place: Place) -> Sequence[Request]:
        return self._requests(it)

    @staticmethod
    def _requests(it: It[KeyFacts]) -> list[Request]:
        facts = it.facts
        own = {"KeyId": after("create", "id")}
        gone = ("NotFoundException", "KMSInvalidStateException")
        requests = []
        policy = documents.without_dead(facts.policy) if facts.policy else None
        if policy:
            # AWS's check that the caller does not lock itself out stays on.
            requests.append(
                Request(
                    "kms.PutKeyPolicy",
                    {**own, "PolicyName": "default", "Policy": as_json(policy)},
                    # "Invalid principals" until a role made just now is known everywhere.
                    retry=("MalformedPolicyDocumentException",),
                    undo=Request(
                        "kms.PutKeyPolicy",
                        {**own, "PolicyName": "default", "Policy": as_json(first_policy(facts.owner))},
                        done=gone,
                    ),
                )
            )
        if facts.rotation:
            requests.append(
                Request(
                    "kms.EnableKeyRotation",
                    {**own, "RotationPeriodInDays": facts.rotation_days},
                    undo=Request("kms.DisableKeyRotation", {**own}, done=(*gone, "DisabledException")),
                )
            )
        if facts.state == "Disabled":
            # Last: a disabled key takes no change of its rotation.
            requests.append(Request("kms.DisableKey", {**own}, undo=Request("kms.EnableKey", {**own}, done=gone)))
        return requests


class Grant(Action[KeyFacts]):
    """The grants that people gave, in the target's names; what an AWS service uses a key by, it grants itself anew."""

    name = "grant"
    title = "Give the key's grants again"
    sets = frozenset({"grants"})
    # A grantee that does not exist is refused.
    after_kinds = ("iam.role.create",)

    def applies(self, it: It[KeyFacts]) -> bool:
        return is_moved(it) and bool(it.facts.grants)

    def requests(self, it: It[KeyFacts], place: Place) -> Sequence[Request]:
        own = after("create", "id")
        requests = []
        for at, grant in enumerate(it.facts.grants):
            output = f"grant_{at}"
            # With a name, a repeat gives the same grant. Source: kms.CreateGrant Name, botocore 1.44.5.
            name = grant.get("Name") or f"{UNNAMED}{hashlib.sha256(canonical(grant)).hexdigest()[:16]}"
            requests.append(
                Request(
                    "kms.CreateGrant",
                    {**grant, "KeyId": own, "Name": name},
                    outputs={output: "GrantId"},
                    # A role made a moment ago is not known to KMS yet (unverified).
                    retry=("InvalidArnException", "DependencyTimeoutException"),
                    undo=Request(
                        "kms.RevokeGrant",
                        {"KeyId": own, "GrantId": after("grant", output)},
                        done=("NotFoundException", "KMSInvalidStateException"),
                    ),
                )
            )
        return requests


class Key(Kind[KeyFacts]):
    """A KMS key.

    Listed but not moved: AWS-managed keys (each service makes its own in the target; what uses one has to say "the
    service's default"), keys with imported or external material and multi-region replicas (a person makes them).
    Keys whose deletion is scheduled are not listed. Grants that people gave are given again; services make their own
    when they start to use the key. What an asymmetric or HMAC key has signed cannot be verified with the new one.
    """

    name = "kms.key"
    title = "KMS key"
    facts = KeyFacts
    named = False
    reads = frozenset(
        {
            "kms.ListKeys",
            "kms.DescribeKey",
            "kms.ListAliases",
            "kms.ListGrants",
            "kms.GetKeyPolicy",
            "kms.GetKeyRotationStatus",
            "kms.ListResourceTags",
        }
    )
    tagging_types = ("kms:key",)
    # Services add grants while they use the key: what people gave is compared in the target only.
    passing = frozenset({"grants"})
    unordered = frozenset({"grants"})
    # A key that is off takes no grants: `configure` comes last.
    actions = (Create(), Grant(), Configure())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        wanted = {"KeyId": only} if only else {}
        if only is None:
            # A key whose policy lets nobody of the account look is a gap; it does not hide the others.
            described = site.map(
                lambda key: site.optional("kms.DescribeKey", missing=_GONE, KeyId=key["KeyId"]),
                site.pages("kms.ListKeys", "Keys", Limit=1000),
            )
        else:
            described = [site.optional("kms.DescribeKey", missing=_GONE, KeyId=only)]
        keys = [answer["KeyMetadata"] for answer in described if answer]
        keys = [key for key in keys if key["KeyState"] not in ("PendingDeletion", "PendingReplicaDeletion")]
        if not keys:
            return
        aliases: dict[str, list[str]] = {}
        for alias in site.pages("kms.ListAliases", "Aliases", **wanted):
            aliases.setdefault(alias.get("TargetKeyId", ""), []).append(alias["AliasName"])
        yield from site.map(lambda key: self._found(site, key, sorted(aliases.get(key["KeyId"], ()))), keys)

    def _found(self, site: ReadSite, key: dict[str, Any], aliases: list[str]) -> Resource:
        key_id = key["KeyId"]
        # The prefix is reserved for AWS. Source: kms.CreateAlias, botocore 1.44.5.
        by_aws = key["KeyManager"] == "AWS" or any(alias.startswith("alias/aws/") for alias in aliases)
        policy: dict[str, Json] | None = None
        rotation: dict[str, Any] | None = None
        tags: dict[str, str] = {}
        grants: list[dict[str, Json]] = []
        if not by_aws:
            answer = site.optional("kms.GetKeyPolicy", missing=(), KeyId=key_id, PolicyName="default")
            policy = documents.parsed(answer["Policy"]) if answer else None
            # Only symmetric keys with AWS's material rotate; the others answer that they do not.
            rotation = site.optional(
                "kms.GetKeyRotationStatus", missing=("UnsupportedOperationException",), KeyId=key_id
            )
            tags = pair_tags(_listed(site, "kms.ListResourceTags", "Tags", key_id), "TagKey", "TagValue")
            grants = given_grants(_listed(site, "kms.ListGrants", "Grants", key_id))
        rotates = bool(rotation and rotation["KeyRotationEnabled"])
        days = (rotation or {}).get("RotationPeriodInDays", ROTATION_DEFAULT_DAYS)
        kind = key.get("MultiRegionConfiguration", {}).get("MultiRegionKeyType", "PRIMARY").lower()
        arn = Arn.parse(key["Arn"])
        partition = arn.partition if arn else "aws"
        facts = KeyFacts(
            description=key.get("Description") or "",
            # What is meant where it is left out. Source: kms.CreateKey, botocore 1.44.5.
            usage=key.get("KeyUsage") or "ENCRYPT_DECRYPT",
            spec=key.get("KeySpec") or "SYMMETRIC_DEFAULT",
            origin=key.get("Origin") or "AWS_KMS",
            state=key["KeyState"],
            key_manager="AWS" if by_aws else "CUSTOMER",
            multi_region=kind if key.get("MultiRegion") else "no",
            owner=f"arn:{partition}:iam::{key['AWSAccountId']}:root",
            aliases=aliases,
            policy=policy,
            dead_principals=documents.dead_principals(policy),
            rotation=rotates,
            rotation_days=days if rotates else None,
            grants=grants,
        )
        return self.found(site, key_id, facts, arn=key["Arn"], tags=tags)

    def by_hand(self, it: It[KeyFacts]) -> str:
        facts = it.facts
        if facts.key_manager == "AWS":
            return ""
        given = (
            f"What is encrypted under it is made under the new one by renames: {{{it.arn}: <its ARN there>}} in "
            "migration.yaml."
        )
        if facts.multi_region == "replica":
            return (
                "a replica of a multi-Region key: once the new primary stands, make it there (kms.ReplicateKey); what "
                f"legacy's encrypted cannot be read with it. {given}"
            )
        if facts.origin == "EXTERNAL":
            return (
                "its material was imported and cannot be read: who holds it makes a key of origin EXTERNAL in the "
                "target (kms.CreateKey), and imports the same material (kms.GetParametersForImport, "
                f"kms.ImportKeyMaterial) or better new one. {given}"
            )
        return (
            f"its material is kept elsewhere (origin {facts.origin}): make a key store in the target "
            f"(kms.CreateCustomKeyStore) and a key in it (kms.CreateKey). {given}"
        )

    def finding(self, it: It[KeyFacts]) -> str:
        facts = it.facts
        name = ", ".join(facts.aliases) or it.ref.name
        if facts.usage in ("SIGN_VERIFY", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT"):
            return (
                f"{name} signs or agrees ({facts.spec}): the new key is another one. Who verifies gets the new public "
                "key (kms.GetPublicKey) before the cut-over; what the old one signed is verified with the old one"
            )
        if facts.spec != "SYMMETRIC_DEFAULT":
            return (
                f"{name} is an asymmetric key: what was encrypted with its public half is read with the old key only. "
                "Who encrypts gets the new public key (kms.GetPublicKey)"
            )
        if facts.multi_region == "primary":
            return f"{name} is a multi-Region key: its replicas are made anew in the target by a person"
        return ""

    def called(self, it: It[KeyFacts]) -> tuple[str, ...]:
        return tuple(it.facts.aliases)

    def names(self, it: It[KeyFacts], place: Place) -> Iterator[Name]:
        legacy = it.arn.removesuffix(f"key/{it.ref.name}")
        arn = Arn.parse(it.arn)
        target = f"arn:{arn.partition if arn else 'aws'}:kms:{place.region}:{place.account}:"
        if is_moved(it):
            own = after("create", "id")
            yield Name(it.ref.name, own, "id")
            yield Name(it.arn, join(f"{target}key/", own))
            for alias in it.facts.aliases:
                yield Name(f"{legacy}{alias}", f"{target}{alias}")
                yield Name(alias, alias, "id")
        elif it.facts.aliases:
            # Known, so that nobody calls it dangling; in the target only the alias of such a key can be foretold.
            yield Name(it.ref.name, f"{target}{it.facts.aliases[0]}", "id")
            yield Name(it.arn, f"{target}{it.facts.aliases[0]}")
        else:
            yield Name(it.arn, it.arn)

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[KeyFacts]) -> dict[str, Json]:
        first = documents.canonical(first_policy(facts["owner"]))
        if "configure" not in done:
            configured: dict[str, Json] = {
                "policy": first,
                "rotation": False,
                "rotation_days": None,
                "state": "Enabled",
            }
        else:
            configured = {"policy": (documents.without_dead(facts["policy"]) if facts["policy"] else None) or first}
        return facts | configured | {"dead_principals": []}


def _listed(site: ReadSite, operation: str, what: str, key_id: str) -> Iterable[dict[str, Any]]:
    """All that one key has of it; a refusal is a gap, and none of the other keys' business."""
    first = site.optional(operation, missing=(), KeyId=key_id)
    if first and first.get("Truncated"):
        return site.pages(operation, what, KeyId=key_id)
    return (first or {}).get(what) or ()


KINDS = (Key(),)
