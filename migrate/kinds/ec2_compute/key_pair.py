"""Key pair: its public half, under the same name. The rule: the private half is with people and never seen here."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from migrate.inventory import Resource
from migrate.kind import Action, Facts, It, Kind, Name, Place, ReadSite, Request, after, join, pair_tags
from migrate.kinds._ec2 import arn_of, narrowed, specification


class KeyPairFacts(Facts):
    """Source: ec2.DescribeKeyPairs with IncludePublicKey."""

    key_pair_id: str
    """AWS's own."""
    key_type: str
    public_key: str
    """In the form of OpenSSH, without the comment at its end."""


class Import(Action[KeyPairFacts]):
    """The public key, imported: whoever holds the private one gets in as before."""

    name = "create"
    title = "Import the public key"

    def applies(self, it: It[KeyPairFacts]) -> bool:
        return bool(it.facts.public_key)

    def requests(self, it: It[KeyPairFacts], place: Place) -> Sequence[Request]:
        return [
            Request(
                "ec2.ImportKeyPair",
                {
                    "KeyName": place.name,
                    # botocore encodes it. Source: ec2.ImportKeyPair PublicKeyMaterial (blob), botocore 1.44.5.
                    "PublicKeyMaterial": it.facts.public_key,
                    "TagSpecifications": specification("key-pair", place, it.tags),
                },
                once="named",
                creates=True,
                outputs={"id": "KeyPairId"},
                undo=Request("ec2.DeleteKeyPair", {"KeyName": place.name}, done=("InvalidKeyPair.NotFound",)),
            )
        ]


class KeyPair(Kind[KeyPairFacts]):
    """A key pair. The same private key opens what is launched with it in the target. Its fingerprint may be another
    one there: AWS counts it otherwise for keys that it made than for imported ones.
    """

    name = "ec2.key_pair"
    title = "EC2 key pair"
    facts = KeyPairFacts
    reads = frozenset({"ec2.DescribeKeyPairs"})
    tagging_types = ("ec2:key-pair",)
    volatile = frozenset({"key_pair_id"})
    manual = (
        "Where AWS shows no public key: make it from the private one (ssh-keygen -y) and import it in the target "
        "under the same name (ec2.ImportKeyPair)."
    )
    left_out: ClassVar[Mapping[str, str]] = {
        "KeyFingerprint": "AWS counts it otherwise for keys that it made than for imported ones",
        "private key": "AWS does not hold it: who has it keeps it",
    }
    actions = (Import(),)

    def scan(self, site: ReadSite, only: str | None = None) -> Iterator[Resource]:
        # Its name, or for others who know it so its id.
        by_id = narrowed("key-pair-id", only) if only and only.startswith("key-") else {}
        answer = site.call("ec2.DescribeKeyPairs", IncludePublicKey=True, **(by_id or narrowed("key-name", only)))
        if by_id and not answer.get("KeyPairs"):
            answer = site.call("ec2.DescribeKeyPairs", IncludePublicKey=True, **narrowed("key-name", only))
        for one in sorted(answer.get("KeyPairs", ()), key=lambda one: str(one["KeyName"])):
            yield self._found(site, one)

    def _found(self, site: ReadSite, one: dict[str, Any]) -> Resource:
        public_key = " ".join((one.get("PublicKey") or "").split()[:2])
        return self.found(
            site,
            one["KeyName"],
            KeyPairFacts(
                key_pair_id=one.get("KeyPairId", ""),
                # An endpoint may not say it; the key itself does.
                key_type=one.get("KeyType") or ("ed25519" if public_key.startswith("ssh-ed25519") else "rsa"),
                public_key=public_key,
            ),
            arn=arn_of(site, "key-pair", one.get("KeyPairId") or one["KeyName"]),
            tags=pair_tags(one.get("Tags")),
        )

    def names(self, it: It[KeyPairFacts], place: Place) -> Iterator[Name]:
        own = after("create", "id")
        yield Name(it.arn, join(f"arn:aws:ec2:{place.region}:{place.account}:key-pair/", own))
        if it.facts.key_pair_id:
            yield Name(it.facts.key_pair_id, own, "id")

    def outputs(self, found: Resource) -> dict[str, str]:
        return {"id": found.facts["key_pair_id"], "arn": found.arn}
