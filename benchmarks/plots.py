"""The plots of `docs/quality.md`.

Owns how they look. Does not measure.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np

from qa.confidence import THRESHOLD
from qa.evaluation import Interval

mpl.use("Agg")
from matplotlib import pyplot

mpl.rcParams["svg.hashsalt"] = "quality"  # the same figures give the same file
_BINS = 8


def refusal(covered: Sequence[float], uncovered: Sequence[float], path: Path) -> None:
    """The share answered and refused at every threshold."""
    thresholds = np.linspace(0, 1, 101)
    figure, axes = pyplot.subplots(figsize=(6.5, 4), layout="constrained")
    axes.plot(thresholds, [np.mean(np.asarray(covered) >= t) for t in thresholds], label="covered, answered")
    axes.plot(thresholds, [np.mean(np.asarray(uncovered) < t) for t in thresholds], label="not covered, refused")
    axes.axvline(THRESHOLD, color="grey", linestyle=":", label="shipped threshold")
    axes.set(xlabel="confidence threshold", ylabel="share of questions", ylim=(0, 1.02))
    axes.legend(loc="lower center")
    _save(figure, path)


def reliability(covered: Sequence[float], uncovered: Sequence[float], path: Path) -> None:
    """How often questions of a confidence are covered, covered and uncovered ones weighing the same."""
    said = np.array([*covered, *uncovered])
    true = np.repeat([1.0, 0.0], [len(covered), len(uncovered)])
    weight = np.repeat([1 / len(covered), 1 / len(uncovered)], [len(covered), len(uncovered)])
    bins = np.minimum((said * _BINS).astype(int), _BINS - 1)
    used = [n for n in range(_BINS) if (bins == n).any()]
    figure, axes = pyplot.subplots(figsize=(4.5, 4.5), layout="constrained")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="perfectly calibrated")
    axes.plot(
        [np.average(said[bins == n], weights=weight[bins == n]) for n in used],
        [np.average(true[bins == n], weights=weight[bins == n]) for n in used],
        marker="o",
        label="golden questions",
    )
    axes.set(xlabel="confidence", ylabel="share covered", xlim=(0, 1), ylim=(0, 1.02))
    axes.legend(loc="upper left")
    _save(figure, path)


def ablation(systems: Mapping[str, Mapping[str, Interval]], columns: Sequence[str], path: Path) -> None:
    """One group of bars a system, with their intervals."""
    figure, axes = pyplot.subplots(figsize=(8, 0.55 * len(systems) + 1.2), layout="constrained")
    places = np.arange(len(systems))
    height = 0.8 / len(columns)
    for number, column in enumerate(columns):
        figures = [figures[column] for figures in systems.values()]
        means = [f.mean for f in figures]
        errors = [[f.mean - f.low for f in figures], [f.high - f.mean for f in figures]]
        axes.barh(places + number * height, means, height, xerr=errors, label=column, error_kw={"linewidth": 0.8})
    axes.set_yticks(places + 0.4 - height / 2, [name.strip("*") for name in systems])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of golden questions")
    axes.legend(loc="lower left")
    _save(figure, path)


def _save(figure: pyplot.Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
