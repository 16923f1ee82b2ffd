"""Find everything in one account: kinds × regions at once, and what no kind knows. Read-only by construction.

The rule: whatever goes wrong with one listing becomes a Gap and the rest goes on; only credentials that no longer
work end a scan. The same account gives the same inventory, byte for byte.
"""

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jmespath

from migrate.aws import Aws, Permit, ReadFailed, home_region, permitted
from migrate.aws.site import Seal, Site
from migrate.crew import Stopped
from migrate.errors import AccessError
from migrate.inventory import Gap, Inventory, Resource
from migrate.kind import Kind
from migrate.names import GLOBAL, AccountId, Arn, Ref, Region
from migrate.ownership import owned
from migrate.progress import Progress
from migrate.sealing import Sealer
from migrate.unhandled import PROBES, Probe, covered, typed
from migrate.unhandled.sizes import reads, sizes

GET_RESOURCES = "resourcegroupstaggingapi.GetResources"
NO_KIND = "no kind of this product handles it: it stays in legacy"
TICK_S = 0.25


@dataclass(frozen=True, slots=True)
class _Listing:
    """One thing to list in one region."""

    name: str
    region: Region
    """Where to ask."""
    shown_as: Region
    """The region that its gaps carry."""
    reads: frozenset[str]
    look: "Callable[[Site], Iterable[Resource | Gap]]"


@dataclass(frozen=True, slots=True)
class _Found:
    resources: tuple[Resource, ...]
    gaps: tuple[Gap, ...]


def scan(
    aws: Aws,
    account: AccountId,
    regions: Sequence[Region],
    kinds: Iterable[Kind[Any]],
    *,
    seal_key: bytes,
    seal: Sealer | None = None,
    progress: Callable[[Progress], None] | None = None,
    unhandled: bool = True,
) -> Inventory:
    """Read the account and say what is there and what was not shown.

    `seal`: a Sealer of one's own, to unseal later; else one is made of `seal_key`. `unhandled`: also look for what
    no kind handles; leave it out where only some kinds are asked for. Raises AccessError where another account
    answers or the credentials end.
    """
    wanted = sorted(kinds, key=lambda kind: kind.name)
    regions = tuple(sorted(set(regions)))
    identity = aws.whoami(account)
    home = home_region(regions[0] if regions else "")
    listings = [listing for kind in wanted for listing in _of_kind(kind, regions, home)]
    if unhandled:
        types = frozenset(one for kind in wanted for one in kind.tagging_types)
        listings += [_tagged(region, regions, types) for region in sorted({*regions, home})]
        listings += [
            listing
            for probe in PROBES
            if not _handled(probe, types)
            for listing in _of_probe(probe, regions, home, identity.partition)
        ]
    sealer: Seal = seal or Sealer(seal_key)

    with _ticking(aws, len(listings), progress) as ended:

        def look(listing: _Listing) -> _Found:
            found = _look(aws, account, listing, sealer)
            ended(len(found.gaps))
            return found

        found = aws.crew.map(look, listings)

    resources: dict[Ref, Resource] = {}
    for one in found:
        for resource in one.resources:
            resources.setdefault(resource.ref, resource)
    gaps = _settled([gap for one in found for gap in one.gaps], resources.values(), wanted, regions)
    names = tuple(kind.name for kind in wanted)
    return Inventory(account, regions, names, tuple(owned(resources.values())), tuple(gaps))


def _of_kind(kind: Kind[Any], regions: Sequence[Region], home: Region) -> list[_Listing]:
    where = [(home, GLOBAL)] if kind.is_global else [(region, region) for region in regions]
    return [_Listing(kind.name, region, shown, kind.reads, kind.scan) for region, shown in where]


def _of_probe(probe: Probe, regions: Sequence[Region], home: Region, partition: str) -> list[_Listing]:
    def look(site: Site) -> Iterator[Gap]:
        shown = GLOBAL if probe.is_global else site.region
        path = jmespath.compile(probe.ids)
        params = {name: site.account if value == "{account}" else value for name, value in probe.params.items()}
        for found in site.pages(probe.operation, "[@]", **params):
            ids = [str(one) for one in path.search(found) or ()]
            known = sizes(probe.type, site, found, ids)
            for identity in ids:
                filled = probe.arn.format(partition=partition, account=site.account, region=site.region, id=identity)
                said = f"{NO_KIND} ({known[identity]})" if identity in known else NO_KIND
                yield Gap(probe.type, shown, probe.operation, "no kind", said, filled or identity)

    where = [(home, GLOBAL)] if probe.is_global else [(region, region) for region in regions]
    return [_Listing(probe.type, region, shown, reads(probe), look) for region, shown in where]


def _handled(probe: Probe, types: frozenset[str]) -> bool:
    service, _, thing = probe.type.partition(":")
    return covered(service, f"{thing}/", types)


def _tagged(region: Region, regions: Sequence[Region], types: frozenset[str]) -> _Listing:
    """What the tagging API knows in one region: only things that carry or carried a tag."""

    def look(site: Site) -> Iterator[Gap]:
        for text in site.pages(GET_RESOURCES, "ResourceTagMappingList[].ResourceARN"):
            arn = Arn.parse(text)
            if arn is None or (arn.region and arn.region not in regions):
                continue
            if not covered(arn.service, arn.resource, types):
                kind = typed(arn.service, arn.resource)
                yield Gap(kind, arn.region or GLOBAL, GET_RESOURCES, "no kind", NO_KIND, text)

    return _Listing("resourcegroupstaggingapi", region, region, frozenset({GET_RESOURCES}), look)


def _look(aws: Aws, account: AccountId, listing: _Listing, seal: Seal) -> _Found:
    site = aws.site(account, listing.region, kind=listing.name, seal=seal)
    resources: list[Resource] = []
    gaps: list[Gap] = []
    try:
        with permitted(Permit(listing.reads, scan=True)):
            for found in listing.look(site):
                if isinstance(found, Gap):
                    gaps.append(found)
                else:
                    resources.append(found)
    except ReadFailed as error:
        if error.reason != "unreachable" or aws.offered(error.operation, listing.region):
            gaps.append(site.gap(error))
    except (AccessError, Stopped):
        raise
    except Exception as error:  # noqa: BLE001  # a defect of one kind must not hide what the others found
        gaps.append(Gap(listing.name, listing.shown_as, "scan", "failed", _defect(error)))
    gaps = [replace(gap, region=listing.shown_as) if gap.reason != "no kind" else gap for gap in gaps + site.gaps]
    return _Found(tuple(resources), tuple(gaps))


def _defect(error: Exception) -> str:
    """Class and place of a crash. Not its text, which may hold a value out of the account."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "kinds" in Path(frame.filename).parts] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
    key = f" {error.args[0]!r}" if isinstance(error, KeyError) and error.args else ""
    return f"{type(error).__name__}{key} at {place}: a defect of this product, please report it"


def _settled(
    gaps: Sequence[Gap], resources: Iterable[Resource], kinds: Sequence[Kind[Any]], regions: Sequence[Region]
) -> Iterator[Gap]:
    """Each gap once: nothing that was found after all, one for a thing listed twice, one for a region that is off."""
    arns = {resource.arn.removesuffix(":*") for resource in resources}
    asked = {kind.name for kind in kinds if not kind.is_global}
    off = {
        region: sorted(gap.said for gap in gaps if gap.region == region and gap.reason == "region off")
        for region in regions
        if asked and asked <= {gap.kind for gap in gaps if gap.region == region and gap.reason == "region off"}
    }
    for region, texts in off.items():
        yield Gap("*", region, "every listing", "region off", texts[0])
    seen: set[str] = set()
    # What says more than that nobody handles it comes first.
    for gap in sorted(gaps, key=lambda gap: (gap.subject, gap.said == NO_KIND, gap.call != GET_RESOURCES, gap)):
        if gap.reason == "region off" and gap.region in off:
            continue
        if gap.subject:
            if gap.subject.removesuffix(":*") in arns or gap.subject in seen:
                continue
            seen.add(gap.subject)
        yield gap


@contextmanager
def _ticking(aws: Aws, total: int, progress: Callable[[Progress], None] | None) -> Iterator[Callable[[int], None]]:
    """Report while the block runs; gives a function to call with the gaps of each listing that ended."""
    lock, over, began = threading.Lock(), threading.Event(), time.monotonic()
    ended = gaps = 0
    done_before, throttled_before = aws.pacer.count.done, aws.pacer.count.throttled

    def one_ended(its_gaps: int) -> None:
        nonlocal ended, gaps
        with lock:
            ended, gaps = ended + 1, gaps + its_gaps

    def report() -> None:
        done = aws.pacer.count.done - done_before
        rate = done / max(time.monotonic() - began, 0.001)
        throttled = aws.pacer.count.throttled - throttled_before
        assert progress is not None
        progress(Progress(done, total - ended, total, rate, throttled, gaps, aws.pacer.current))

    def tick() -> None:
        while not over.wait(TICK_S):
            report()

    ticker = threading.Thread(target=tick, name="migrate-progress", daemon=True) if progress else None
    if ticker:
        ticker.start()
    try:
        yield one_ended
    finally:
        over.set()
        if ticker:
            ticker.join()
            report()
