# SPDX-License-Identifier: MIT
"""Every link of a page leads somewhere, and the pages of docs/ are a path.

Each is below 300 lines, is reached from docs/README.md, and ends by saying where to go next.
"""

import re
import unittest
from collections import Counter
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
DOCS = TOP / "docs"
INDEX = DOCS / "README.md"
PAGES = sorted(DOCS.rglob("*.md"))
# Pages that only lead to others.
INDEXES = {page for page in PAGES if page.name == "README.md"}
ROOT_PAGES = [path for name in ("README", "CHANGELOG", "CONTRIBUTING", "SECURITY")
              if (path := TOP / f"{name}.md").exists()]
PAGE_LINES_MAX = 299
README_LINES_MAX = 150
NEXT = "## Where to go next"
CODE = re.compile(r"^(`{3,}).*?^\1$", re.M | re.S)
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")


def prose_of(page):
    return CODE.sub("", page.read_text(encoding="utf-8"))


def links_of(page):
    """The file and the anchor of each link that does not leave the repository."""
    for path, anchor in LINK.findall(re.sub(r"`[^`\n]*`", "", prose_of(page))):
        yield (page.parent / path).resolve() if path else page, anchor


def anchors_of(page):
    """As GitHub makes them: a heading that occurs again gets a number."""
    seen = Counter()
    for heading in re.findall(r"^#+ (.*)$", prose_of(page), re.M):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
        yield f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor
        seen[anchor] += 1


def reached_from(page):
    reached, waiting = set(), [page]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            waiting += [target for target, _ in links_of(page)]
    return reached


class Links(unittest.TestCase):
    def test_links_lead_somewhere(self):
        for page in [*ROOT_PAGES, *PAGES]:
            for target, anchor in links_of(page):
                with self.subTest(page=page.name, link=f"{target}#{anchor}"):
                    self.assertTrue(target.exists())
                    self.assertTrue(target.is_relative_to(TOP), "it is outside the repository")
                    if anchor:
                        self.assertIn(anchor, list(anchors_of(target)))

    def test_pages_are_short(self):
        for page in PAGES:
            with self.subTest(page=page.name):
                self.assertLessEqual(len(page.read_text(encoding="utf-8").splitlines()),
                                     PAGE_LINES_MAX)
        readme = (TOP / "README.md").read_text(encoding="utf-8")
        self.assertLessEqual(len(readme.splitlines()), README_LINES_MAX)

    def test_pages_end_with_where_to_go_next(self):
        for page in [one for one in PAGES if one not in INDEXES]:
            with self.subTest(page=page.name):
                headings = re.findall(r"^## .*$", prose_of(page), re.M)
                self.assertEqual(headings[-1:], [NEXT])
                last = prose_of(page).rpartition(NEXT)[2]
                self.assertRegex(last, LINK, "it names no page")

    def test_every_page_is_reached_from_the_path(self):
        reached = reached_from(INDEX)
        for page in PAGES:
            with self.subTest(page=page.name):
                self.assertIn(page, reached)

    def test_the_readme_leads_to_the_path(self):
        self.assertIn(INDEX, {target for target, _ in links_of(TOP / "README.md")})


if __name__ == "__main__":
    unittest.main()
