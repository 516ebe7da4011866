"""Latency figures."""


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile, to three digits; 0.0 when there are no values."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3) if ordered else 0.0
