"""From `results/*.json` to what is read: the tables in `benchmarks/README.md` and in the handbook.

    python -m benchmarks.render [--check]

A page says where a result belongs with a pair of comments, `<!-- results: compare -->` and `<!-- end of results -->`;
what is between them is written here and nowhere else. A result that was not measured says so. Charts are drawn anew.
`cost` is reckoned from several results, by `benchmarks.cost`. With `-ja` behind the name, a result is told in Japanese.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.measures.places import ROOT
from benchmarks.report import store
from benchmarks.report.adapt_tables import ADAPT_CHARTS, adapt_chart, adapt_table, experiments_table
from benchmarks.report.adapt_words import JA as ADAPT_JA
from benchmarks.report.average_tables import AVERAGE_CHARTS, average_chart, average_table
from benchmarks.report.average_words import JA as AVERAGE_JA
from benchmarks.report.cost_text import rendered_cost
from benchmarks.report.genuine_tables import (
    DOUBT_CHARTS,
    compare_real_chart,
    compare_real_table,
    doubt_chart,
    doubt_table,
)
from benchmarks.report.gpu_tables import gpu_chart, gpu_table
from benchmarks.report.plumbing_tables import plumbing_table
from benchmarks.report.ray_tables import million_table, ray_overhead_table
from benchmarks.report.review_page_tables import review_page_table
from benchmarks.report.review_tables import review_table
from benchmarks.report.review_words import JA as REVIEW_JA
from benchmarks.report.tables import (
    Report,
    compare_chart,
    compare_table,
    convert_table,
    engine_table,
    frontend_table,
    mixed_table,
    overhead_table,
    retries_table,
    soak_chart,
    soak_table,
    vad_table,
)
from benchmarks.report.words import EN, JA, Words

# The pages that may ask for results; `rendered` knows which there are.
PAGES = (ROOT / "benchmarks" / "README.md", *sorted(ROOT.glob("docs/*/*/*.md")))
_SECTION = re.compile(r"(<!-- results: ([\w-]+) -->\n).*?(<!-- end of results -->)", re.DOTALL)


def main() -> None:
    """Fill all pages, and draw the charts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing; fail where a page is not up to date")
    options = parser.parse_args()
    stale = [page for page in PAGES if page.is_file() and not fill(page, write=not options.check)]
    if options.check:
        sys.exit(f"not up to date: {', '.join(page.name for page in stale)}" if stale else 0)
    for name, draw, path in CHARTS:
        if report := store.load(name):
            draw(report, path)


def fill(page: Path, *, write: bool = True, results: Path = store.RESULTS) -> bool:
    """Put the results into a page; tells whether it held them already."""

    def section(match: re.Match[str]) -> str:
        return f"{match[1]}{rendered(match[2], results)}\n{match[3]}"

    before = page.read_text(encoding="utf-8")
    after = _SECTION.sub(section, before)
    if write and after != before:
        page.write_text(after, encoding="utf-8")
    return after == before


def rendered(name: str, results: Path = store.RESULTS) -> str:
    """Give a result as Markdown: its table and where it was measured."""
    if name in RECKONED:
        return RECKONED[name](results)
    report = store.load(name.removesuffix("-ja"), results)
    if report is None:
        return "Not measured yet."
    return f"{TABLES[name](report)}\n\n{measured_on(report, JA if name.endswith('-ja') else EN)}"


def measured_on(report: Report, words: Words = EN) -> str:
    """Say on what, with what and when a result was measured."""
    about = report["about"]
    machine, versions = about["machine"], about["versions"]
    where = words.where.format(**machine)
    where += f", {machine['gpu']}" if machine["gpu"] else ""
    named = ", ".join(f"{name} {number}" for name, number in versions.items())
    return f"<sub>{where}, {machine['system']} · {named} · commit {about['commit']}, {about['date']}</sub>"


TABLES: dict[str, Callable[[Report], str]] = {
    "compare": compare_table,
    "compare-ja": partial(compare_table, words=JA),
    "compare-real": compare_real_table,
    "compare-real-ja": partial(compare_real_table, words=JA),
    "doubt": doubt_table,
    "doubt-ja": partial(doubt_table, words=JA),
    "adapt": adapt_table,
    "adapt-ja": partial(adapt_table, words=ADAPT_JA),
    "adapt-experiments": experiments_table,
    "adapt-experiments-ja": partial(experiments_table, words=ADAPT_JA),
    "average": average_table,
    "average-ja": partial(average_table, words=AVERAGE_JA),
    "review": review_table,
    "review-ja": partial(review_table, words=REVIEW_JA),
    "review-page": review_page_table,
    "frontend": frontend_table,
    "engine": engine_table,
    "engine-full": engine_table,
    "overhead": overhead_table,
    "plumbing": plumbing_table,
    "soak": soak_table,
    "vad": vad_table,
    "mixed": mixed_table,
    "retries": retries_table,
    "gpu": gpu_table,
    "convert": convert_table,
    "convert-ja": partial(convert_table, words=JA),
    "ray-overhead": ray_overhead_table,
    "million": million_table,
}
RECKONED: dict[str, Callable[[Path], str]] = {
    "cost": partial(rendered_cost, "en"),
    "cost-ja": partial(rendered_cost, "ja"),
}
# Of each result, how it is drawn, and where to.
CHARTS: tuple[tuple[str, Callable[[Report, Path], None], Path], ...] = (
    ("compare", compare_chart, store.RESULTS / "compare.svg"),
    ("compare-real", compare_real_chart, store.RESULTS / "compare-real.svg"),
    ("gpu", gpu_chart, store.RESULTS / "gpu.svg"),
    ("soak", soak_chart, store.RESULTS / "soak.svg"),
    *(("adapt", partial(adapt_chart, words=words), path) for path, words in ADAPT_CHARTS.items()),
    *(("average", partial(average_chart, words=words), path) for path, words in AVERAGE_CHARTS.items()),
    *(("doubt", partial(doubt_chart, words=words), path) for path, words in DOUBT_CHARTS.items()),
)

if __name__ == "__main__":
    main()
