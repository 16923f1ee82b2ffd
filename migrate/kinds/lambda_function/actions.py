"""How a function moves: code and configuration first, then what may name it, then who may call it."""

from collections.abc import Mapping, Sequence
from typing import Any

from migrate.carry.code import package, until_active
from migrate.carry.refusals import code_of, patiently
from migrate.errors import Conflict
from migrate.kind import STEP_TAG, Action, Carrier, CarryAction, It, Json, Place, Proof, Request
from migrate.kinds._lambda import GONE, LATEST, permits
from migrate.kinds.lambda_function.facts import Config, FunctionFacts, Published

CREATE_ONLY = ("Architectures", "PackageType")


class Create(CarryAction[FunctionFacts]):
    """Download the code in legacy, check it, create the function, and publish, lowest first, the versions that
    something names. A version's number in the target is the output `version_<its number in legacy>`."""

    name = "create"
    title = "Create the function with its code"
    writes = frozenset(
        {
            "lambda.CreateFunction",
            "lambda.DeleteFunction",
            "lambda.PublishVersion",
            "lambda.UpdateFunctionCode",
            "lambda.UpdateFunctionConfiguration",
        }
    )
    reads = frozenset({"lambda.GetFunction"})
    # A scan is not told which image a function runs: all images come first.
    after_kinds = ("ecr.repository.copy_images",)

    def summary(self, it: It[FunctionFacts], place: Place) -> dict[str, Json]:
        config = it.facts.config
        image = config.package_type == "Image"
        return {
            "from": it.arn,
            "to": {"function": place.name, "code_sha256": config.code_sha256, **create_params(it.facts, config)},
            "how": "the image's address" if image else "the package of lambda.GetFunction, checked by its CodeSha256",
            "versions": [version.version for version in it.facts.versions],
        }

    def carry(self, it: It[FunctionFacts], to: Carrier) -> Mapping[str, Json]:
        states = [*it.facts.versions, Published(version=LATEST, config=it.facts.config)]
        sent = 0
        for state in states:
            # A version is published once: repeated, AWS would give the number it gave before.
            if f"version_{state.version}" in to.outputs:
                continue
            sent += _bring(it, to, state, several=len(states) > 1)
            if state.version != LATEST:
                answer = to.write(
                    "lambda.PublishVersion",
                    FunctionName=to.place.name,
                    CodeSha256=state.config.code_sha256,
                    Description=state.config.description,
                )
                to.remember(f"version_{state.version}", str(answer["Version"]))
        to.remember("id", to.place.name)
        return {"bytes": sent, "versions": len(states) - 1}

    def prove(self, it: It[FunctionFacts], to: Carrier) -> Proof:
        found = _standing(to)
        legacy = it.facts.config.code_sha256
        if found is None:
            return Proof("different", ("code",), (f"function {to.place.name} is not there",))
        evidence: dict[str, Json] = {"code_sha256": found["CodeSha256"], "state": found.get("State")}
        differences = []
        if found["CodeSha256"] != legacy:
            differences.append(f"code_sha256: {legacy} and {found['CodeSha256']}")
        if found.get("State", "Active") not in ("Active", "Inactive"):
            differences.append(f"state: {found.get('State')}")
        return Proof("different" if differences else "equal", ("code", "state"), tuple(differences), evidence)

    def uncarry(self, it: It[FunctionFacts], to: Carrier) -> None:
        if _standing(to) is not None:
            to.write("lambda.DeleteFunction", FunctionName=to.place.name)


class Configure(Action[FunctionFacts]):
    """Reserved concurrency."""

    name = "configure"
    title = "Set the reserved concurrency"
    sets = frozenset({"reserved_concurrency"})

    def applies(self, it: It[FunctionFacts]) -> bool:
        return it.facts.reserved_concurrency is not None

    def requests(self, it: It[FunctionFacts], place: Place) -> Sequence[Request]:
        own: dict[str, Json] = {"FunctionName": place.name}
        return [
            Request(
                "lambda.PutFunctionConcurrency",
                own | {"ReservedConcurrentExecutions": it.facts.reserved_concurrency},
                undo=Request("lambda.DeleteFunctionConcurrency", dict(own), done=GONE),
            )
        ]


class Permit(Action[FunctionFacts]):
    """The resource policy, statement by statement: each names a caller, which may name the function."""

    name = "permit"
    title = "Let its callers call it"
    sets = frozenset({"policy"})

    def applies(self, it: It[FunctionFacts]) -> bool:
        return bool(it.facts.policy)

    def requests(self, it: It[FunctionFacts], place: Place) -> Sequence[Request]:
        return permits(it.facts.policy, {"FunctionName": place.name})


def create_params(facts: FunctionFacts, config: Config) -> dict[str, Json]:
    """What lambda.CreateFunction is told besides name, code and tags, in legacy terms."""
    said: dict[str, Json] = {
        "Role": config.role,
        "PackageType": config.package_type,
        "Runtime": config.runtime,
        "Handler": config.handler,
        "Description": config.description,
        "Timeout": config.timeout_s,
        "MemorySize": config.memory_mib,
        "EphemeralStorage": {"Size": config.storage_mib},
        "Architectures": config.architectures,
        "Environment": {"Variables": config.environment} if config.environment else None,
        "Layers": config.layers or None,
        "KMSKeyArn": config.kms_key_arn,
        "DeadLetterConfig": {"TargetArn": config.dead_letter_arn} if config.dead_letter_arn else None,
        "TracingConfig": {"Mode": config.tracing},
        "SnapStart": {"ApplyOn": config.snap_start},
        "LoggingConfig": config.logging,
        "FileSystemConfigs": config.file_systems or None,
        "ImageConfig": config.image_config,
    }
    if facts.subnet_ids:
        network = {"SubnetIds": facts.subnet_ids, "SecurityGroupIds": facts.security_group_ids}
        said["VpcConfig"] = network | ({"Ipv6AllowedForDualStack": True} if facts.ipv6 else {})
    return {name: value for name, value in said.items() if value is not None}


def _bring(it: It[FunctionFacts], to: Carrier, state: Published, *, several: bool) -> int:
    """Make the function have this state's code and configuration; return how many bytes were sent."""
    name = to.place.name
    found = _standing(to)
    config = to.rewrite(create_params(it.facts, state.config))
    if found is None:
        code, size = _code(it, to, state)
        params: dict[str, Any] = {
            "FunctionName": name,
            "Code": code,
            "Tags": to.place.stamp(it.tags),
            **config,
        }
        # IAM tells everybody about a new role within seconds, not at once.
        patiently(lambda: to.write("lambda.CreateFunction", **params), _is_role_unknown)
        until_active(to, name)
        return size
    size = 0
    until_active(to, name)
    if found["CodeSha256"] != state.config.code_sha256:
        code, size = _code(it, to, state)
        to.write("lambda.UpdateFunctionCode", FunctionName=name, **code)
        until_active(to, name)
    if several:
        kept = {key: value for key, value in config.items() if key not in CREATE_ONLY}
        to.write("lambda.UpdateFunctionConfiguration", FunctionName=name, **kept)
        until_active(to, name)
    return size


def _standing(to: Carrier) -> dict[str, Any] | None:
    """The function in the target. Raises Conflict where it is not ours; nothing was changed then."""
    answer = to.target.optional("lambda.GetFunctionConfiguration", missing=GONE, FunctionName=to.place.name)
    if answer is None:
        return None
    tags = to.target.call("lambda.ListTags", Resource=answer["FunctionArn"]).get("Tags", {})
    if tags.get(STEP_TAG) != to.place.step:
        raise Conflict(
            f"{answer['FunctionArn']} is there already and was not made by this migration; nothing was changed",
            do="remove it, or give the function another name under `renames` in migration.yaml, and plan again",
        )
    return answer


def _code(it: It[FunctionFacts], to: Carrier, state: Published) -> tuple[dict[str, Any], int]:
    # The address is good for ten minutes: asked for when needed. Source: lambda.GetFunction, botocore 1.44.5.
    answer = to.legacy.call("lambda.GetFunction", FunctionName=it.ref.name, Qualifier=state.version)
    if state.config.package_type == "Image":
        return {"ImageUri": to.rewrite(answer["Code"]["ImageUri"])}, 0
    content = package(to, answer["Code"]["Location"], state.config.code_sha256, f"{it.arn}:{state.version}")
    return {"ZipFile": content}, len(content)


def _is_role_unknown(error: BaseException) -> bool:
    return code_of(error) == "InvalidParameterValueException" and "cannot be assumed" in str(error)
