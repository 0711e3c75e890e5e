"""What was measured of the page's index, as tables."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.report.review_words import EN, ReviewWords
from benchmarks.report.tables import Report, table


def review_table(report: Report, words: ReviewWords = EN) -> str:
    """Give openings and questions, with the strict reader beside them, and what risk finds."""
    return "\n\n".join(_blocks(report, words))


def _blocks(report: Report, words: ReviewWords) -> Iterator[str]:
    parts = report["parts"]
    yield words.size.format(segments=report["options"]["segments"], mib=report["file_mib"])
    opened = {name: parts[name] for name in words.openings if name in parts}
    if opened:
        yield table(list(words.opening), [_opening(words.openings[name], part) for name, part in opened.items()])
    if strict := parts.get("strict"):
        first_s = parts["first"]["open_s"] if "first" in parts else None
        times = words.times.format(times=strict["lines_s"] / first_s) if first_s else ""
        yield words.strict.format(ids_s=strict["ids_s"], lines_s=strict["lines_s"], times=times)
    if asked := parts.get("first"):
        sorts = ((words.sorted_by.format(name=name), each) for name, each in asked["sorts"].items())
        asks = ((words.questions.get(name, name), each) for name, each in asked["questions"].items())
        rows = [*asks, *sorts, (words.page, asked["page"])]
        figures = [[name, f"{each['median_ms']:.0f}", f"{each['longest_ms']:.0f}"] for name, each in rows]
        yield table(list(words.question), figures)
        yield words.most.format(mib=asked["peak_mib"])
    if decided := parts.get("decisions"):
        yield words.decided.format(
            one_ms=decided["one_ms"],
            p95_ms=decided["one_p95_ms"],
            many=decided["many"],
            many_s=decided["many_s"],
            mib=decided["peak_mib"],
        )
    if told := parts.get("quality"):
        yield words.found
        yield quality_table(told, words)


def _opening(name: str, part: Report) -> list[str]:
    peak_mib = part.get("peak_mib_opened", part["peak_mib"])
    return [name, f"{part['open_s']:.1f}", f"{part['first_rows_s']:.1f}", f"{peak_mib:,.0f}"]


def quality_table(told: Report, words: ReviewWords = EN) -> str:
    """Give what share of the wrong lines comes first, by each order."""
    shares = [words.share.format(percent=round(100 * share)) for share in told["shares"]]
    rows = [
        [
            words.conditions[condition],
            words.wrong.format(wrong=of["wrong"], lines=of["lines"]),
            words.orders[order],
            *(f"{each:.0f} %" for each in of["found"][order]),
        ]
        for condition, of in told["conditions"].items()
        for order in words.orders
        if order in of["found"]
    ]
    return table([*words.quality, *shares], rows)
