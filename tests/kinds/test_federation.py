"""Identity providers. SAML has no example among tests.kinds.examples: the emulator keeps no tags of it."""

import json
from collections.abc import Iterator

import pytest

from migrate.kinds.iam_federation import OidcProvider, SamlProvider, ServerCertificate
from migrate.kinds.iam_role import Role
from tests.kinds.two_sides import LEGACY, TARGET, TwoSides, two_sides

HOST = "token.actions.example.com"
METADATA = f"<EntityDescriptor>{'x' * 1000}</EntityDescriptor>"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoSides]:
    with two_sides(monkeypatch) as sides:
        yield sides


def test_a_role_that_trusts_the_provider_trusts_the_targets_one(world: TwoSides) -> None:
    iam = world.client("legacy", "iam")
    arn = iam.create_open_id_connect_provider(Url=f"https://{HOST}", ThumbprintList=["a" * 40])[
        "OpenIDConnectProviderArn"
    ]
    claim = {"StringLike": {f"{HOST}:sub": "repo:shop/*"}}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": arn},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": claim,
    }
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(trust))
    provider = world.scan(OidcProvider())[HOST]
    role = world.scan(Role())["deploy"]

    world.move(OidcProvider(), provider)
    world.move(Role(), role)

    made = world.client("target", "iam").get_role(RoleName="deploy")["Role"]["AssumeRolePolicyDocument"]
    assert made["Statement"][0]["Principal"] == {"Federated": f"arn:aws:iam::{TARGET}:oidc-provider/{HOST}"}
    assert made["Statement"][0]["Condition"] == claim


def test_a_saml_provider_is_made_by_the_same_metadata_and_taken_away(world: TwoSides) -> None:
    iam = world.client("legacy", "iam")
    iam.create_saml_provider(Name="office", SAMLMetadataDocument=METADATA)
    found = world.scan(SamlProvider())["office"]

    [(request, params)] = world.planned(SamlProvider(), found, "create")
    world.move(SamlProvider(), found)

    assert {tag["Key"] for tag in params["Tags"]} == {"migrate:step", "migrate:migration"}
    there = world.scan(SamlProvider(), "target")
    assert there["office"].arn == f"arn:aws:iam::{TARGET}:saml-provider/office"
    assert there["office"].facts == found.facts == {"metadata": METADATA, "assertion_encryption": None}
    world.undo()
    assert world.scan(SamlProvider(), "target") == {}
    assert request.creates


def test_a_certificate_is_reported_with_what_the_holder_of_its_key_does(world: TwoSides) -> None:
    world.client("legacy", "iam").upload_server_certificate(
        ServerCertificateName="old", CertificateBody="public", PrivateKey="private", Path="/cloudfront/"
    )

    found = world.scan(ServerCertificate())["old"]

    assert found.arn == f"arn:aws:iam::{LEGACY}:server-certificate/cloudfront/old"
    assert found.facts["path"] == "/cloudfront/"
    assert "private" not in str(found.facts)
    assert ServerCertificate.actions == ()
    assert "acm.ImportCertificate" in ServerCertificate.manual


@pytest.mark.parametrize("kind", [OidcProvider(), SamlProvider(), ServerCertificate()], ids=lambda kind: kind.name)
def test_what_is_not_there_is_not_found(world: TwoSides, kind: OidcProvider) -> None:
    assert world.scan(kind, only="absent") == {}
    assert all(not site.gaps for site in world.sites)
