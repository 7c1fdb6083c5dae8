import re
import sys

import pytest

import toy_project
from replications.papers import registry
from replications.publish import build, execute
from replications.study import UserError

HOST = "//example.org"


@pytest.mark.parametrize(
    "html",
    [
        f'<script async src="https:{HOST}/a.js"></script>',
        f"<script src='{HOST}/a.js'></script>",
        f'<link rel="stylesheet" href="http:{HOST}/a.css">',
        f'<link href="https:{HOST}/font.woff2" rel="preload" as="font">',
        f'<img alt="a > b" src="https:{HOST}/a.png">',
        f'<IMG SRC = "https:{HOST}/a.png">',
        f'<img srcset="https:{HOST}/a.png 2x" alt="">',
        f'<iframe src="https:{HOST}/"></iframe>',
        f'<object data="https:{HOST}/a.svg"></object>',
        f'<video poster="https:{HOST}/a.png"></video>',
        f'<style>@import "https:{HOST}/a.css";</style>',
        f'<div style="background: url(https:{HOST}/a.png)"></div>',
        f'<div style="background: url(&quot;https:{HOST}/a.png&quot;)"></div>',
    ],
)
def test_what_a_page_loads_from_another_host_is_found(tmp_path, html):
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "page.html").write_text(f"<p>before</p>{html}<p>after</p>")
    (found,) = build.foreign_hosts(tmp_path)
    assert re.match(rf"book/page\.html: (https?:)?{HOST}/", found)


@pytest.mark.parametrize(
    "css",
    [
        f"@import 'https:{HOST}/a.css';",
        f"@import url({HOST}/a.css);",
        f"@font-face {{ src: local('A'), url(\"https:{HOST}/a.woff2\") format('woff2') }}",
    ],
)
def test_what_a_style_loads_from_another_host_is_found(tmp_path, css):
    (tmp_path / "theme.css").write_text(f"p {{ color: red }}\n{css}\n")
    (found,) = build.foreign_hosts(tmp_path)
    assert found.startswith("theme.css: ")
    assert f"{HOST}/a." in found


def test_what_is_local_or_only_linked_passes(tmp_path):
    (tmp_path / "page.html").write_text(
        f'<script src="_static/a.js"></script><link rel="stylesheet" href="../a.css"/><img src="data:image/png;base64,//x">'
        f'<link href="https:{HOST}/page.html" rel="canonical"/><link rel="license" href="https:{HOST}"/>'
        f'<a href="https:{HOST}">a link</a><code>@import "https:{HOST}"</code><style>a {{ b: url(c.png) }}</style>'
        f'<svg xmlns="http:{HOST}/svg"><script>// http:{HOST}\n</script></svg>'
    )
    (tmp_path / "a.css").write_text(f"/* https:{HOST} */ a {{ src: url(fonts/a.woff2), url(data:font;base64,//) }}")
    assert build.foreign_hosts(tmp_path) == []


def test_the_digest_depends_on_names_and_contents_only(tmp_path):
    for copy in ("one", "two"):
        (tmp_path / copy / "a").mkdir(parents=True)
        (tmp_path / copy / "a" / "b").write_text("text")
    one = build.tree_digest(tmp_path / "one")
    assert one == build.tree_digest(tmp_path / "two")
    (tmp_path / "two" / "empty").mkdir()
    assert one == build.tree_digest(tmp_path / "two")
    (tmp_path / "two" / "a" / "b").write_text("test")
    assert one != build.tree_digest(tmp_path / "two")
    (tmp_path / "one" / "a" / "b").rename(tmp_path / "one" / "a" / "c")
    assert one != build.tree_digest(tmp_path / "one")


def staged(root):
    stage = root / "build" / "stage"
    return sorted(str(path.relative_to(stage)) for path in stage.rglob("*") if path.is_file())


def stage_notebook(root, name="toy", text='{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'):
    path = root / "build" / "stage" / "book" / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_stage_holds_pages_and_assets_and_drops_what_left_the_book(root):
    toy_project.page(root, "toy", "1")
    (root / "book" / "assets").mkdir()
    (root / "book" / "assets" / "book.css").write_text("")
    notebook = stage_notebook(root, text="executed")
    for left_over in ("old.ipynb", "intro.ipynb", "gone.md"):
        stage_notebook(root, left_over.split(".")[0]).with_name(left_over).write_text("old")
    build.stage_plain_pages()
    assert staged(root) == ["_config.yml", "_toc.yml", "book/assets/book.css", "book/intro.md", "book/toy.ipynb"]
    assert notebook.read_text() == "executed"


def test_a_readers_own_notebook_never_replaces_the_executed_one(root):
    toy_project.page(root, "toy", "1")
    notebook = stage_notebook(root, text="executed")
    (root / "book" / "toy.ipynb").write_text("mine")
    (root / "book" / ".ipynb_checkpoints").mkdir()
    (root / "book" / ".ipynb_checkpoints" / "toy-checkpoint.md").write_text("mine")
    build.stage_plain_pages()
    assert notebook.read_text() == "executed"
    assert staged(root) == ["_config.yml", "_toc.yml", "book/intro.md", "book/toy.ipynb"]


@pytest.fixture
def asked(root, monkeypatch):
    """Pages that were asked for, and how often the site was rendered."""
    asked = []

    def render(html):
        asked.append("render")
        html.mkdir(parents=True, exist_ok=True)
        (html / "index.html").write_text("")

    monkeypatch.setattr(execute, "execute", lambda slugs, profile, jobs: asked.append((slugs, profile, jobs)) or slugs)
    monkeypatch.setattr(build, "render", render)
    return asked


def test_the_site_is_rendered_when_the_stage_has_changed(root, asked, capsys):
    toy_project.page(root, "toy", "1")
    index = build.build(["toy"], "smoke", 2)
    assert index == root / "build" / "_build" / "html" / "index.html"
    build.build(["toy"], "smoke", 2)
    (root / "book" / "intro.md").write_text("# Another\n")
    build.build(["toy"], "smoke", 2)
    index.unlink()
    build.build(["toy"], "smoke", 2)
    pages = (["toy"], "smoke", 2)
    assert asked == [pages, "render", pages, pages, "render", pages, "render"]
    assert "executed: toy" in capsys.readouterr().out


def test_a_chapter_that_was_never_built_is_executed_with_those_asked_for(root, asked, monkeypatch):
    monkeypatch.setattr(registry, "has_chapter", lambda slug: True)
    for name in ("toy", "unbuilt"):
        toy_project.page(root, name, "1")
    build.build(["unbuilt"], "smoke")
    stage_notebook(root, "toy")
    build.build(["unbuilt"], "smoke")
    assert [slugs for slugs, *_ in asked if slugs != "r"] == [["toy", "unbuilt"], ["unbuilt"]]


def test_a_failed_render_is_tried_again(root, asked, monkeypatch):
    def fail(html):
        asked.append("failed")
        raise UserError("jupyter-book: no")

    monkeypatch.setattr(build, "render", fail)
    for _ in range(2):
        with pytest.raises(UserError):
            build.build(["toy"], "smoke")
    assert asked.count("failed") == 2


def page_for_real(root, text):
    """A stage with one page, and where its site will stand."""
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/intro\n")
    (root / "book" / "intro.md").write_text(text)
    (root / "book" / "toy.md").unlink()
    build.stage_plain_pages()
    return root / "build" / "_build" / "html"


def test_a_real_site_is_rendered_from_nothing(root, monkeypatch):
    html = page_for_real(root, "# Front page\n\nSome text.\n")
    html.mkdir(parents=True)
    (html / "stale.html").write_text("of the last build")
    monkeypatch.setattr(build, "foreign_hosts", lambda html: [])  # the default theme asks some; the book's does not
    build.render(html)
    assert "Some text." in (html / "book" / "intro.html").read_text()
    assert not (html / "stale.html").exists()


def test_a_warning_of_jupyter_book_is_an_error_that_quotes_it(root):
    html = page_for_real(root, "# Front page\n\n[nowhere](missing.md)\n")
    with pytest.raises(UserError, match=r"jupyter-book: .*intro\.md.*missing") as said:
        build.render(html)
    assert "\x1b" not in str(said.value)
    assert str(root / "build" / "jupyter-book.log") in str(said.value)


@pytest.fixture
def fake_jupyter_book(tmp_path, monkeypatch):
    """A program in the place of Python that writes `fake.html` beside it as the whole site, and ends as told."""

    def make(html, rc=0):
        site = tmp_path / "project" / "build" / "_build" / "html"
        program = tmp_path / "python"
        program.write_text(f"#!/bin/sh\nmkdir -p {site}\ncp {tmp_path}/fake.html {site}/index.html\nexit {rc}\n")
        program.chmod(0o755)
        (tmp_path / "fake.html").write_text(html)
        (tmp_path / "project" / "build").mkdir(exist_ok=True)
        monkeypatch.setattr(sys, "executable", str(program))
        return site

    return make


def test_a_site_that_would_ask_another_host_is_refused(root, fake_jupyter_book):
    site = fake_jupyter_book(f'<script src="https:{HOST}/a.js"></script><img src="{HOST}/b.png">')
    with pytest.raises(UserError, match=r"would ask another host: index\.html: https:.*a\.js \(and 1 more\)"):
        build.render(site)


def test_lists_without_items_lose_their_role(root, fake_jupyter_book):
    site = fake_jupyter_book('<div role="list" class="citation-list"><div>x</div></div>')
    build.render(site)
    assert (site / "index.html").read_text() == '<div class="citation-list"><div>x</div></div>'


def test_a_failure_without_a_warning_is_said_too(root, fake_jupyter_book):
    site = fake_jupyter_book("", rc=3)
    with pytest.raises(UserError, match=r"jupyter-book: failed \(0 warnings in"):
        build.render(site)
