"""Kinds whose content comes from people, or from nobody, in a copy: secrets, parameters, databases, certificates.

The rule: what a person has to put in is awaited and seen without being read: by versions, never by values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from migrate.blueprint.blank import PLACEHOLDER
from migrate.inventory import Resource
from migrate.kind import Action, Carrier, It, Json, Kind, Place, Request, after
from migrate.kinds._secret_facts import SecretFacts, is_moved
from migrate.kinds.acm_certificate import Certificate
from migrate.kinds.ecs_service import Service, ServiceFacts, Start
from migrate.kinds.rds_instance import Instance
from migrate.kinds.rds_instance.empty import CreateEmpty
from migrate.kinds.secretsmanager_secret import Create as CreateSecret
from migrate.kinds.secretsmanager_secret import Secret, SetPolicy
from migrate.kinds.ssm_parameter import Create as CreateParameter
from migrate.kinds.ssm_parameter import Parameter, ParameterFacts


class FillSecret(Action[SecretFacts]):
    """A look: whether the secret has a value. It is made without one, so that nothing can sign in with a stand-in."""

    name = "fill"
    title = "Wait until a person has put a value into the secret"
    phase = "data"
    sets = frozenset({"has_value"})
    asks = "its value is not: put one into it that is not the original's (migrate status says the line to type)"

    def applies(self, it: It[SecretFacts]) -> bool:
        return is_moved(it) and it.facts.has_value

    def requests(self, it: It[SecretFacts], place: Place) -> Sequence[Request]:
        # Null, so that the run waits, until there is a version. Source: secretsmanager.DescribeSecret
        # VersionIdsToStages, botocore 1.44.5.
        version = "keys(VersionIdsToStages || `{}`) | [0]"
        own: dict[str, Json] = {"SecretId": after("create", "arn")}
        return [Request("secretsmanager.DescribeSecret", own, outputs={"version": version})]

    def says(self, it: It[SecretFacts], outputs: Mapping[str, str]) -> Sequence[str]:
        return (
            f"write a value for the copy into a file (not the original's: it opens the original), then: aws "
            f"secretsmanager put-secret-value --secret-id {outputs.get('arn', it.ref.name)} --region {it.ref.region} "
            "--secret-string file://…",
        )

    def loses(self, it: It[SecretFacts], to: Carrier) -> Sequence[str]:
        shown = to.target.optional(
            "secretsmanager.DescribeSecret", missing=("ResourceNotFoundException",), SecretId=to.place.name
        )
        filled = bool((shown or {}).get("VersionIdsToStages"))
        return (f"the value that a person put into the secret {to.place.name}",) if filled else ()


class EmptySecret(Secret):
    """A secret without its value, its rotation and its replicas."""

    actions: ClassVar[tuple[Action[Any], ...]] = (CreateSecret(), SetPolicy(), FillSecret())  # type: ignore[assignment]

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[SecretFacts]) -> dict[str, Json]:
        shown = super().expected(facts, done, it)
        still: dict[str, Json] = {"rotation_lambda_arn": None, "rotation_rules": {}, "replicas": {}}
        return shown | still | {"has_value": "fill" in done}


def _is_blank(it: It[ParameterFacts]) -> bool:
    return it.facts.type == "SecureString" or it.facts.value == PLACEHOLDER


class CreateBlank(CreateParameter):
    """As in a migration; the stand-in for a credential need not match the pattern."""

    def requests(self, it: It[ParameterFacts], place: Place) -> Sequence[Request]:
        (put,) = super().requests(it, place)
        kept = {name: value for name, value in put.params.items() if name != "AllowedPattern" or not _is_blank(it)}
        return [put._replace(params=kept)]


def _called(name: str) -> dict[str, Json]:
    return {"ParameterFilters": [{"Key": "Name", "Option": "Equals", "Values": [name]}]}


class FillParameter(Action[ParameterFacts]):
    """A look: whether the parameter has a second version. The first is the stand-in."""

    name = "fill"
    title = "Wait until a person has put a value into the parameter"
    phase = "data"
    asks = "its value is a stand-in: put one into it that is not the original's (migrate status says the line to type)"

    def applies(self, it: It[ParameterFacts]) -> bool:
        return _is_blank(it)

    def requests(self, it: It[ParameterFacts], place: Place) -> Sequence[Request]:
        # Source: ssm.ParameterMetadata Version, botocore 1.44.5: an overwrite counts one up.
        version = "Parameters[?Version > `1`].Name | [0]"
        return [Request("ssm.DescribeParameters", _called(place.name), outputs={"name": version})]

    def says(self, it: It[ParameterFacts], outputs: Mapping[str, str]) -> Sequence[str]:
        return (
            f"write a value for the copy into a file (not the original's), then: aws ssm put-parameter --overwrite "
            f"--name {outputs.get('id', it.ref.name)} --region {it.ref.region} --type {it.facts.type} "
            "--value file://…",
        )

    def loses(self, it: It[ParameterFacts], to: Carrier) -> Sequence[str]:
        found = to.target.call("ssm.DescribeParameters", **_called(to.place.name))["Parameters"]
        filled = any(int(one.get("Version") or 0) > 1 for one in found)
        return (f"the value that a person put into the parameter {to.place.name}",) if filled else ()


class BlankParameter(Parameter):
    """A parameter: plain ones with their value in the copy's names, others with a stand-in."""

    actions: ClassVar[tuple[Action[Any], ...]] = (CreateBlank(), FillParameter())  # type: ignore[assignment]

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ParameterFacts]) -> dict[str, Json]:
        return facts | {"allowed_pattern": None} if _is_blank(it) else facts


class EmptyInstance(Instance):
    """A database with legacy's settings, no rows, and a master password that RDS makes and keeps."""

    actions: ClassVar[tuple[Action[Any], ...]] = (CreateEmpty(),)  # type: ignore[assignment]

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[Any]) -> dict[str, Json]:
        return super().expected(facts, done, it) | {"managed_password": True}


class OwnCertificate(Certificate):
    """A certificate of which a person writes every record: nothing is added to legacy's zones."""

    def typed(self, resource: Resource) -> It[Any]:
        it = super().typed(resource)
        return replace(it, facts=it.facts.model_copy(update={"zones": {}, "validated_in_zones": False}))


class StartFew(Start):
    """As many tasks as a copy is to have, once what they sign in with is there."""

    after_kinds: ClassVar[tuple[str, ...]] = (  # type: ignore[assignment]
        *Start.after_kinds, "secretsmanager.secret.fill", "ssm.parameter.fill"
    )  # fmt: skip


class FewTasks(Service):
    """A service with few tasks, or with none. A subclass says how many."""

    most = 0

    def typed(self, resource: Resource) -> It[ServiceFacts]:
        it = super().typed(resource)
        few = min(self.most, it.facts.desired_count)
        return replace(it, facts=it.facts.model_copy(update={"desired_count": few}))

    def expected(self, facts: dict[str, Json], done: frozenset[str], it: It[ServiceFacts]) -> dict[str, Json]:
        return super().expected(facts | {"desired_count": it.facts.desired_count}, done, it)


def few_tasks(most: int) -> Kind[Any]:
    """The kind of services of which at most so many tasks run."""
    create, start = Service.actions[0], StartFew()
    own = {"most": most, "actions": (create, start), "__doc__": FewTasks.__doc__}
    found: Kind[Any] = type("FewTasks", (FewTasks,), own)()
    return found


REPLACED: tuple[Kind[Any], ...] = (EmptySecret(), BlankParameter(), EmptyInstance(), OwnCertificate())
