"""Rules over Lambda: code and layers can be downloaded, and no container is needed.

The one rule it keeps: the bytes behind a download have exactly the sha256 that the API names.
Simulated: a function is not run; invoking it gives a fixed answer.
"""

from __future__ import annotations

import json
from typing import Any

from migrate.demo.site import current
from migrate.demo.strict import override, strict


@strict(
    "lambda.downloads",
    makes="GetFunction's Code.Location and GetLayerVersion's Content.Location give the zip whose sha256 is CodeSha256",
    source="lambda.GetFunction and lambda.GetLayerVersion, botocore 1.44.5; AWS's URL expires, this one not",
)
def downloads() -> None:
    """The emulator's locations name hosts that do not resolve.

    Source: lambda.GetFunction, botocore 1.44.5.
    """
    from moto.awslambda.models import LambdaFunction, LayerVersion

    @override(LambdaFunction, "get_code")
    def get_code(old: Any, self: Any) -> Any:
        answer = old(self)
        if "ImageUri" not in self.code:
            name = f"lambda/{self.function_arn}/{self.version}/{self.code_sha_256}"
            answer["Code"] = {
                "RepositoryType": "S3",
                "Location": current().offer(name, _reader(self.code_bytes)),
            }
        return answer

    @override(LayerVersion, "get_layer_version")
    def get_layer_version(old: Any, self: Any) -> Any:
        answer = old(self)
        name = f"layer/{self.arn}/{self.code_sha_256}"
        answer["Content"]["Location"] = current().offer(name, _reader(self.code_bytes))
        return answer


@strict(
    "lambda.statement-once",
    makes="AddPermission refuses a StatementId that the function's (or the alias's) policy holds already",
    source="lambda.AddPermission, botocore 1.44.5: ResourceConflictException; the words unverified",
)
def statement_once() -> None:
    """The emulator adds the same statement again.

    Source: lambda.AddPermission, botocore 1.44.5.
    """
    from moto.awslambda.exceptions import LambdaClientError
    from moto.awslambda.policy import Policy

    class StatementExists(LambdaClientError):
        code = 409

    @override(Policy, "add_statement")
    def add_statement(old: Any, self: Any, raw: str, qualifier: str | None = None) -> Any:
        sid = json.loads(raw).get("StatementId")
        for held in self.statements:
            alias = str(held.get("Resource", "")).partition(":function:")[2].partition(":")[2]
            if held.get("Sid") == sid and alias == (qualifier or ""):
                text = f"The statement id ({sid}) provided already exists. Please provide a new statement id."
                raise StatementExists("ResourceConflictException", text)
        return old(self, raw, qualifier)


@strict(
    "lambda.no-container",
    makes="creating, updating and triggering a function needs no container engine (the function is not run: simulated)",
    source="none: this is where the world is simulated, and says so",
)
def no_container() -> None:
    """The emulator would start a container for each event.

    Source: none; a simulation.
    """
    from moto.awslambda.models import LambdaFunction

    # The emulator's own switch (use_docker) moves functions to a second backend that other services do not see.
    @override(LambdaFunction, "_invoke_lambda")
    def invoke_lambda(_: Any, self: Any, event: Any = None) -> tuple[str, bool, str]:
        self.logs_backend.ensure_log_group(self.logs_group_name)
        return json.dumps({"simulated": True}), False, ""


def _reader(content: bytes) -> Any:
    return lambda: content
