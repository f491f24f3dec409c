"""scikit-learn's naive Bayes and logistic regression on feature rows that we made. Arguments: bayes or
logistic, and a file of JSON {train, test: {columns, values, labels}, alpha}, one list of columns and values for each row."""

import json
import sys

import numpy
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import ComplementNB

with open(sys.argv[2], encoding="utf-8") as file:
    given = json.load(file)

width = 1 + max(max(row) for part in ("train", "test") for row in given[part]["columns"] if row)


def matrix(part):
    rows = given[part]["columns"]
    ends = numpy.cumsum([0] + [len(row) for row in rows])
    flat = numpy.concatenate([numpy.asarray(row, dtype=numpy.int64) for row in rows])
    values = numpy.concatenate([numpy.asarray(row, dtype=numpy.float64) for row in given[part]["values"]])
    made = csr_matrix((values, flat, ends), shape=(len(rows), width))
    made.sum_duplicates()
    return made


train, test = matrix("train"), matrix("test")
train_y, test_y = numpy.asarray(given["train"]["labels"]), numpy.asarray(given["test"]["labels"])
# What training never saw has no column for either.
seen = numpy.asarray(train.sum(axis=0)).ravel() > 0
train, test = train[:, seen], test[:, seen]


def bayes():
    model = ComplementNB(alpha=given["alpha"]).fit(train, train_y)
    # Ours divides the sum of a payment's terms by the root of its length.
    length = numpy.maximum(1, numpy.asarray(test.sum(axis=1)).ravel())
    logs = model.predict_log_proba(test.multiply(1 / numpy.sqrt(length)[:, None]).tocsr())
    return {"classes": model.classes_.tolist(), "logs": logs.tolist()}


def scored(model):
    model.fit(train, train_y)
    column = {label: i for i, label in enumerate(model.classes_)}
    odds = model.predict_proba(test)
    loss = [-numpy.log(max(1e-4, row[column[y]] if y in column else 0)) for row, y in zip(odds, test_y)]
    return {"accuracy": float((model.predict(test) == test_y).mean()), "logLoss": float(numpy.mean(loss))}


def logistic():
    return {
        "LogisticRegression": scored(LogisticRegression(max_iter=100, tol=1e-3)),
        "SGDClassifier": scored(SGDClassifier(loss="log_loss", alpha=1e-5, random_state=1)),
    }


print(json.dumps({"bayes": bayes, "logistic": logistic}[sys.argv[1]]()))
