"""What can be known to fail before anything is sent: quotas, sizes, names that nobody has. Pure.

The rule: each says what, where and what to do, and cannot be waived: AWS would refuse it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from migrate.files import canonical
from migrate.inventory import Resource
from migrate.organisation import guard_rails, wishes
from migrate.organisation.difference import Todo
from migrate.organisation.section import Organisation
from migrate.values import Json

MOST_INLINE = 10_240
"""Characters of a role's inline policies together. Source: IAM User Guide, "IAM and AWS STS quotas"; the API takes
32,768 (sso-admin.PutInlinePolicyToPermissionSet, botocore 1.44.5)."""
CONTROL_ALLOWS = "FullAWSAccess"


def refusals(
    section: Organisation, regions: tuple[str, ...], todo: Todo, present: Sequence[Resource]
) -> Iterator[dict[str, Json]]:
    """Why the plan cannot be approved, beside what the plan itself objects to."""
    for what, differences in todo.unlike.items():
        yield _no(f"unlike/{what}", f"{what} stands, but otherwise: {'; '.join(differences)}",
                  "make migration.yaml say what stands, or change it in the console first")  # fmt: skip
    yield from _accounts(section, todo, present)
    yield from _rails(section, regions, present)
    for person in section.people:
        # What a proposal writes where nothing said the address: AWS would take it, and no mail would arrive.
        if person.email.lower().endswith(".invalid"):
            yield _no(f"person/{person.name}", f"{person.email} of {person.name} stands for an address that nobody has "
                      "filled in", "give the person's own under organisation.people")  # fmt: skip
    closed = section.sensitive()
    for name, group in section.groups.items():
        for assign in group.assign:
            for alias in sorted(closed & set(assign.accounts)) if assign.expires is None else ():
                yield _no(
                    f"standing/{name}/{assign.permission_set}/{alias}",
                    f"{name} would have {assign.permission_set} in {alias} for good, and {alias} is sensitive",
                    f'say its last day beside it under organisation.groups.{name}.assign: expires: "2026-12-31"',
                )
    for name, one in section.permission_sets.items():
        size = len(canonical(one.inline)) if one.inline is not None else 0
        if size > MOST_INLINE:
            yield _no(
                f"permission set/{name}", f"permission set {name} has an inline policy of {size} characters; the role "
                f"that it becomes takes {MOST_INLINE}",
                "make customer_policies of some of it, which must stand in each account",
            )  # fmt: skip


def _no(key: str, what: str, do: str) -> dict[str, Json]:
    return {"key": key, "what": what, "do": do}


def _accounts(section: Organisation, todo: Todo, present: Sequence[Resource]) -> Iterator[dict[str, Json]]:
    standing = [one for one in present if one.ref.kind == wishes.ACCOUNT]
    new = [one for one in todo.resources if one.ref.kind == wishes.ACCOUNT and not one.facts["stands"]]
    in_all = 1 + len(standing) + len(new)
    if in_all > section.most_accounts and new:
        yield _no(
            "quota/accounts",
            f"{len(new)} new accounts beside {len(standing)} and the management account are {in_all}; the organisation "
            f"takes {section.most_accounts}",
            "ask for more in Service Quotas (Organizations, default maximum number of accounts; us-east-1, management "
            "account), and say organisation.most_accounts in migration.yaml when it is granted",
        )


def _rails(section: Organisation, regions: tuple[str, ...], present: Sequence[Resource]) -> Iterator[dict[str, Json]]:
    own, setting = section.guard_rails.documents, wishes.setting(section, regions)
    known = guard_rails.known(own)
    used = list(dict.fromkeys(wishes.attached(section)))
    for rail in sorted({rail for rail, _, _ in used}):
        if rail not in known:
            yield _no(f"rail/{rail}", f"guard rail {rail!r} is neither of the starter set nor under "
                      "guard_rails.documents", f"one of {', '.join(known)}")  # fmt: skip
            continue
        size = guard_rails.size_bytes(guard_rails.document(rail, own, setting))
        if size > guard_rails.MOST_BYTES:
            yield _no(f"rail/{rail}", f"guard rail {rail} has {size} bytes, AWS takes {guard_rails.MOST_BYTES}",
                      "make two rails of it under guard_rails.documents")  # fmt: skip
    others = {one.ref.name for one in present if one.ref.kind == "organizations.policy_attachment"}
    there = {f"{rail}@{where}" for rail, where, _ in used} | others
    for where, count in sorted(Counter(guard_rails.apart(name)[1] for name in there).items()):
        most = guard_rails.MOST_ON_A_TARGET - 1
        if count > most and any(where == one for _, one, _ in used):
            yield _no(
                f"rails/{where}",
                f"{where} would have {count} policies beside {CONTROL_ALLOWS}; AWS takes "
                f"{guard_rails.MOST_ON_A_TARGET} in all on one target",
                "attach some of them higher up, or put their statements into one rail under guard_rails.documents",
            )


def counted(section: Organisation, regions: tuple[str, ...]) -> Iterator[str]:
    """How many guard rails and permission sets there are, how large, and how much room is left."""
    own, setting = section.guard_rails.documents, wishes.setting(section, regions)
    used = [(rail, where) for rail, where, _ in wishes.attached(section) if rail in guard_rails.known(own)]
    if used:
        sizes = {rail: guard_rails.size_bytes(guard_rails.document(rail, own, setting)) for rail, _ in used}
        largest = max(sorted(sizes), key=lambda rail: sizes[rail])
        [(fullest, most)] = Counter(where for _, where in dict.fromkeys(used)).most_common(1)
        yield (
            f"{len(sizes)} guard rails on {len({where for _, where in used})} targets: {largest} is the largest, "
            f"{sizes[largest]} of {guard_rails.MOST_BYTES} bytes; {fullest} has the most, {most} of "
            f"{guard_rails.MOST_ON_A_TARGET - 1} beside {CONTROL_ALLOWS}"
        )
    if section.permission_sets:
        given = sum(len(assign.accounts) for group in section.groups.values() for assign in group.assign)
        yield f"{len(section.permission_sets)} permission sets for {len(section.groups)} groups, {given} assignments"


def tried(section: Organisation, todo: Todo, present: Sequence[Resource]) -> tuple[list[Resource], list[str]]:
    """The trials on the canary account, the widest rails first, and what does not fit there."""
    rails: Counter[str] = Counter()
    for one in todo.resources:
        if one.ref.kind == "organizations.policy_attachment":
            rail, where = guard_rails.apart(one.ref.name)
            rails[rail] += 1000 if where == "root" else 1
    emails = section.emails()
    canary = emails.get(section.guard_rails.canary or "")
    if canary is None:
        said = "no guard rail is tried first: guard_rails.canary names no account"
        return [], [said] if rails else []
    taken = {
        guard_rails.apart(one.ref.name)[0]
        for one in (*present, *todo.resources)
        if one.ref.kind == "organizations.policy_attachment" and one.ref.name.endswith(f"@account:{canary}")
    }
    fresh = [rail for rail, _ in rails.most_common() if rail not in taken]
    room = max(0, guard_rails.MOST_ON_A_TARGET - 1 - len(taken))
    made = [wishes.trial(section, rail) for rail in fresh[:room]]
    left = [f"guard rail {rail} is not tried: the canary account has no room for more" for rail in fresh[room:]]
    return [one for one in made if one is not None], left
