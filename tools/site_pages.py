"""Hook of mkdocs: the site's pages are the repository's own, where they lie, so links hold in both places.

``nav`` in mkdocs.yml names the pages by their path in the repository. What a page links to besides is taken
along: pictures as they are, source files as a page that shows their text.
"""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\(([^)\s#:]+)(?:#[^)\s]*)?\)")  # the path of a relative link or picture
PICTURES = {".png", ".svg"}
TEXT = "<!doctype html><meta charset=utf-8><title>{path}</title><pre>{text}</pre>\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of ``docs_dir`` by the pages of ``nav`` and what they link to; the theme's stay."""
    pages = sorted(_pages_of(config.nav))
    own = [file for file in files if file.src_dir != config.docs_dir]
    linked = sorted({path for page in pages for path in linked_files(page)} - set(pages))
    return Files(own + [_page(path, config) for path in pages] + [_linked(path, config) for path in linked])


def linked_files(page: str) -> set[str]:
    """Find the files of the repository that a page links to; mkdocs reports those that are missing."""
    here = (ROOT / page).parent
    targets = ((here / link).resolve() for link in LINK.findall((ROOT / page).read_text(encoding="utf-8")))
    return {
        str(target.relative_to(ROOT))
        for target in targets
        if target.is_file() and target.is_relative_to(ROOT)
    }


def _pages_of(nav: Any) -> Iterator[str]:
    """Give the paths in ``nav``: a path, a list of parts, or parts by their titles."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from _pages_of(part)


def _page(path: str, config: MkDocsConfig) -> File:
    return File(path, str(ROOT), config.site_dir, config.use_directory_urls)


def _linked(path: str, config: MkDocsConfig) -> File:
    if Path(path).suffix in PICTURES:
        return _page(path, config)
    text = html.escape((ROOT / path).read_text(encoding="utf-8"))
    file = File.generated(config, path, content=TEXT.format(path=path, text=text))
    file.dest_uri = f"{path}.html"
    return file
