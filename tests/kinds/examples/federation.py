"""An OIDC provider of a code host, with two audiences."""

from migrate.inventory import Resource
from tests.kinds.examples import Example
from tests.kinds.examples import _needed as needed
from tests.kinds.two_sides import TwoSides

HOST = "token.actions.example.com/shop"


def an_oidc_provider(world: TwoSides) -> Resource:
    world.client("legacy", "iam").create_open_id_connect_provider(
        Url=f"https://{HOST}",
        ClientIDList=["sts.amazonaws.com", "another-audience"],
        ThumbprintList=["b" * 40, "a" * 40],
        Tags=needed.PAIRS,
    )
    return needed.scanned(world, "iam.oidc_provider", HOST)


def another_thumbprint(world: TwoSides, it: Resource) -> None:
    world.client("target", "iam").update_open_id_connect_provider_thumbprint(
        OpenIDConnectProviderArn=it.arn, ThumbprintList=["c" * 40]
    )


def oidc_tagged(world: TwoSides, it: Resource) -> None:
    world.client("target", "iam").tag_open_id_connect_provider(OpenIDConnectProviderArn=it.arn, Tags=needed.OTHER_PAIRS)


EXAMPLES = (
    Example(
        "iam.oidc_provider",
        an_oidc_provider,
        {"thumbprints": another_thumbprint, "tags": oidc_tagged},
        {"client_ids": "the emulator lacks iam.AddClientIDToOpenIDConnectProvider"},
    ),
)
