"""A restored database keeps legacy's master password: it gets a new one before anybody in the target uses it.

The rule: a new password is kept in the target's secret before the database is told, so that none is ever lost; it is
proved by the server, which takes the new one and refuses legacy's.
"""

import secrets
import string
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from migrate.aws import ReadFailed
from migrate.carry.refusals import code_of, unless
from migrate.errors import AccessError, Conflict, StepFailed
from migrate.kind import Carrier, CarryAction, It, Json, Place, Proof, ReadSite
from migrate.kinds import _new_password as new_password
from migrate.kinds.rds_instance.cluster_facts import ClusterFacts
from migrate.kinds.rds_instance.pairs import endpoint

LENGTH = 40
"""A cluster's has 41 characters at most, an instance's 128. Source: rds.ModifyDBCluster and rds.ModifyDBInstance
MasterUserPassword, botocore 1.44.5."""
RESET_S = 1200.0
EVERY_S = 5.0
_SECRET = "secret"
_NONE = ("ResourceNotFoundException",)
_BUSY = ("InvalidDBInstanceState", "InvalidDBClusterStateFault")
_HINT = "or take rotate_password out of migration.yaml, and plan again"


class _OfPassword(CarryAction[Any]):
    def applies(self, it: It[Any]) -> bool:
        return it.facts.moves and bool(it.rotates) and not it.facts.managed_password

    def uncarry(self, it: It[Any], to: Carrier) -> None:
        """Nothing: the password goes with the database and the secret, and legacy kept its own."""


class CheckPassword(_OfPassword):
    """While legacy serves: whether the secret is the master user's, and whether anything else holds the password."""

    name = "check_password"
    title = "Look who else holds the master password"
    writes = frozenset()
    reads = frozenset(
        {
            "ecs.DescribeServices", "ecs.DescribeTaskDefinition", "ecs.ListClusters", "ecs.ListServices",
            "lambda.ListFunctions", "secretsmanager.GetSecretValue", "secretsmanager.ListSecrets",
            "ssm.DescribeParameters", "ssm.GetParameters",
        }
    )  # fmt: skip

    def summary(self, it: It[Any], place: Place) -> dict[str, Json]:
        return {
            "from": it.ref.name,
            _SECRET: it.rotates,
            "user": it.facts.master_user,
            "how": "legacy's secrets, parameters and the environments of its functions and services are searched in "
            "memory; what holds the password beside the secret is named, never the password",
        }

    def carry(self, it: It[Any], to: Carrier) -> Mapping[str, Json]:
        secret, user = str(to.planned[_SECRET]), str(to.planned["user"])
        value = _text(to.legacy, secret)
        login = new_password.login_of(value)
        if login is None or login[0] != user:
            whose = f"is {login[0]}'s" if login else "is no JSON with username and password"
            raise StepFailed(
                f"{to.step}: the secret {secret} {whose}, and the master user of {it.ref.name} is {user}",
                do=f"name under databases the secret of the master user, {_HINT}",
            )
        counts: dict[str, Json] = {}
        others = [f"secrets: {secret}, its field {name}" for name in new_password.left_of(str(value))]
        try:
            for sort, name, text in _held(to.legacy):
                counts[sort] = int(str(counts.get(sort, 0))) + 1
                if (sort, name) != ("secrets", secret) and new_password.holds(text, login[1]):
                    others.append(f"{sort}: {name}")
        except ReadFailed as error:
            raise StepFailed(
                f"{to.step}: whether anything else holds the master password cannot be known: {error.what}",
                do=f"let {to.legacy.account} be read, then migrate run; {_HINT}",
            ) from error
        if others:
            lines = "\n".join(f"    {one}" for one in sorted(set(others))[:50])
            raise StepFailed(
                f"{to.step}: the master password of {it.ref.name} is not in {secret} alone; what reads it elsewhere "
                f"would be locked out of the target:\n{lines}",
                do=f"let them read `password` of {secret} (where the password is a common word that means something "
                f"else there, give legacy's database another one first), then migrate run; {_HINT}",
            )
        return counts

    def prove(self, it: It[Any], to: Carrier) -> Proof:
        """Nothing is changed yet: rotate_password proves what is."""
        return Proof("equal")


class RotatePassword(_OfPassword):
    """In the target: a new password into the secret under a label of its own, then into the database, then for all."""

    name = "rotate_password"
    title = "Give the database a new master password"
    phase = "data"
    undo_class = "R3"
    downtime = "D2"
    # Else a rollback deletes the secret first, and nobody can ask the database any more what it took.
    opened_by = ("secretsmanager.secret", _SECRET)
    reads = frozenset({"secretsmanager.DescribeSecret", "secretsmanager.GetSecretValue"})
    writes = frozenset(
        {
            "rds.ModifyDBCluster", "rds.ModifyDBInstance",
            "secretsmanager.PutSecretValue", "secretsmanager.UpdateSecretVersionStage",
        }
    )  # fmt: skip

    def summary(self, it: It[Any], place: Place) -> dict[str, Json]:
        return {
            "to": place.name,
            _SECRET: it.rotates,
            "how": f"{LENGTH} random letters and digits, put into the target's secret first (version label "
            f"{new_password.LABEL}), then into the database, then made the secret's current version; legacy's secret "
            "and database keep the old one",
        }

    def carry(self, it: It[Any], to: Carrier) -> Mapping[str, Json]:
        secret = str(to.planned[_SECRET])
        known = to.target.call("secretsmanager.DescribeSecret", SecretId=secret)
        version = new_password.version_of(known, new_password.LABEL) or self._prepared(it, to, secret)
        login = new_password.login_of(_text(to.target, secret, VersionId=version))
        if login is None:
            raise Conflict(
                f"{to.step}: the version {new_password.LABEL} of {secret} in {to.place.account} is no login",
                do="find out who wrote it; take that label off it, then migrate run",
            )
        if not opens(it, to, login):
            _told(it, to, login)
        current = new_password.version_of(known, new_password.CURRENT)
        if current != version:
            was: dict[str, Any] = {"RemoveFromVersionId": current} if current else {}
            to.write(
                "secretsmanager.UpdateSecretVersionStage",
                SecretId=secret,
                VersionStage=new_password.CURRENT,
                MoveToVersionId=version,
                **was,
            )
        return {"passwords": 1}

    def _prepared(self, it: It[Any], to: Carrier, secret: str) -> str:
        """Write the new login under its label; the id of its version."""
        standing = _text(to.target, secret)
        login, legacy = new_password.login_of(standing), new_password.login_of(_text(to.legacy, secret))
        if standing is None or login is None or login != legacy:
            raise Conflict(
                f"{to.step}: the secret {secret} in {to.place.account} does not hold legacy's login any more",
                do="find out who changed it, and put legacy's value back; then migrate run",
            )
        if not opens(it, to, login):
            raise AccessError(
                f"{to.step}: no connection can be made to {to.place.name} in the target with the login of {secret}",
                do="open a way or name a tunnel; migrate run goes on",
            )
        new = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(LENGTH))
        answer = to.write(
            "secretsmanager.PutSecretValue",
            SecretId=secret,
            SecretString=new_password.renewed(standing, new),
            ClientRequestToken=str(uuid.uuid4()),
            VersionStages=[new_password.LABEL],
        )
        return str(answer["VersionId"])

    def prove(self, it: It[Any], to: Carrier) -> Proof:
        compared = ("master password",)
        secret = str(to.planned[_SECRET])
        known = to.target.optional("secretsmanager.DescribeSecret", missing=_NONE, SecretId=secret) or {}
        new, old = _login(to.target, secret), _login(to.legacy, secret)
        if new is None or old is None:
            where = "the target's" if new is None else "legacy's"
            return Proof("could not be proved", (), (f"{where} secret {secret} shows no login",))
        if not new_password.is_current(known):
            return Proof("different", compared, (f"the secret {secret} does not hold the password that was made",))
        if new[1] == old[1]:
            return Proof("different", compared, (f"the secret {secret} holds legacy's password",))
        if opens(it, to, old):
            return Proof("different", compared, (f"{to.place.name} still takes legacy's password",))
        # Reached right after: the other was refused, not out of reach.
        if not opens(it, to, new):
            return Proof("could not be proved", (), (f"{to.place.name} cannot be reached with the login of {secret}",))
        return Proof("equal", compared, (), {"new password": "taken", "legacy's password": "refused", "user": new[0]})


def kept_as_it_was(actions: Sequence[object], it: It[Any]) -> str:
    """Whoever knows legacy's master password knows the restored one; empty where it is another one."""
    # A copy of a shape is made empty, with a password of its own.
    restores = any(isinstance(action, RotatePassword) for action in actions)
    if it.facts.managed_password or it.rotates or not it.facts.moves or not restores:
        return ""
    what = "database cluster" if _is_cluster(it) else "database"
    return (
        f"the master password of {what} {it.ref.name} arrives as it was: whoever knows legacy's knows it. "
        f"`rotate_password: true` under databases gives it a new one, or change it after the cut-over "
        f"(rds.{_modify(it)}), together with the secret that holds it"
    )


def opens(it: It[Any], to: Carrier, login: tuple[str, str]) -> bool:
    """Whether the target's server takes this login."""
    at = endpoint(to, "target", it)
    first = it.facts.db_name or "postgres"
    link = to.connect(*at, first, side="target", instance=it.ref.name, login=login) if at else None
    if link is None:
        return False
    link.close()
    return True


def _told(it: It[Any], to: Carrier, login: tuple[str, str]) -> None:
    """Give the database this password, and wait until it opens. RDS applies one some time after its answer, and takes
    none while it is at something else (a backup right after the restore, an earlier try's password). Source:
    rds.ModifyDBInstance MasterUserPassword and its errors, botocore 1.44.5; how long either may take is unverified."""
    named: dict[str, Any] = {_identifier(it): to.place.name}
    waited, taken, why = 0.0, False, "it answered, and goes on refusing it"
    while True:
        try:
            if not taken:
                to.write(f"rds.{_modify(it)}", **named, MasterUserPassword=login[1], ApplyImmediately=True)
            taken = True
        except Exception as error:
            why = code_of(error)
            if why not in _BUSY:
                raise
        if opens(it, to, login):
            return
        if waited >= RESET_S:
            raise StepFailed(
                f"{to.step}: {to.place.name} does not take the new master password after {RESET_S:.0f} s: {why}",
                do="look at its events; migrate run tells it the same password again",
            )
        to.pause(EVERY_S)
        waited += EVERY_S


def _is_cluster(it: It[Any]) -> bool:
    return isinstance(it.facts, ClusterFacts)


def _modify(it: It[Any]) -> str:
    return "ModifyDBCluster" if _is_cluster(it) else "ModifyDBInstance"


def _identifier(it: It[Any]) -> str:
    return "DBClusterIdentifier" if _is_cluster(it) else "DBInstanceIdentifier"


def _text(site: ReadSite, secret: str, **version: str) -> str | None:
    """A secret's text, None where it has none. Raises ReadFailed where that cannot be known."""
    text: str | None = _value(site, secret, **version).get("SecretString")
    return text


def _value(site: ReadSite, secret: str, **version: str) -> dict[str, Any]:
    """AWS's answer, empty where there is no value."""
    return unless(_NONE, lambda: site.call("secretsmanager.GetSecretValue", SecretId=secret, **version)) or {}


def _anything(site: ReadSite, secret: str) -> str:
    """A secret's text, or its bytes as such; empty where it has no value."""
    answer = _value(site, secret)
    text: str | None = answer.get("SecretString")
    return bytes(answer.get("SecretBinary") or b"").decode("utf-8", "replace") if text is None else text


def _login(site: ReadSite, secret: str) -> tuple[str, str] | None:
    """The login in a secret; None where none is shown, for whatever reason."""
    answer = site.optional("secretsmanager.GetSecretValue", missing=_NONE, SecretId=secret)
    return new_password.login_of((answer or {}).get("SecretString"))


def _held(site: ReadSite) -> Iterator[tuple[str, str, str]]:
    """Sort, name and text of everything in the account that may hold a password for what runs there."""
    names = [one["Name"] for one in site.pages("secretsmanager.ListSecrets", "SecretList", MaxResults=100)]
    for name, text in zip(names, site.map(lambda one: _anything(site, one), names), strict=True):
        yield "secrets", name, text
    listed = [one["Name"] for one in site.pages("ssm.DescribeParameters", "Parameters", MaxResults=50)]
    for at in range(0, len(listed), 10):
        answer = site.call("ssm.GetParameters", Names=listed[at : at + 10], WithDecryption=True)
        for one in answer["Parameters"]:
            yield "parameters", one["Name"], one["Value"]
    # Aliases go to published versions, each with an environment of its own.
    for function in site.pages("lambda.ListFunctions", "Functions", FunctionVersion="ALL"):
        shown = function.get("Environment") or {}
        if error := shown.get("Error"):
            # It is encrypted under a key that may not be used here.
            raise ReadFailed(
                "lambda.ListFunctions", site.region, code=str(error.get("ErrorCode")), reason="denied",
                said=f"the environment of {function['FunctionName']}: {error.get('Message')}",
            )  # fmt: skip
        for name, text in (shown.get("Variables") or {}).items():
            yield "functions", f"{function['FunctionName']} {name}", text
    yield from _of_services(site)


def _of_services(site: ReadSite) -> Iterator[tuple[str, str, str]]:
    definitions: dict[str, str] = {}
    for cluster in site.pages("ecs.ListClusters", "clusterArns"):
        services = list(site.pages("ecs.ListServices", "serviceArns", cluster=cluster))
        for at in range(0, len(services), 10):
            answer = site.call("ecs.DescribeServices", cluster=cluster, services=services[at : at + 10])
            for service in answer["services"]:
                # Under an external deployment controller the task sets name them.
                for one in (service, *service.get("taskSets", ())):
                    if one.get("taskDefinition"):
                        definitions.setdefault(one["taskDefinition"], service["serviceName"])
    for definition, service in definitions.items():
        task = site.call("ecs.DescribeTaskDefinition", taskDefinition=definition)["taskDefinition"]
        for container in task["containerDefinitions"]:
            for one in container.get("environment") or ():
                yield "services", f"{service} {container['name']} {one.get('name')}", str(one.get("value") or "")
