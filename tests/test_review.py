"""The page, the Markdown, the pictures, the approval."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from migrate import files, pictures, plan, review
from migrate.errors import PlanRefused, StaleError
from migrate.graph import build
from migrate.inventory import Gap, Resource
from migrate.plan import Plan
from tests.plans.toys import KINDS, inputs, inventory, thing

HOSTILE = [
    "</script><script>alert(1)</script>", "<img src=http://evil.example/x onerror=alert(1)>", "a|b`c`*d*",
    "![x](http://evil.example/x.png)", "[y](javascript:alert(1))", 'say "hi" \'there\'', "line\nbreak\r| x |",
    "🦄 ü\u202e",
    "]--></title><style>*{display:none}", "a\\nb\\", "c\x00\x1b[31m", "%% ; -->|x| y", "{{ 7*7 }}{% raw %}",
    "[[http://evil.example]]", "](http://evil.example)", '"]; click n0 "http://evil.example"',
]  # fmt: skip
GAPS = [
    Gap("cognito-idp:userpool", "eu-west-1", "tag.GetResources", "no kind", "<b>bold</b>", "arn:aws:cognito-idp:x"),
    Gap("kms.key", "eu-west-1", "kms.ListKeys", "denied", "AccessDenied"),
]
WAIVED = [{"gap": "*", "because": "all of this was seen to by hand"}]


def made(folder: Path, things: list[Resource], gaps: Any = (), **more: Any) -> tuple[Plan, review.Page]:
    given = inputs(things, gaps=gaps, **more)
    written = plan.write(folder, given)
    return written, review.look(written, given.inventory)


def hostile_things() -> list[Resource]:
    return [
        thing("toy.queue", f"prod {name}", {name: name}, document={"Text": name, "When": [{name: 1}]})
        for name in HOSTILE
    ]


class Tags(HTMLParser):
    """Every tag with its attributes, and what is left of text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def loads_nothing(page: str) -> None:
    for tag, attributes in Tags(page).tags:
        assert tag not in {"script", "img", "iframe", "link", "object", "embed", "base", "form", "image", "use"}, tag
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in {"src", "href", "xlink:href", "action", "srcset", "data"}:
                assert (value or "").startswith("#"), (tag, name, value)
    assert "@import" not in page
    assert "url(" not in page


def test_page_one_counts_gaps_and_refusals_before_anything_else(tmp_path: Path) -> None:
    made_plan, page = made(tmp_path, [thing("toy.queue", "orders-prod"), thing("toy.database", "attic")], GAPS)
    assert len(made_plan.refusals) == 3
    first = review.as_html(page).split('<h2 id="order">')[0]
    assert '<b class="bad">2</b><span>gaps' in first
    assert '<b class="bad">3</b><span>refusals' in first
    assert "Refused: this plan cannot be approved" in first
    for words in ("cognito-idp:userpool", "AccessDenied", "attic holds data and goes nowhere"):
        assert words in Tags(first).text
    text = review.as_markdown(page)
    assert "**2 gaps**" in text
    assert "Refused: 3 reasons" in text


def test_page_one_of_a_good_plan_shows_what_was_waived_and_why(tmp_path: Path) -> None:
    _, page = made(tmp_path, [thing("toy.queue", "orders-prod")], GAPS, waivers=WAIVED)
    first = review.as_html(page).split('<h2 id="order">')[0]
    assert "Nothing stands against approval" in first
    assert "all of this was seen to by hand" in Tags(first).text
    assert '<b class="bad">2</b><span>gaps' in first


def test_every_step_and_request_is_on_the_page(tmp_path: Path) -> None:
    things = [thing("toy.service", "web-prod"), thing("toy.database", "db-prod"), thing("toy.queue", "q-prod")]
    made_plan, page = made(tmp_path, things)
    shown = Tags(review.as_html(page)).text
    for step in made_plan.steps.values():
        assert step.id in shown
        for request in step.requests:
            assert request.operation in shown
    assert "Is everyone told?" in shown
    assert "Changes in legacy: 1" in shown
    assert "D3" in shown


def test_the_page_loads_nothing_and_escapes_every_hostile_name(tmp_path: Path) -> None:
    _, page = made(tmp_path, hostile_things(), [Gap(HOSTILE[0], HOSTILE[1], "x", "denied", HOSTILE[0], HOSTILE[1])])
    html = review.as_html(page)
    loads_nothing(html)
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html
    shown = Tags(html).text
    assert "prod </script><script>alert(1)</script>" in shown
    assert "{{ 7*7 }}" in shown


def test_markdown_has_no_link_image_or_html_of_a_hostile_name(tmp_path: Path) -> None:
    _, page = made(tmp_path, hostile_things(), [Gap(HOSTILE[0], HOSTILE[3], "x", "denied", HOSTILE[0], HOSTILE[3])])
    text = review.as_markdown(page)
    assert "<" not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    assert not re.search(r"(?<!\\)\[", text)
    assert not [letter for letter in text if not letter.isprintable() and letter != "\n"]
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {5}
    assert len(rows) == len(HOSTILE) + 1


def test_pictures_escape_every_hostile_name() -> None:
    graph = build(inventory(hostile_things()), KINDS)
    cells = pictures.cells_of_graph(graph, {})
    tree = ElementTree.fromstring(pictures.svg(cells, most_per_cell=99))
    assert {element.tag.split("}")[1] for element in tree.iter()} <= {
        "svg",
        "style",
        "rect",
        "g",
        "title",
        "text",
        "path",
    }
    assert len([e for e in tree.iter() if e.get("class") == "cell"]) == len(HOSTILE)
    loads_nothing(pictures.page(graph, {next(iter(graph.resources)): HOSTILE[0]}))

    lines = pictures.mermaid(graph).splitlines()
    assert len(lines) == len(HOSTILE) + 1
    assert all(re.fullmatch(r'  n\d+\["[^"<>`\[\]\\|%{}]*"\]', line) for line in lines[1:])

    lines = pictures.dot(graph).splitlines()
    assert len(lines) == len(HOSTILE) + 3
    quoted = r'"(?:[^"\\]|\\.)*"'
    assert all(re.fullmatch(rf"  {quoted} \[label={quoted}\];", line) for line in lines[2:-1])


def test_pictures_count_what_they_do_not_draw() -> None:
    graph = build(inventory([thing("toy.queue", f"q{number}") for number in range(20)]), KINDS)
    drawn = pictures.svg(pictures.cells_of_graph(graph, {}), most_per_cell=14)
    assert drawn.count('class="cell"') == 14
    assert "and 6 more" in drawn


def test_a_row_of_the_picture_says_in_which_waves_it_has_boxes() -> None:
    def cell(column: int, row: str) -> pictures.Cell:
        return pictures.Cell(f"{row}{column}", "label", "hint", column, row, "ec2")

    drawn = pictures.svg([cell(1, "development"), cell(3, "production"), cell(34, "production")])
    assert "waves 3 to 34" in drawn
    assert drawn.count(">wave 1<") == 2  # the column's head, and the row that stands in it alone


def test_the_page_and_its_markdown_lie_beside_the_plan(tmp_path: Path) -> None:
    made_plan, page = made(tmp_path, [thing("toy.queue", "orders-prod")])
    html, text = review.write(page, tmp_path)
    assert made_plan.path is not None
    stem = made_plan.path.name.removesuffix(".plan.json")
    assert [html.name, text.name] == [f"{stem}.plan.html", f"{stem}.plan.md"]


def test_an_approval_is_bound_to_the_digest_of_its_plan(tmp_path: Path) -> None:
    first, _ = made(tmp_path, [thing("toy.queue", "orders-prod")])
    with pytest.raises(StaleError, match="there is no approval"):
        review.approval_of(tmp_path, first)
    written = review.approve(tmp_path, first, by="ann", reason="read it")
    assert written.body == {"plan": first.digest, "by": "ann", "reason": "read it", "migration": "toys"}
    assert review.approval_of(tmp_path, first).digest == written.digest

    second, _ = made(tmp_path, [thing("toy.queue", "orders-prod"), thing("toy.queue", "more-prod")])
    with pytest.raises(StaleError, match=f"the last one is for plan {first.digest[:8]}"):
        review.approval_of(tmp_path, second)
    review.approve(tmp_path, second, by="ann", reason="read it")
    assert review.approval_of(tmp_path, first).digest == written.digest


def test_an_approval_that_was_edited_approves_nothing(tmp_path: Path) -> None:
    first, _ = made(tmp_path, [thing("toy.queue", "orders-prod")])
    second, _ = made(tmp_path, [thing("toy.queue", "more-prod")])
    path = review.approve(tmp_path, first, by="ann", reason="read it").path
    path.write_bytes(path.read_bytes().replace(first.digest.encode(), second.digest.encode()))
    for approved in (first, second):
        with pytest.raises(StaleError):
            review.approval_of(tmp_path, approved)


def test_a_refused_plan_cannot_be_approved_not_even_by_a_file_made_by_hand(tmp_path: Path) -> None:
    refused, _ = made(tmp_path, [thing("toy.database", "attic")])
    with pytest.raises(PlanRefused, match="attic"):
        review.approve(tmp_path, refused, by="ann", reason="never mind")
    assert list(tmp_path.glob("*.approval.json")) == []
    body = {"plan": refused.digest, "by": "ann", "reason": "", "migration": "toys"}
    files.write(tmp_path, "approval.json", files.APPROVAL, body)
    with pytest.raises(PlanRefused):
        review.approval_of(tmp_path, refused)
