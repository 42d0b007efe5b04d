"""``render --explain``: every directive that is emitted has a reason, every reason a directive."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from vhostsmith import explanation
from vhostsmith.explanation import Explanation, annotate, key_of
from vhostsmith.operations.load import explanations
from vhostsmith.servers import SERVERS
from vhostsmith.servers.base import Kind

GOLDEN = Path(__file__).parent.parent / "golden"
KINDS = pytest.mark.parametrize("kind", list(SERVERS))
TABLE = {
    "listen": Explanation(why="The port.", source="https://example.com/listen"),
    "proxy_set_header": Explanation(why="Any header.", source="https://example.com/any"),
    "proxy_set_header Host": Explanation(why="The name.", source="https://example.com/host"),
    "map $host": Explanation(why="A table.", source="https://example.com/map"),
}


def configurations(kind: Kind) -> list[str]:
    """Return what the golden cases hold for a server, as users get it."""
    marks: Mapping[Kind, str] = {"apache": "<VirtualHost ", "nginx": "\nserver {"}
    found = []
    for case in sorted(GOLDEN.glob("*.case")):
        parts = re.split(r"^-{10} (.*)\n", case.read_text("utf-8"), flags=re.MULTILINE)[1:]
        found += [
            body
            for head, body in zip(parts[::2], parts[1::2], strict=True)
            if re.match(r"expected|file ", head) and marks[kind] in f"\n{body}" and body[0] != "{"
        ]
    return found


def directives(text: str) -> list[str]:
    """Return the lines that are a directive or begin a section, as a map's entries are not."""
    bare = re.sub(r"^(map .*\n)(?: .*\n)+", r"\1", text, flags=re.MULTILINE)
    lines = (line.strip() for line in bare.splitlines())
    return [line for line in lines if line and not line.startswith(("#", "}", "</"))]


def without_comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.lstrip().startswith("#")]


@KINDS
def test_every_directive_that_is_emitted_has_a_reason(kind: Kind) -> None:
    table = explanations(kind)
    texts = configurations(kind)
    assert len(texts) > 20
    emitted = {line for text in texts for line in directives(text)}
    assert sorted(line for line in emitted if key_of(line, table) is None) == []


@KINDS
def test_every_reason_is_of_a_directive_that_is_emitted(kind: Kind) -> None:
    table = explanations(kind)
    used = {key_of(line, table) for text in configurations(kind) for line in directives(text)}
    assert sorted(table.keys() - used) == []


@KINDS
def test_an_explained_configuration_is_the_same_configuration(kind: Kind) -> None:
    table = explanations(kind)
    for text in configurations(kind):
        assert without_comments(annotate(text, table)) == without_comments(text)


@KINDS
def test_each_reason_stands_once_before_its_first_directive(kind: Kind) -> None:
    table = explanations(kind)
    for text in configurations(kind):
        lines = annotate(text, table).splitlines()
        for key in {key_of(line, table) for line in directives(text)} - {None}:
            source = f"# {table[key or ''].source}"
            places = [n for n, line in enumerate(lines[:-1]) if line.strip() == source]
            assert [key_of(lines[n + 1], table) for n in places].count(key) == 1


@KINDS
def test_a_reason_is_two_or_three_short_sentences_and_a_page_of_documentation(kind: Kind) -> None:
    for key, row in explanations(kind).items():
        assert re.fullmatch(r"(nginx|[A-Z]).*[.]", row.why), key
        assert len(row.why) <= 320, key
        assert row.why.isprintable(), key
        assert re.fullmatch(r"https://[\w./-]+(#[\w.-]+)?", row.source), key


def test_the_longest_key_that_begins_a_directive_explains_it() -> None:
    text = "    proxy_set_header Host $host;\n    proxy_set_header Accept $a;\n"
    assert annotate(text, TABLE).splitlines() == [
        "    # The name.",
        "    # https://example.com/host",
        "    proxy_set_header Host $host;",
        "    # Any header.",
        "    # https://example.com/any",
        "    proxy_set_header Accept $a;",
    ]


def test_a_directive_that_is_repeated_is_explained_once() -> None:
    text = "listen 80;\nlisten [::]:80;\n"
    assert annotate(text, TABLE) == f"# The port.\n# https://example.com/listen\n{text}"


def test_the_entries_of_a_map_are_no_directives() -> None:
    text = "map $host $name {\n    listen 1;\n}\nlisten 80;\n"
    assert annotate(text, TABLE).count("# The port.\n# https://example.com/listen\nlisten 80") == 1


def test_comments_and_closing_lines_are_left_alone() -> None:
    text = "# listen here\n}\n</listen>\n"
    assert annotate(text, TABLE) == text


def test_a_comment_of_the_template_is_set_apart_from_the_reason() -> None:
    said = annotate("    # Ours\n    listen 80;\n", TABLE).splitlines()
    assert said[:3] == ["    # Ours", "    #", "    # The port."]


def test_a_long_reason_is_wrapped_to_the_indentation() -> None:
    table = {"listen": Explanation(why="word " * 60 + "end.", source="https://example.com")}
    lines = annotate(" " * 40 + "listen 80;\n", table).splitlines()
    assert len(lines) > 5
    assert max(map(len, lines)) <= 100
    assert all(line.startswith(" " * 40) for line in lines)


def test_a_table_is_read_from_toml() -> None:
    text = "['RewriteCond \"%{X}\"']\nwhy = 'So.'\nsource = 'https://example.com'\n"
    row = Explanation(why="So.", source="https://example.com")
    assert explanation.load(text) == {'RewriteCond "%{X}"': row}
