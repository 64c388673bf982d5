"""A first look at data and features: distribution, correlation, stationarity, information coefficient and its decay.

Rules: what goes in are columns: arrays, lists, pandas or polars series, frames or mappings of them. What is not a number is left
out and counted, never filled. Forward returns look ahead, which is what research is for and what no feature may do: nothing
here can be called from a strategy's data.
Limits: needs scipy and statsmodels (pip install 'onepath[research]'). The p-values of unit-root tests come from tables with ends.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from onepath.errors import DataError
from onepath.result import Plot

Floats = npt.NDArray[np.float64]
LEAST = 20
"""numbers below which nothing is said about a series"""


@dataclass(frozen=True, repr=False, eq=False)
class Distribution:
    """How values are spread. Skewness and excess kurtosis are zero for normal values."""

    name: str
    number: int
    missing: int
    mean: float
    deviation: float
    skewness: float
    kurtosis: float
    quantiles: Mapping[float, float]
    jarque_bera: float
    p_normal: float
    """probability of a Jarque-Bera statistic as large, were the values normal"""
    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def plot(self) -> Plot:
        """A histogram with the normal curve of the same mean and deviation."""
        from onepath.research.figures import histogram

        return histogram(self.edges, self.counts, f"{self.name}: {self.number:,} values", beside=self._normal())

    def _normal(self) -> list[float]:
        if not self.deviation > 0:
            return []
        width = self.edges[1] - self.edges[0]
        middles = (np.array(self.edges[:-1]) + np.array(self.edges[1:])) / 2
        density = np.exp(-(((middles - self.mean) / self.deviation) ** 2) / 2) / (
            self.deviation * math.sqrt(2 * math.pi)
        )
        return (density * self.number * width).tolist()  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        shown = ", ".join(f"{share:.0%} {value:.4g}" for share, value in self.quantiles.items())
        return (
            f"{self.name}: {self.number:,} values, {self.missing:,} missing, mean {self.mean:.4g}, deviation "
            f"{self.deviation:.4g}, skewness {self.skewness:.2f}, excess kurtosis {self.kurtosis:.2f}; {shown}; "
            f"normal: {'rejected' if self.p_normal < 0.05 else 'not rejected'} (p = {self.p_normal:.3g})"
        )


@dataclass(frozen=True, eq=False)
class Correlation:
    """Correlations of columns, each pair over the rows where both have a number."""

    names: tuple[str, ...]
    matrix: Floats
    method: str

    def plot(self) -> Plot:
        """The matrix as a picture."""
        from onepath.research.figures import matrix

        return matrix(self.names, self.matrix.tolist(), f"Correlation ({self.method})")

    def above(self, level: float = 0.9) -> list[tuple[str, str, float]]:
        """Pairs whose correlation is at least `level` in size: one of the two says little of its own."""
        rows = range(len(self.names))
        pairs = [(self.names[i], self.names[j], float(self.matrix[i, j])) for i in rows for j in rows if i < j]
        return sorted((p for p in pairs if abs(p[2]) >= level), key=lambda p: -abs(p[2]))


@dataclass(frozen=True, repr=False, eq=False)
class Stationarity:
    """Two tests with opposite null hypotheses: ADF's is a unit root, KPSS' is stationarity."""

    name: str
    adf: float
    adf_p: float
    kpss: float
    kpss_p: float
    """between 0.01 and 0.1, where its table ends"""
    lags: tuple[int, int]
    verdict: str
    """stationary, unit root, trend or changing level (both reject), undecided (neither rejects)"""

    def __repr__(self) -> str:
        tests = f"ADF {self.adf:.2f}, p = {self.adf_p:.3g}; KPSS {self.kpss:.3f}, p = {self.kpss_p:.3g}"
        return f"{self.name}: {self.verdict} ({tests})"


@dataclass(frozen=True, eq=False)
class Horizon:
    """The information coefficient of one horizon."""

    bars: int
    ic: float
    t: float
    """of the mean, with as many independent observations as horizons fit into the time: forward returns overlap"""
    number: int
    """observations: bars, or instants of a cross-section"""
    error: float
    """standard error of the coefficient, were there nothing in it"""
    ratio: float
    """mean over deviation of the instants' coefficients; NaN over time, where there is one coefficient alone"""


@dataclass(frozen=True, repr=False, eq=False)
class InformationCoefficient:
    """How well a feature orders what comes after it, by horizon."""

    kind: str
    """over time (one symbol) or across symbols"""
    horizons: tuple[Horizon, ...]

    @property
    def half_life(self) -> int | None:
        """The first horizon at which at most half of the strongest coefficient is left; None where it does not come."""
        sizes = [abs(h.ic) for h in self.horizons]
        best = int(np.nanargmax(sizes)) if np.isfinite(sizes).any() else len(sizes)
        later = (h.bars for h, size in zip(self.horizons[best:], sizes[best:], strict=True) if size <= sizes[best] / 2)
        return next(later, None)

    def plot(self) -> Plot:
        """Coefficients by horizon, before what chance alone gives in 19 of 20 cases."""
        from onepath.research.figures import columns

        labels = [f"{h.bars} bar{'s' if h.bars > 1 else ''}" for h in self.horizons]
        title = f"Information coefficient {self.kind} (grey: chance alone, 95 %)"
        return columns(labels, [h.ic for h in self.horizons], title, chance=[1.96 * h.error for h in self.horizons])

    def __repr__(self) -> str:
        rows = [f"{h.bars:>6} bars  IC {h.ic:+.4f}  t {h.t:+.2f}  n {h.number:,}" for h in self.horizons]
        return "\n".join([f"information coefficient {self.kind}", *rows])


def distribution(values: Any, bins: int = 40, name: str = "") -> Distribution:
    """How `values` are spread; the histogram ends at the outermost thousandths, what lies beyond is in its end bins.

    Jarque-Bera: Jarque and Bera, Economics Letters 6 (1980). Raises DataError for fewer than 20 numbers.
    """
    from scipy import stats

    raw = _column(values, name or "values")
    known = _known(raw, name or str(getattr(values, "name", "") or "values"))
    low, high = np.quantile(known, (0.001, 0.999))
    edges = np.linspace(low, high if high > low else low + 1.0, bins + 1)
    counts, _ = np.histogram(np.clip(known, edges[0], edges[-1]), edges)
    spread = float(known.std(ddof=1))
    flat = spread == 0.0
    statistic, p_normal = (math.nan, math.nan) if flat else map(float, stats.jarque_bera(known))
    return Distribution(
        name or str(getattr(values, "name", "") or "values"),
        len(known),
        len(raw) - len(known),
        float(known.mean()),
        spread,
        math.nan if flat else float(stats.skew(known)),
        math.nan if flat else float(stats.kurtosis(known)),
        {q: float(np.quantile(known, q)) for q in (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)},
        statistic,
        p_normal,
        tuple(edges.tolist()),
        tuple(counts.tolist()),
    )


def correlation(data: Any, method: str = "pearson") -> Correlation:
    """Correlations of the columns of a frame or a mapping: pearson, or spearman (of ranks).

    Raises DataError for another method, and for columns of different lengths.
    """
    if method not in ("pearson", "spearman"):
        raise DataError(f"method is {method!r}; it must be pearson or spearman")
    table = _columns(data)
    names = tuple(table)
    found = np.full((len(names), len(names)), np.nan)
    for i, one in enumerate(names):
        for j in range(i + 1):
            found[i, j] = found[j, i] = _correlated(table[one], table[names[j]], method)
    return Correlation(names, found, method)


def stationarity(values: Any, level: float = 0.05, name: str = "") -> Stationarity:
    """Whether a series keeps its mean: augmented Dickey-Fuller (lags by AIC) and KPSS (automatic lags), around a constant.

    Said and Dickey (1984); Kwiatkowski, Phillips, Schmidt and Shin (1992), as in statsmodels. Prices have a unit root as a rule;
    what is fed to a model should not. Raises DataError for fewer than 20 numbers, or a series that never changes.
    """
    name = name or str(getattr(values, "name", "") or "values")
    known = _known(_column(values, name), name)
    if np.ptp(known) == 0:
        raise DataError(f"{name} never changes: there is nothing to test; give a series with at least two values")
    from statsmodels.tsa.stattools import adfuller, kpss

    unit = adfuller(known, autolag="AIC", result_object=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the p-value lies beyond the table's end: said in `kpss_p`
        level_test = kpss(known, nlags="auto", result_object=True)
    rejects_root, rejects_level = unit.pvalue < level, level_test.pvalue < level
    verdict = {
        (True, False): "stationary",
        (False, True): "unit root",
        (True, True): "trend or changing level",
        (False, False): "undecided",
    }[bool(rejects_root), bool(rejects_level)]
    found = (float(unit.statistic), float(unit.pvalue), float(level_test.statistic), float(level_test.pvalue))
    return Stationarity(name, *found, (int(unit.lags), int(level_test.lags)), verdict)


def information_coefficient(
    feature: Any, prices: Any, horizons: Sequence[int] = (1, 2, 5, 10, 20, 60)
) -> InformationCoefficient:
    """Spearman correlation of a feature with the return over the next bars, close to close, by horizon.

    Of one symbol two columns of one length: one coefficient over time. Of several, two mappings of symbol to column, row by row
    of the same instants: a coefficient an instant across the symbols (at least 3 with numbers), and their mean.
    Grinold and Kahn, "Active Portfolio Management" (2000), chapter 6. Raises DataError where columns do not fit.
    """
    if not horizons or any(isinstance(h, bool) or not isinstance(h, int) or h < 1 for h in horizons):
        raise DataError(f"horizons are {horizons!r}; give whole numbers of bars of at least 1, such as (1, 5, 20)")
    if _names(feature) is None:
        a, p = _column(feature, "the feature"), _column(prices, "prices")
        _fit(a, p)
        return InformationCoefficient("over time", tuple(_over_time(a, p, h) for h in horizons))
    features, closes = _columns(feature), _columns(prices)
    missing = [symbol for symbol in features if symbol not in closes]
    if missing:
        raise DataError(f"there are no prices of {', '.join(missing[:5])}; give prices of every symbol of the feature")
    table = np.array(list(features.values())).T
    closing = np.array([closes[symbol] for symbol in features]).T
    _fit(table, closing)
    return InformationCoefficient("across symbols", tuple(_across(table, closing, h) for h in horizons))


def _over_time(feature: Floats, prices: Floats, bars: int) -> Horizon:
    ahead = _ahead(prices, bars)
    number = int((np.isfinite(feature) & np.isfinite(ahead)).sum())
    ic = _correlated(feature, ahead, "spearman") if number >= LEAST else math.nan
    free = number / bars - 2
    if free <= 0:
        return Horizon(bars, ic, math.nan, number, math.nan, math.nan)
    t = ic * math.sqrt(free / (1 - ic * ic)) if abs(ic) < 1 else math.copysign(math.inf, ic)
    return Horizon(bars, ic, t, number, 1 / math.sqrt(free + 2), math.nan)


def _across(features: Floats, prices: Floats, bars: int) -> Horizon:
    ahead = _ahead(prices, bars)
    rows = [_correlated(f, r, "spearman") for f, r in zip(features, ahead, strict=True) if _enough(f, r)]
    known = np.array([ic for ic in rows if math.isfinite(ic)])
    if len(known) < 2:
        return Horizon(bars, math.nan, math.nan, len(known), math.nan, math.nan)
    mean, spread = float(known.mean()), float(known.std(ddof=1))
    error = spread / math.sqrt(len(known) / bars)
    ratio, t = (mean / spread, mean / error) if spread > 0 else (math.nan, math.nan)
    return Horizon(bars, mean, t, len(known), error, ratio)


def _enough(a: Floats, b: Floats) -> bool:
    return int((np.isfinite(a) & np.isfinite(b)).sum()) >= 3


def _ahead(prices: Floats, bars: int) -> Floats:
    """Return from each bar's close to the close `bars` later; NaN at the end."""
    found = np.full(prices.shape, np.nan)
    with np.errstate(all="ignore"):
        found[:-bars] = prices[bars:] / prices[:-bars] - 1.0
    found[~np.isfinite(found)] = np.nan
    return found


def _correlated(a: Floats, b: Floats, method: str) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    a, b = a[both], b[both]
    if method == "spearman":
        from scipy.stats import rankdata

        a, b = rankdata(a), rankdata(b)
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def _fit(a: Floats, b: Floats) -> None:
    if a.shape != b.shape:
        raise DataError(
            f"the feature has shape {a.shape} and the prices {b.shape}; give them row by row of the same bars"
        )


def _column(values: Any, name: str) -> Floats:
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be a column of numbers, not {type(values).__name__}") from None
    if found.ndim != 1:
        raise DataError(f"{name} must be one column, not an array of shape {found.shape}; name the column")
    return found


def _known(values: Floats, name: str) -> Floats:
    known: Floats = values[np.isfinite(values)]
    if len(known) < LEAST:
        raise DataError(f"{name} has {len(known)} numbers; at least {LEAST} are needed to say anything about it")
    return known


def _names(data: Any) -> list[Any] | None:
    if isinstance(data, Mapping):
        return list(data)
    names = getattr(data, "columns", None)
    return None if names is None else list(names)


def _columns(data: Any) -> dict[str, Floats]:
    """A frame's or mapping's columns. Raises DataError where there are none, or lengths differ."""
    names = _names(data)
    if not names:
        raise DataError("give a frame or a mapping of name to column, with at least one column")
    table = {str(name): _column(data[name], str(name)) for name in names}
    lengths = {len(column) for column in table.values()}
    if len(lengths) > 1:
        raise DataError(
            f"the columns have different lengths ({', '.join(map(str, sorted(lengths)))}); give rows of the same bars"
        )
    return table
