"""How well gold can be guessed from figures, whatever they are: a classifier that has the truth of some annotators and guesses that of
others."""

import numpy as np
from scipy.optimize import minimize
from scipy.stats import rankdata

FOLDS = 5


def find_auc(score, truth) -> float:
    """The chance that one of the true ones scores above one of the others; ties count half."""
    ranks, truth = rankdata(score), np.asarray(truth, dtype=bool)
    ones, others = int(truth.sum()), int((~truth).sum())
    return float((ranks[truth].sum() - ones * (ones + 1) / 2) / (ones * others))


def guess(figures, truth, groups):
    """A score for each row from a logistic model that has seen none of its group; figures as they are, their ranks, squares and products."""
    features = _widen(np.asarray(figures, dtype=np.float64))
    truth, groups = np.asarray(truth, dtype=np.float64), np.asarray(groups)
    scores = np.zeros(len(truth))
    fold = np.unique(groups, return_inverse=True)[1] % FOLDS
    for number in range(FOLDS):
        held = fold == number
        weights = _fit(features[~held], truth[~held])
        # Folds have scales of their own.
        scores[held] = rankdata(features[held] @ weights) / held.sum()
    return scores


def _widen(figures):
    ranked = np.column_stack([rankdata(column) / len(column) - 0.5 for column in figures.T])
    first, second = np.triu_indices(ranked.shape[1])
    wide = np.column_stack([figures, ranked, ranked[:, first] * ranked[:, second]])
    spread = wide.std(axis=0)
    wide = (wide - wide.mean(axis=0))[:, spread > 1e-9] / spread[spread > 1e-9]
    return np.column_stack([wide, np.ones(len(wide))])


def _fit(features, truth, ridge=10.0):
    def lose(weights):
        linear = features @ weights
        error = 1 / (1 + np.exp(-np.clip(linear, -30, 30))) - truth
        loss = np.logaddexp(0, linear).sum() - truth @ linear + ridge * weights @ weights / 2
        return loss, features.T @ error + ridge * weights

    return minimize(lose, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B").x
