"""The documents say what the product does: fields, verbs, examples, generated pages, links.

The rule: a document that falls behind the code fails here.
"""

import re
import textwrap
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from migrate import config, coverage, kind_table, runbook
from migrate.cli import main
from migrate.errors import ConfigError
from migrate.journal import Event
from migrate.kinds import every_kind
from migrate.organisation.section import Organisation
from migrate.verbs.telling import EXIT_CODES

ROOT = Path(__file__).parent.parent
CONFIGURATION = ROOT / "docs" / "configuration.md"
ORGANISATION = ROOT / "docs" / "organisation.md"
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "inventories/README.md", ROOT / "runbooks/README.md"]
)


def models(part: type[BaseModel], without: frozenset[type[BaseModel]] = frozenset()) -> Iterator[type[BaseModel]]:
    """The model and every model that its fields hold, each once."""
    yield part
    seen = without | {part}
    for field in part.model_fields.values():
        for inner in _inner(field.annotation):
            if inner not in seen:
                found = list(models(inner, frozenset(seen)))
                seen |= set(found)
                yield from found


def _inner(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _inner(argument)


def fields() -> list[str]:
    """Every field of migration.yaml as people spell it, but for those within `organisation`."""
    parts = models(config.Config, frozenset({Organisation}))
    return sorted({f.alias or name for part in parts for name, f in part.model_fields.items()})


def fields_of_the_organisation() -> list[str]:
    """Every field of that section."""
    return sorted({name for part in models(Organisation) for name in part.model_fields})


def blocks(path: Path, language: str) -> list[str]:
    """The fenced examples of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S)


def plain(text: str) -> Any:
    """YAML as plain values."""
    return YAML(typ="safe").load(StringIO(text))


def test_the_search_for_fields_reaches_the_nested_sections() -> None:
    assert {"schema", "regions", "because", "runbook", "instance", "tunnels"} <= set(fields())


@pytest.mark.parametrize("field", fields())
def test_every_field_of_migration_yaml_has_a_row_in_a_table(field: str) -> None:
    assert re.search(rf"^\| `{field}` \|", CONFIGURATION.read_text(encoding="utf-8"), re.M)


@pytest.mark.parametrize("field", fields_of_the_organisation())
def test_every_field_of_the_organisation_has_a_row_in_its_page(field: str) -> None:
    assert re.search(rf"^\| `{field}` \|", ORGANISATION.read_text(encoding="utf-8"), re.M)


def test_every_row_of_the_wanted_organisation_is_answered_once() -> None:
    rows = re.findall(
        r"^\| ([LT][0-9]+) \| [^|]+ \| (feature|finding|manual|not yet)", ORGANISATION.read_text("utf-8"), re.M
    )

    assert [name for name, _ in rows] == [f"L{n}" for n in range(1, 21)] + [f"T{n}" for n in range(1, 34)]


@pytest.mark.parametrize("default", ["buckets", "settle_s"])
def test_the_defaults_that_the_page_names_are_the_defaults(default: str) -> None:
    value = config.Config.model_fields[default].default
    shown = f"{value:g}" if isinstance(value, float) else f"`{value}`"

    assert re.search(rf"^\| `{default}` \|[^|]*\| {re.escape(shown)} \|", CONFIGURATION.read_text("utf-8"), re.M)


def test_every_field_and_shape_of_a_runbook_is_named() -> None:
    text = CONFIGURATION.read_text(encoding="utf-8")

    for word in ("schema", "name", "about", "steps", "id", "do", "ask", "timeout", "approvers", "within"):
        assert f"`{word}`" in text
    for phase in runbook.PHASES:
        assert f"`{phase}`" in text


@pytest.mark.parametrize("verb", sorted(main.commands))
def test_every_verb_is_named(verb: str) -> None:
    texts = " ".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert re.search(rf"`{verb}`|migrate {verb}\b", texts)


def options_of(verb: click.Command) -> set[str]:
    """Its options; of a group those of its verbs too."""
    own = {option for param in verb.params for option in param.opts} | {"--help", "-h"}
    return own.union(*map(options_of, verb.commands.values())) if isinstance(verb, click.Group) else own


def test_the_documents_show_no_verb_or_option_that_does_not_exist() -> None:
    known = {name: options_of(verb) for name, verb in main.commands.items()}
    wrong = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        spans = [*re.findall(r"`([^`\n]+)`", text), *(line for line in text.splitlines())]
        for verb, rest in (found for span in spans for found in re.findall(r"\bmigrate ([a-z]+)\b([^`#&|;]*)", span)):
            options = re.findall(r"(?<!\S)--?[a-z][a-z-]*", rest)
            if options and verb in known:
                wrong += [f"{page.name}: migrate {verb} {o}" for o in options if o not in known[verb]]

    assert wrong == []


def test_every_exit_code_is_in_the_table() -> None:
    text = CONFIGURATION.read_text(encoding="utf-8").partition("## Exit codes\n")[2]

    assert {int(code) for code in re.findall(r"^\| ([0-9]+) \|", text, re.M)} == set(EXIT_CODES)


def test_every_event_of_the_journal_is_explained() -> None:
    text = (ROOT / "docs" / "recovery.md").read_text(encoding="utf-8").partition("| event | means |")[2]
    named = set(re.findall(r"`([a-z]+)`", "".join(line.split("|")[1] for line in text.splitlines() if line[:1] == "|")))

    assert set(get_args(Event)) <= named


def test_the_example_of_migration_yaml_is_valid_and_uses_every_section(tmp_path: Path) -> None:
    [example] = [text for text in blocks(CONFIGURATION, "yaml") if "migrate.config/1" in text]
    path = tmp_path / config.FILE_NAME
    path.write_text(example, encoding="utf-8")

    read = config.load(tmp_path)

    assert all([read.placement, read.environments, read.renames, read.move, read.waivers, read.databases, read.tunnels])


def test_the_example_of_a_runbook_is_valid() -> None:
    examples = [text for text in blocks(CONFIGURATION, "yaml") if "migrate.runbook/1" in text]
    actions = frozenset(f"{kind.name}.{action.name}" for kind in every_kind().values() for action in kind.actions)

    for text in examples:
        document = plain(text)
        runbook.parse(document, Path(f"{document['name']}.yaml"), actions)

    assert examples


def test_every_yaml_example_is_one_of_the_two() -> None:
    assert all(plain(text)["schema"] in (config.SCHEMA, runbook.SCHEMA) for text in blocks(CONFIGURATION, "yaml"))


MINIMAL = textwrap.dedent("""\
    schema: migrate.config/1
    migration: acme
    legacy:
      account: "111111111111"
      regions: [eu-west-1]
    targets:
      production: {account: "222222222222", role: OrganizationAccountAccessRole}
      development: {account: "333333333333", role: OrganizationAccountAccessRole}
    """)


@pytest.mark.parametrize(
    ("was", "wrong"),
    [
        ("migrate.config/1", "migrate.config/2"),
        ("migration: acme", "migration: Acme"),
        ('"111111111111"', "111111111111"),
        ('"111111111111"', '"1111"'),
        ("regions: [eu-west-1]", "regions: eu-west-1"),
        ("regions: [eu-west-1]", "regions: []"),
        ('"333333333333"', '"222222222222"'),
        ('"333333333333"', '"111111111111"'),
        ("  development:", "  Development:"),
        (", role: OrganizationAccountAccessRole}\n  dev", "}\n  dev"),
        ("", "legacy2: x\n"),
        ("", "environments: {prod: prod}\n"),
        ("", "external_id: 5\n"),
        ("", 'buckets: "x-{account}"\n'),
        ("", "renames: [a]\n"),
        ("", "tunnels: [a]\n"),
        ("", "waivers: []\nwaivers: []\n"),
        ("", "placement:\n  - {kind: s3.bucket, to: prod}\n"),
        ("", "placement:\n  - {kind: s3.bucket}\n"),
        ("", "placement:\n  - {kind: s3.bucket, to: [legacy, production]}\n"),
        ("", "placement:\n  - {kind: s3.bucket, to: [production, production]}\n"),
        ("", "move:\n  - {runbook: move-workload, accounts: [prod]}\n"),
        ("", "move:\n  - {runbook: move-workload, accounts: []}\n"),
        ("", "waivers:\n  - {gap: x, because: short}\n"),
        ("", 'databases:\n  - {instance: x, secret: ""}\n'),
        ("", "databases:\n  - {instance: x, rotate_password: true}\n"),
    ],
)
def test_the_errors_on_the_page_are_the_errors_that_people_get(tmp_path: Path, was: str, wrong: str) -> None:
    assert was in MINIMAL
    text = MINIMAL.replace(was, wrong, 1) if was else MINIMAL + wrong
    (tmp_path / config.FILE_NAME).write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as raised:
        config.load(tmp_path)

    said = raised.value.what.splitlines()[0].partition(", ")[2]
    assert f"`{said}`" in CONFIGURATION.read_text(encoding="utf-8")


def test_the_page_of_kinds_is_the_generated_one() -> None:
    assert (ROOT / "docs" / "kinds.md").read_text(encoding="utf-8") == kind_table.kinds_page(), (
        "python -m migrate.kind_table > docs/kinds.md"
    )


def test_the_page_of_coverage_is_the_generated_one() -> None:
    assert (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8") == coverage.coverage_page(), (
        "python -m migrate.kind_table --coverage > docs/coverage.md"
    )


def test_the_page_of_runbooks_is_the_generated_one() -> None:
    assert (ROOT / "runbooks" / "README.md").read_text(encoding="utf-8") == kind_table.runbooks_page(), (
        "python -m migrate.kind_table --runbooks > runbooks/README.md"
    )


def test_every_action_stands_under_exactly_one_phase() -> None:
    rows = re.findall(r"^\| `([a-z0-9_.]+)` \|", kind_table.runbooks_page(), re.M)

    assert sorted(rows) == sorted(f"{k.name}.{a.name}" for k in every_kind().values() for a in k.actions)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^a-z0-9 _-]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.+)$", text, re.M)
    }

    for link in re.findall(r"(?<!!)\[[^\]]+\]\(([^)]+)\)", text):
        target, _, anchor = link.partition("#")
        assert (page.parent / target).exists() if target else anchor in headings, link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_holds_a_registry_or_a_path_of_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert not re.search(r"https?://", text)
    assert not re.search(r"(?<![\w.}/>])/(?:work|tmp|home|root|Users|opt|var|usr|mnt)/", text)
    assert not re.search(r"index-url|artifactory|nexus|pypi", text, re.I)


def test_the_page_of_wanted_kinds_is_what_the_classes_say() -> None:
    assert (ROOT / "docs" / "wanted.md").read_text(encoding="utf-8") == kind_table.wanted_page()
