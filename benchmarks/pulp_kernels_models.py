"""Train the chapter's models in scikit-learn and keep what they learned.

    python -m benchmarks.pulp_kernels_models

writes ``models.npz`` beside the chapter's experiments: parameters, and scikit-learn's own answers.
"""

from __future__ import annotations

import numpy as np

from paralg.kernels.pulp_kernels import Trees
from paralg.kernels.pulp_kernels.experiments.runs import MODELS, TRAINED, data

__all__ = ["make", "trained", "trees_of"]


def trees_of(estimators) -> Trees:
    """Return fitted decision trees of scikit-learn as one set of arrays."""
    parts, first = [], 0
    for one in (estimator.tree_ for estimator in estimators):
        share = one.value[:, 0] / one.value[:, 0].sum(axis=1, keepdims=True)
        child = (np.where(side >= 0, side + first, -1)
                 for side in (one.children_left, one.children_right))  # fmt: skip
        parts.append((np.maximum(one.feature, 0), one.threshold, *child, share, np.array([first])))
        first += one.node_count
    return Trees(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def trained() -> dict:
    """Return scikit-learn's models by name, fitted on the first 1,200 digits."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC, LinearSVC
    from sklearn.tree import DecisionTreeClassifier

    x, y = (part[:TRAINED] for part in data())
    models = {
        "logistic": LogisticRegression(max_iter=2000), "svm": LinearSVC(random_state=0),
        "pairs": SVC(kernel="linear"), "rbf": SVC(gamma=0.02, C=10.0),
        "bayes": GaussianNB(), "neighbours": KNeighborsClassifier(5, algorithm="brute"),
        "tree": DecisionTreeClassifier(max_depth=6, random_state=0),
        "forest": RandomForestClassifier(50, max_depth=6, random_state=0),
    }  # fmt: skip
    return {name: one.fit(x, y) for name, one in models.items()}


def make() -> dict[str, np.ndarray]:
    """Return all arrays of the file, from scikit-learn."""
    from sklearn.cluster import KMeans

    (x, _), models = data(), trained()
    found: dict = {f"{name} answers": one.predict(x[TRAINED:]) for name, one in models.items()}
    found["probabilities"] = models["logistic"].predict_proba(x[TRAINED:][:20])
    for name in ("logistic", "svm"):
        found |= {f"{name} weights": models[name].coef_, f"{name} bias": models[name].intercept_}
    bayes = models["bayes"]
    found["bayes means"], found["bayes precisions"] = bayes.theta_, 1 / (2 * bayes.var_)
    logs = np.log(2 * np.pi * bayes.var_).sum(axis=1)
    found["bayes offset"] = np.log(bayes.class_prior_) - logs / 2
    for name in ("pairs", "rbf"):
        one = models[name]
        found |= {f"{name} vectors": one.support_, f"{name} sizes": one.n_support_,
                  f"{name} dual": one.dual_coef_, f"{name} bias": one.intercept_}  # fmt: skip
    for name, one in (("tree", [models["tree"]]), ("forest", models["forest"].estimators_)):
        found |= {f"{name} {field}": value for field, value in trees_of(one)._asdict().items()}
    means = KMeans(10, init=x[:10], n_init=1, algorithm="lloyd", tol=0).fit(x)
    found |= {"means answers": means.labels_, "means inertia": np.array(means.inertia_),
              "means iterations": np.array(means.n_iter_)}  # fmt: skip
    return {name: _small(np.asarray(values)) for name, values in found.items()}


def _small(values: np.ndarray) -> np.ndarray:
    return values.astype(np.int16) if values.dtype.kind == "i" else values


if __name__ == "__main__":
    np.savez_compressed(MODELS, **make())
