"""What extractors make of pages whose text is known: F1 of words, and MB of HTML in a second.

    python bench/extraction.py [--invented N] [--labelled FOLDER] [--formats FOLDER] [--extractors own,trafilatura]

Pages of the invented internet in all its layouts, real pages beside the words their text begins and ends with, and
folders of labelled pages (html/NAME.html.gz beside ground-truth/NAME.json). An F1 is a page's; the mean is over pages.
Every run is added to bench/results/extraction.jsonl.
"""

import argparse
import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from statistics import mean

from groundup import hardware
from groundup.data.cleaning.extractors import EXTRACTORS, extractor
from groundup.errors import Problem

RESULTS = Path(__file__).parent / "results" / "extraction.jsonl"
Page = tuple[str, str, str]  # a group, the HTML, the truth
REAL = {  # words with which the text of a real page begins and ends
    "standardebooks-redheaded-league.xhtml": ("I had called upon my friend", "wrote to George Sand"),
    "mdn-html-introduction-to-html-marking-up-a-letter-finished.html": ("Dr. Eleanor Gaye", "Eleanor Gaye"),
    "mdn-css-css-layout-multicol-4-breaking.html": ("Simple multicol", "eu quam."),
}


def invented(count: int) -> Iterator[Page]:
    """Good pages of a small internet, as groups by the layout of their site."""
    from groundup.stages.invent import Shares
    from groundup.town.internet import GOOD, Internet, Plan
    from groundup.town.world import dice
    from groundup.town.wrap import wrap

    plan = Plan(
        seed=5,
        people=40,
        places=24,
        shares=Shares.model_validate({}).model_dump(),
        private=0.1,
        lookalikes=0.1,
        leaks=(),
    )
    net = Internet(plan)
    for number in range(count):
        if net.purpose(number) == GOOD:
            site, draft = net.site(number), net.good(number)
            yield f"invented, {site.layout}", wrap(dice(5, "wrap", number), draft, site), draft.text


def labelled(folder: Path) -> Iterator[Page]:
    """A folder of pages with their truth, as groups by the kind of page."""
    for path in sorted((folder / "ground-truth").glob("*.json")):
        told = json.loads(path.read_text(encoding="utf-8"))
        kind = told.get("_internal", {}).get("page_type", {}).get("primary", "page")
        html = gzip.decompress((folder / "html" / f"{path.stem}.html.gz").read_bytes()).decode("utf-8", "replace")
        if truth := told["ground_truth"].get("main_content"):
            yield f"labelled, {kind}", html, truth


def real(folder: Path) -> Iterator[Page]:
    """Pages of which it is known where their text begins and ends."""
    for name, (first, last) in REAL.items():
        if (folder / name).exists():
            html = (folder / name).read_text(encoding="utf-8")
            seen = " ".join(unescape(re.sub(r"<(script|style|head)\b.*?</\1>|<[^>]*>", " ", html, flags=re.S)).split())
            if first not in seen or last not in seen:
                continue
            yield "real pages", html, seen[seen.index(first) : seen.rindex(last) + len(last)]


def f1(made: str, truth: str) -> float:
    """Of the words of two texts, as bags."""
    bags = [Counter(re.findall(r"\w+", text.lower())) for text in (made, truth)]
    shared = 2 * sum((bags[0] & bags[1]).values())
    return shared / max(1, bags[0].total() + bags[1].total()) if any(bags) else 1.0


def compare(pages: list[Page], contestants: dict[str, Callable[[str], str]]) -> dict[str, dict[str, dict[str, float]]]:
    """For each group and extractor the mean F1 and MB of HTML in a second of the processor, page by page in turn."""
    scores: dict[str, dict[str, list[float]]] = {}
    seconds: Counter[tuple[str, str]] = Counter()
    size: Counter[str] = Counter()
    for group, html, truth in pages:
        size[group] += len(html.encode("utf-8", "replace"))
        for name, extracted in contestants.items():
            start = time.process_time()
            made = extracted(html)
            seconds[group, name] += time.process_time() - start
            scores.setdefault(group, {}).setdefault(name, []).append(f1(made, truth))
    return {
        group: {
            name: {
                "f1": round(mean(each), 4),
                "mb_per_s": round(size[group] / 1e6 / max(1e-9, seconds[group, name]), 2),
            }
            for name, each in found.items()
        }
        | {"pages": len(next(iter(found.values())))}
        for group, found in scores.items()
    }


def main() -> None:
    """Print and keep a table."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--invented", type=int, default=400)
    asked.add_argument("--labelled", type=Path)
    asked.add_argument("--formats", type=Path)
    asked.add_argument("--extractors", default=",".join(EXTRACTORS))
    words = asked.parse_args()
    contestants = {}
    for name in words.extractors.split(","):
        try:
            contestants[name] = extractor(name)
        except Problem as missing:
            print(missing)
    pages = list(invented(words.invented))
    pages += list(real(words.formats)) if words.formats else []
    pages += list(labelled(words.labelled)) if words.labelled else []
    found = compare(pages, contestants)
    for group, told in found.items():
        print(f"{group:28}", told.pop("pages"), {name: tuple(each.values()) for name, each in told.items()})
    told = {"invented": words.invented, "labelled": str(words.labelled and words.labelled.name), "found": found}
    with RESULTS.open("a") as file:
        file.write(json.dumps(told | {"cpu": hardware.look().cpu}) + "\n")


if __name__ == "__main__":
    main()
