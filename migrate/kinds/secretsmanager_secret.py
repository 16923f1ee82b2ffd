"""Secrets: an empty one is made early, its value is carried in memory when the databases stand.

The rule: a value is never written anywhere but into the target's secret; what is remembered of it is a salted hash.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.carry.refusals import unless
from migrate.errors import Conflict
from migrate.inventory import Resource
from migrate.kind import (
    Action,
    Carrier,
    CarryAction,
    It,
    Json,
    Kind,
    Name,
    Need,
    Place,
    Proof,
    ReadSite,
    Remainder,
    Request,
    after,
    pair_tags,
    tag_pairs,
)
from migrate.kinds import _carried as carried
from migrate.kinds import _documents as documents
from migrate.kinds import _new_password as new_password
from migrate.kinds._last_look import LastLookAtValue
from migrate.kinds._secret_facts import SecretFacts, is_moved, own_key, own_labels, primary_region, rules
from migrate.kinds._secret_standing import Replicate, StartRotation, StopRotation
from migrate.names import Ref, Region
from migrate.values import as_json

SUFFIX_LENGTH = len("-a1b2C3")
_NONE = ("ResourceNotFoundException",)


class Create(Action[SecretFacts]):
    """The secret without a value."""

    name = "create"
    title = "Create the secret, still empty"

    def applies(self, it: It[SecretFacts]) -> bool:
        return is_moved(it)

    def requests(self, it: It[SecretFacts], place: Place) -> Sequence[Request]:
        params: dict[str, Json] = {"Name": place.name, "Tags": tag_pairs(place.stamp(it.tags))}
        if it.facts.description:
            params["Description"] = it.facts.description
        if it.facts.kms_key_id:
            params["KmsKeyId"] = it.facts.kms_key_id
        return [
            Request(
                "secretsmanager.CreateSecret",
                params,
                once="named",
                creates=True,
                outputs={"arn": "ARN"},
                # At once: within a recovery window the name stays taken and nothing could be made again. The value
                # still stands in legacy. Source: secretsmanager.DeleteSecret, botocore 1.44.5.
                undo=Request(
                    "secretsmanager.DeleteSecret",
                    {"SecretId": after("create", "arn"), "ForceDeleteWithoutRecovery": True},
                    done=("ResourceNotFoundException",),
                ),
            )
        ]


class SetPolicy(Action[SecretFacts]):
    """The resource policy: it names roles, which have to be there first."""

    name = "policy"
    title = "Set the secret's resource policy"
    sets = frozenset({"resource_policy"})

    def applies(self, it: It[SecretFacts]) -> bool:
        return is_moved(it) and final_policy(it.facts.resource_policy) is not None

    def requests(self, it: It[SecretFacts], place: Place) -> Sequence[Request]:
        own = {"SecretId": after("create", "arn")}
        return [
            Request(
                "secretsmanager.PutResourcePolicy",
                {**own, "ResourcePolicy": as_json(final_policy(it.facts.resource_policy))},
                retry=("MalformedPolicyDocumentException",),
                undo=Request("secretsmanager.DeleteResourcePolicy", {**own}, done=("ResourceNotFoundException",)),
            )
        ]


def final_policy(policy: dict[str, Json] | None) -> dict[str, Json] | None:
    """The resource policy without deleted principals; None where nothing remains."""
    return documents.without_dead(policy) if policy else None


class CopyValue(CarryAction[SecretFacts]):
    """The current value, with legacy hosts, ARNs and ids in it replaced by the target's.

    Only the version labelled AWSCURRENT: earlier and pending ones are for a rotation that is not carried.
    """

    name = "copy_value"
    title = "Carry the secret's value"
    sets = frozenset({"has_value"})
    phase = "data"
    # The value of a database's secret holds the database's host, which AWS gives when it is made.
    after_kinds = ("rds.instance.create", "rds.cluster.create")
    reads = frozenset({"secretsmanager.GetSecretValue"})
    writes = frozenset({"secretsmanager.PutSecretValue"})

    def applies(self, it: It[SecretFacts]) -> bool:
        return is_moved(it) and it.facts.has_value

    def summary(self, it: It[SecretFacts], place: Place) -> dict[str, Json]:
        return {
            "from": it.arn,
            "to": place.name,
            "how": "read in legacy, legacy names in it replaced, written to the target; in memory only, never shown",
        }

    def carry(self, it: It[SecretFacts], to: Carrier) -> Mapping[str, Json]:
        wanted = _wanted(it.ref.name, to)
        if wanted is None:
            return {"values": 0}
        standing = _value(to.target, to.place.name)
        if standing == _with_new_password(to.target, to.place.name, wanted, standing):
            return {"values": 1}
        notes = carried.notes_of(to)
        # Ours from an earlier try may be replaced; a value that someone else put there may not.
        if standing is not None and not carried.is_noted(notes, standing):
            raise Conflict(
                f"the secret {to.place.name} in {to.place.account} holds a value that this step did not write",
                do="find out who set it; delete that secret or take it out of the migration",
            )
        # Noted before it is written: a crash in between leaves a note of a value that is not there, which is harmless.
        to.remember("value", carried.noted(notes, wanted))
        if isinstance(wanted, str):
            to.write("secretsmanager.PutSecretValue", SecretId=to.place.name, SecretString=wanted)
        else:
            to.write("secretsmanager.PutSecretValue", SecretId=to.place.name, SecretBinary=wanted)
        return {"values": 1}

    def prove(self, it: It[SecretFacts], to: Carrier) -> Proof:
        wanted, standing = _wanted(it.ref.name, to), _value(to.target, to.place.name)
        if wanted is None:
            return Proof("could not be proved", differences=("legacy's secret has no current value any more",))
        if standing is None:
            return Proof("different", ("value",), ("the target's secret has no value",))
        as_made = _with_new_password(to.target, to.place.name, wanted, standing)
        if not carried.is_same(as_made, standing):
            return Proof("different", ("value",), ("the value is not legacy's with the target's names in it",))
        made = {} if as_made == wanted else {"new password": "rotate_password proves it"}
        return Proof("equal", ("value",), evidence={"values": 1, **made})

    def uncarry(self, it: It[SecretFacts], to: Carrier) -> None:
        """Nothing by itself: AWS lets no one take away a current value. It goes with the secret, whose creation is
        undone next. Source: secretsmanager.UpdateSecretVersionStage, botocore 1.44.5."""

    def loses(self, it: It[SecretFacts], to: Carrier) -> Sequence[str]:
        def read(site: ReadSite, name: str) -> str | bytes | None:
            return unless(_NONE, lambda: _read(site.call("secretsmanager.GetSecretValue", SecretId=name)))

        def wanted() -> str | bytes | None:
            value = read(to.legacy, it.ref.name)
            if not isinstance(value, str):
                return value
            return _with_new_password(to.target, to.place.name, carried.renamed(value, to.rewrite), standing)

        standing = read(to.target, to.place.name)
        changed = carried.is_changed(standing, carried.notes_of(to), wanted)
        return (f"the value of the secret {to.place.name} was changed since",) if changed else ()


COPY = CopyValue()


class LookAgain(LastLookAtValue[SecretFacts]):
    """Somebody may set a secret while the databases are restored, and a rotation that was under way may end."""

    copy = COPY
    reads = COPY.reads
    writes = COPY.writes


def _with_new_password(target: ReadSite, name: str, wanted: str | bytes, standing: str | bytes | None) -> str | bytes:
    """What the target's secret should hold: legacy's, with the password that `rotate_password` made where the current
    version is that one."""
    login = new_password.login_of(standing)
    if login is None or not isinstance(wanted, str) or wanted == standing:
        return wanted
    known = target.optional("secretsmanager.DescribeSecret", missing=_NONE, SecretId=name) or {}
    return new_password.renewed(wanted, login[1]) if new_password.is_current(known) else wanted


def _value(site: ReadSite, name: str) -> str | bytes | None:
    """The current value, or None where there is none."""
    answer = site.optional("secretsmanager.GetSecretValue", missing=_NONE, SecretId=name)
    return None if answer is None else _read(answer)


def _read(answer: Mapping[str, Any]) -> str | bytes:
    text: str | None = answer.get("SecretString")
    return bytes(answer["SecretBinary"]) if text is None else text


def _wanted(name: str, to: Carrier) -> str | bytes | None:
    """Legacy's value in the target's names. Bytes are taken as they are."""
    value = _value(to.legacy, name)
    return carried.renamed(value, to.rewrite) if isinstance(value, str) else value


class Secret(Kind[SecretFacts]):
    """A Secrets Manager secret.

    Secrets made by a service are listed but not moved. Legacy's rotation stops before the value is copied, and starts
    again with the moved function at the end, without rotating at once. Replicas in other regions are made again by the
    moved secret. The value passes through memory: a replica across accounts would bring it with legacy's hosts in it.
    Secrets whose deletion is scheduled are not listed.
    """

    name = "secretsmanager.secret"
    title = "Secret"
    facts = SecretFacts
    reads = frozenset(
        {"secretsmanager.ListSecrets", "secretsmanager.DescribeSecret", "secretsmanager.GetResourcePolicy"}
    )
    tagging_types = ("secretsmanager:secret",)
    actions = (Create(), SetPolicy(), StopRotation(), COPY, Replicate(), LookAgain(), StartRotation())

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        names = [only] if only is not None else []
        if only is None:
            names = [one["ARN"] for one in site.pages("secretsmanager.ListSecrets", "SecretList", MaxResults=100)]

        def described(name: str) -> dict[str, Any] | None:
            # A listing shows no replicas. Source: secretsmanager.SecretListEntry, botocore 1.44.5.
            return site.optional("secretsmanager.DescribeSecret", missing=("ResourceNotFoundException",), SecretId=name)

        found = [secret for secret in site.map(described, names) if secret and not secret.get("DeletedDate")]
        yield from site.map(
            lambda secret: self._found(site, secret), [one for one in found if only in (None, one["Name"])]
        )

    def _found(self, site: ReadSite, secret: dict[str, Any]) -> Resource:
        answer = site.optional(
            "secretsmanager.GetResourcePolicy", missing=("ResourceNotFoundException",), SecretId=secret["ARN"]
        )
        text = (answer or {}).get("ResourcePolicy")
        policy = documents.parsed(text) if text else None
        stages = secret.get("VersionIdsToStages") or {}
        facts = SecretFacts(
            description=secret.get("Description") or "",
            kms_key_id=secret.get("KmsKeyId"),
            owning_service=secret.get("OwningService"),
            has_value=any("AWSCURRENT" in labels for labels in stages.values()),
            own_labels=own_labels(secret),
            rotation_lambda_arn=secret.get("RotationLambdaARN") if secret.get("RotationEnabled") else None,
            rotation_rules=rules(secret) if secret.get("RotationEnabled") else {},
            replicas={one["Region"]: own_key(one) for one in secret.get("ReplicationStatus") or ()},
            primary_region=primary_region(site, secret),
            resource_policy=policy,
            dead_principals=documents.dead_principals(policy),
        )
        return self.found(site, secret["Name"], facts, arn=secret["ARN"], tags=pair_tags(secret.get("Tags")))

    def needs(self, it: It[SecretFacts]) -> Iterator[Need]:
        if it.facts.kms_key_id and "alias/aws/" not in it.facts.kms_key_id:
            seen_in = "secretsmanager.DescribeSecret KmsKeyId"
            yield Need(it.facts.kms_key_id, "encrypted by", "hard", seen_in)
        for key in it.facts.replicas.values():
            if key:
                seen_in = "secretsmanager.DescribeSecret ReplicationStatus[].KmsKeyId"
                yield Need(key, "encrypted by", "hard", seen_in)
        if it.facts.rotation_lambda_arn:
            seen_in = "secretsmanager.DescribeSecret RotationLambdaARN"
            yield Need(it.facts.rotation_lambda_arn, "attached to", "soft", seen_in)

    def comes_with(self, it: It[SecretFacts]) -> Ref | None:
        region = it.facts.primary_region
        return Ref(it.ref.account, Region(region), it.ref.kind, it.ref.name) if region else None

    def by_hand(self, it: It[SecretFacts]) -> str:
        region = it.facts.primary_region
        if not region:
            return ""
        return (
            f"it is the replica of the secret of that name in {region}, which does not move: name that region in "
            "migration.yaml (legacy.regions) and scan again, or make it in the target "
            "(secretsmanager.CreateSecret, secretsmanager.ReplicateSecretToRegions)."
        )

    def remains(self, it: It[SecretFacts]) -> Iterator[Remainder]:
        if is_moved(it) and it.facts.own_labels:
            yield Remainder(
                "labels",
                f"its versions labelled {', '.join(it.facts.own_labels)} stay: only the current value arrives, without "
                "such a label",
                "after its value arrived, put what is read by such a label there (secretsmanager.PutSecretValue with "
                "VersionStages), or let nobody read by it",
            )

    def names(self, it: It[SecretFacts], place: Place) -> Iterator[Name]:
        if not is_moved(it):
            # Known, so that nobody calls it dangling; the service gives its own another ARN.
            yield Name(it.arn, it.arn)
            return
        yield Name(it.arn, after("create", "arn"))
        # Policies name a secret without the six characters that AWS adds, or with wildcards in their place.
        legacy = it.arn[:-SUFFIX_LENGTH]
        target = legacy.replace(f":{it.ref.region}:{it.ref.account}:", f":{place.region}:{place.account}:", 1)
        target = target.removesuffix(it.ref.name) + place.name
        for ending in ("", "-??????", "-*"):
            yield Name(legacy + ending, target + ending)
        yield Name(it.ref.name, place.name, "name")

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[SecretFacts]) -> dict[str, Json]:
        policy = final_policy(facts["resource_policy"]) if "policy" in done else None
        return facts | {
            "resource_policy": policy,
            "dead_principals": [],
            "own_labels": [],
            "has_value": facts["has_value"] and "copy_value" in done,
        }


KINDS = (Secret(),)
