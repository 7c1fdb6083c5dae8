"""From MediaWiki markup to the prose that a reader sees."""

from __future__ import annotations

import html
import re

_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_HIDDEN = re.compile(  # elements whose content is not prose
    r"<(ref|math|gallery|timeline|source|syntaxhighlight|pre|code|score|imagemap|chem)\b[^<>]*?(?:/>|>.*?</\1\s*>)",
    re.DOTALL | re.IGNORECASE,
)
_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")  # innermost first
_TABLE = re.compile(r"\{\|(?:(?!\{\||\|\}).)*\|\}", re.DOTALL)
_LINK = re.compile(r"\[\[([^\[\]]*)\]\]")
_EXTERNAL = re.compile(r"\[(?:https?:|ftp:|mailto:)?//?[^\s\]]+ ?([^\]]*)\]")
_ADDRESS = re.compile(r"(?:https?|ftp)://\S+")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_NAMESPACE = re.compile(r":?\s*(file|image|category|[a-z]{2,3}(?:-[a-z]+)*|simple|wikt|wiktionary)\s*:", re.IGNORECASE)
_OPTION = re.compile(
    r"(thumb|thumbnail|frame|frameless|border|left|right|center|none|upright.*|\d+x?\d*px|alt=.*|link=.*)"
)
_BACK_MATTER = "see also|references|notes|footnotes|citations|sources|bibliography|further reading|external links"
_APPENDIX = re.compile(rf"^==\s*({_BACK_MATTER})( and ({_BACK_MATTER}))?\s*==\s*$", re.MULTILINE | re.IGNORECASE)


def plain(markup: str) -> str:
    """The prose of an article: no templates, tables, notes, addresses or appendices; links and pictures by their text."""
    text = _COMMENT.sub("", markup)
    text = _HIDDEN.sub(" ", text)
    text = _until_stable(_TEMPLATE, "", text)
    text = _until_stable(_TABLE, "", text)
    while (shorter := _LINK.sub(_shown, text)) != text:
        text = shorter
    if (appendix := _APPENDIX.search(text)) is not None:
        text = text[: appendix.start()]
    text = _EXTERNAL.sub(r"\1", text)
    text = _ADDRESS.sub(" ", text)
    return html.unescape(_TAG.sub(" ", text))


def _until_stable(pattern: re.Pattern[str], replacement: str, text: str) -> str:
    while (shorter := pattern.sub(replacement, text)) != text:
        text = shorter
    return text


def _shown(link: re.Match[str]) -> str:
    """What a reader sees of `[[target|text]]`: the text, the caption of a picture, nothing of a category."""
    target, *fields = link[1].split("|")
    namespace = _NAMESPACE.match(target)
    if namespace is None or target.startswith(":"):
        return fields[-1] if fields else target.lstrip(":")
    if namespace[1].lower() in ("file", "image") and fields and not _OPTION.fullmatch(fields[-1].strip()):
        return f" {fields[-1]} "
    return ""
