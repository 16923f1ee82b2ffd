"""Identity providers of IAM, and certificates kept there. The rule: nothing that only its owner can read is pretended
to move: a private key stays where it is, and the person who holds it is told.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Json, Kind, Place, ReadSite, Request, after, pair_tags, tag_pairs

_GONE = ("NoSuchEntity",)


class OidcFacts(Facts):
    """Source: iam.ListOpenIDConnectProviders, iam.GetOpenIDConnectProvider."""

    client_ids: list[str]
    thumbprints: list[str]


class CreateOidc(Action[OidcFacts]):
    """The provider, under the same URL: what it is called is its URL without the scheme."""

    name = "create"
    title = "Create the OIDC provider"

    def requests(self, it: It[OidcFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "iam.CreateOpenIDConnectProvider",
                {
                    "Url": f"https://{place.name}",
                    "ClientIDList": it.facts.client_ids,
                    "ThumbprintList": it.facts.thumbprints,
                    "Tags": tag_pairs(place.stamp(it.tags)),
                },
                once="named",
                creates=True,
                outputs={"arn": "OpenIDConnectProviderArn"},
                undo=Request(
                    "iam.DeleteOpenIDConnectProvider",
                    {"OpenIDConnectProviderArn": after("create", "arn")},
                    done=_GONE,
                ),
            )
        ]


class OidcProvider(Kind[OidcFacts]):
    """An OIDC provider that roles trust, such as a code host's or a cluster's.

    Whoever sends tokens (a pipeline, a cluster's pod) names a role of the account: the people there put the target's
    role in. The provider of an EKS cluster of legacy is of use in the target only as long as that cluster runs.
    """

    name = "iam.oidc_provider"
    title = "OIDC provider"
    facts = OidcFacts
    is_global = True
    reads = frozenset({"iam.ListOpenIDConnectProviders", "iam.GetOpenIDConnectProvider"})
    tagging_types = ("iam:oidc-provider",)
    unordered = frozenset({"client_ids", "thumbprints"})
    actions = (CreateOidc(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        arns = [str(arn) for arn in site.pages("iam.ListOpenIDConnectProviders", "OpenIDConnectProviderList[].Arn")]
        named = {arn.partition(":oidc-provider/")[2]: arn for arn in sorted(arns)}
        if only is not None:
            named = {only: named[only]} if only in named else {}

        def read(arn: str) -> dict[str, Any] | None:
            return site.optional("iam.GetOpenIDConnectProvider", missing=_GONE, OpenIDConnectProviderArn=arn)

        for (name, arn), found in zip(named.items(), site.map(read, named.values()), strict=True):
            if found is not None:
                facts = OidcFacts(
                    client_ids=sorted(found.get("ClientIDList") or ()),
                    thumbprints=sorted(found.get("ThumbprintList") or ()),
                )
                yield self.found(site, name, facts, arn=arn, tags=pair_tags(found.get("Tags")))


class SamlFacts(Facts):
    """Source: iam.ListSAMLProviders, iam.GetSAMLProvider."""

    metadata: str
    """The identity provider's own document: its entity id, addresses and public certificates."""
    assertion_encryption: str | None
    """Not set in the target: it needs a private key, which nobody can read out of legacy."""


class CreateSaml(Action[SamlFacts]):
    """The provider by the same metadata."""

    name = "create"
    title = "Create the SAML provider"

    def requests(self, it: It[SamlFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "iam.CreateSAMLProvider",
                {
                    "Name": place.name,
                    "SAMLMetadataDocument": it.facts.metadata,
                    "Tags": tag_pairs(place.stamp(it.tags)),
                },
                once="named",
                creates=True,
                outputs={"arn": "SAMLProviderArn"},
                undo=Request("iam.DeleteSAMLProvider", {"SAMLProviderArn": after("create", "arn")}, done=_GONE),
            )
        ]


class SamlProvider(Kind[SamlFacts]):
    """A SAML provider that roles trust.

    The people of the identity provider add the target's sign-in: the ARNs of role and provider stand in its claims.
    Its decryption keys are not carried; where assertions are encrypted, add a new key by iam.UpdateSAMLProvider
    (AddPrivateKey) and give its certificate to the identity provider.
    """

    name = "iam.saml_provider"
    title = "SAML provider"
    facts = SamlFacts
    is_global = True
    reads = frozenset({"iam.ListSAMLProviders", "iam.GetSAMLProvider"})
    tagging_types = ("iam:saml-provider",)
    volatile = frozenset({"assertion_encryption"})
    left_out: ClassVar[Mapping[str, str]] = {
        "PrivateKeyList": "private keys cannot be read: a person adds new ones by iam.UpdateSAMLProvider",
        "ValidUntil": "AWS reads it out of the metadata; renew the metadata in the target before that day",
    }
    actions = (CreateSaml(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        arns = [str(arn) for arn in site.pages("iam.ListSAMLProviders", "SAMLProviderList[].Arn")]
        named = {arn.rpartition("/")[2]: arn for arn in sorted(arns)}
        if only is not None:
            named = {only: named[only]} if only in named else {}

        def read(arn: str) -> dict[str, Any] | None:
            return site.optional("iam.GetSAMLProvider", missing=_GONE, SAMLProviderArn=arn)

        for (name, arn), found in zip(named.items(), site.map(read, named.values()), strict=True):
            if found is not None:
                facts = SamlFacts(
                    metadata=found["SAMLMetadataDocument"], assertion_encryption=found.get("AssertionEncryptionMode")
                )
                yield self.found(site, name, facts, arn=arn, tags=pair_tags(found.get("Tags")))


class ServerCertificateFacts(Facts):
    """Source: iam.ListServerCertificates, iam.GetServerCertificate."""

    path: str
    certificate_id: str
    expires: str | None


class ServerCertificate(Kind[ServerCertificateFacts]):
    """A certificate that was uploaded to IAM, from before there was ACM. It is not moved: nobody can read its private
    key."""

    name = "iam.server_certificate"
    title = "IAM server certificate"
    facts = ServerCertificateFacts
    is_global = True
    reads = frozenset({"iam.ListServerCertificates", "iam.GetServerCertificate"})
    tagging_types = ("iam:server-certificate",)
    manual = (
        "The private key cannot be read. Request the same names from ACM in the target (acm.RequestCertificate), or "
        "let whoever holds the key import it there (acm.ImportCertificate), and name its ARN in listeners and "
        "distributions. Done when elbv2.DescribeListenerCertificates in the target shows it and no listener names "
        "the old ARN."
    )

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        listed = site.pages("iam.ListServerCertificates", "ServerCertificateMetadataList")
        found: list[dict[str, Any]] = sorted(
            (one for one in listed if only in (None, one["ServerCertificateName"])),
            key=lambda one: str(one["ServerCertificateName"]),
        )

        def tags(one: dict[str, Any]) -> dict[str, str]:
            name = one["ServerCertificateName"]
            answer = site.optional("iam.GetServerCertificate", missing=_GONE, ServerCertificateName=name)
            return pair_tags(answer["ServerCertificate"].get("Tags") if answer else None)

        for one, tagged in zip(found, site.map(tags, found), strict=True):
            facts = ServerCertificateFacts(
                path=one["Path"], certificate_id=one["ServerCertificateId"], expires=_day(one.get("Expiration"))
            )
            yield self.found(site, one["ServerCertificateName"], facts, arn=one["Arn"], tags=tagged)


def _day(value: Json) -> str | None:
    """A date as AWS's SDK gives it, as text without the time of day."""
    return str(value)[:10] if value else None


KINDS = (OidcProvider(), SamlProvider(), ServerCertificate())
