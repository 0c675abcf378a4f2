"""Measures other methods on QuickStart's own training and test rows: python3 samples/QuickStart/Data/baselines.py

Needs scikit-learn (Debian: apt-get install python3-sklearn). What a method has to choose is chosen by three-fold cross-validation
on the training rows; the test rows are looked at once.
"""
import gzip
import pathlib

import numpy
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

TRAINING_ROWS = {"digits": 1297, "landsat": 4435, "dna": 2000, "letter": 16000}  # as in DataSet.cs


def read(name):
    with gzip.open(pathlib.Path(__file__).parent / f"{name}.csv.gz", "rt") as file:
        rows = numpy.loadtxt(file, delimiter=",", skiprows=1)
    return rows[:, :-1], rows[:, -1].astype(int)


def chosen(model, grid):
    return GridSearchCV(model, grid, cv=StratifiedKFold(3, shuffle=True, random_state=0), n_jobs=-1)


def methods(columns):
    gammas = [factor / columns for factor in (0.5, 1, 2, 4)]
    yield "SVM, C 10", make_pipeline(StandardScaler(), SVC(C=10))  # scikit-learn's gamma: 1 / columns
    yield "SVM, tuned", chosen(make_pipeline(StandardScaler(), SVC()), {"svc__C": [1, 10, 100], "svc__gamma": gammas})
    yield "boosting", HistGradientBoostingClassifier(random_state=0)
    yield "neighbours", chosen(KNeighborsClassifier(), {"n_neighbors": [1, 3, 5, 7, 9]})


def main():
    print(f"scikit-learn {sklearn.__version__}; accuracy on QuickStart's test rows, in percent")
    for name, training in TRAINING_ROWS.items():
        x, y = read(name)
        for title, model in methods(x.shape[1]):
            model.fit(x[:training], y[:training])
            accuracy = 100 * model.score(x[training:], y[training:])
            choice = getattr(model, "best_params_", {})
            print(f"{name:8} {title:12} {accuracy:6.2f}  {', '.join(f'{key} {value:g}' for key, value in choice.items())}", flush=True)


if __name__ == "__main__":
    main()
