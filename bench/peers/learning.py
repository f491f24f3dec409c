"""Peers of bench/learning.ts on the same split, as [text, columns, label]. Arguments: folder, peer; prints figures as JSON."""

import json
import os
import sys
import time

folder = sys.argv[1]


def load(name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return [list(column) for column in zip(*json.load(file))]


train_text, train_columns, train_y = load("train.json")
test_text, test_columns, test_y = load("test.json")


def figures(predicted, train_seconds, seconds):
    labels = set(test_y) | set(predicted)
    right = {label: 0 for label in labels}
    said = dict(right)
    true = dict(right)
    for p, y in zip(predicted, test_y):
        said[p] += 1
        true[y] += 1
        right[y] += p == y
    f1 = sum(2 * right[c] / (said[c] + true[c]) for c in labels) / len(labels)
    return {
        "accuracy": sum(right.values()) / len(test_y),
        "macroF1": f1,
        "trainSeconds": train_seconds,
        "predictionsPerSecond": round(len(test_y) / seconds),
    }


def timed(train, predict):
    began = time.perf_counter()
    model = train()
    trained = time.perf_counter()
    predicted = predict(model)
    return figures(list(predicted), trained - began, time.perf_counter() - trained)


def joined(texts, columns):
    return [" | ".join([text, *rest]) for text, rest in zip(texts, columns)]


def vectorizer():
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True)


def texts_alone():
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    pipeline = make_pipeline(vectorizer(), LinearSVC())
    return timed(lambda: pipeline.fit(train_text, train_y), lambda model: model.predict(test_text))


def with_columns(estimator):
    """Letters of the text, and each column whole, as one would give them to scikit-learn."""
    from scipy.sparse import hstack
    from sklearn.preprocessing import OneHotEncoder

    # A column that is not there in some rows (an empty description) is an empty value.
    width = max(len(rest) for rest in train_columns + test_columns)

    def table(columns):
        return [rest + [""] * (width - len(rest)) for rest in columns]

    letters = vectorizer()
    columns = OneHotEncoder(handle_unknown="ignore")

    def train():
        wide = [letters.fit_transform(train_text)]
        if width:
            wide.append(columns.fit_transform(table(train_columns)))
        return estimator.fit(hstack(wide).tocsr(), train_y)

    def predict(model):
        wide = [letters.transform(test_text)]
        if width:
            wide.append(columns.transform(table(test_columns)))
        return model.predict(hstack(wide).tocsr())

    return timed(train, predict)


def svm():
    from sklearn.svm import LinearSVC

    return with_columns(LinearSVC())


def bayes():
    from sklearn.naive_bayes import ComplementNB

    return with_columns(ComplementNB())


def fast_text():
    import fasttext

    codes = {label: f"__label__{i}" for i, label in enumerate(sorted(set(train_y)))}
    names = {code: label for label, code in codes.items()}
    path = os.path.join(folder, "train.txt")
    with open(path, "w", encoding="utf-8") as file:
        for x, y in zip(joined(train_text, train_columns), train_y):
            file.write(f"{codes[y]} {' '.join(x.split())}\n")

    def train():
        return fasttext.train_supervised(
            path, epoch=5, lr=0.5, wordNgrams=2, minn=2, maxn=4, thread=1, verbose=0
        )

    # One text at a time goes round a call that newer numpy refuses.
    def predict(model):
        return [
            names[model.f.predict(" ".join(x.split()) + "\n", 1, 0.0, "strict")[0][1]]
            for x in joined(test_text, test_columns)
        ]

    return timed(train, predict)


def smart_importer():
    """Its own predictor of the other account, on Beancount's transactions: payee, and what else is known as narration."""
    import datetime

    from beancount.core import amount, data, number
    from smart_importer import PredictPostings

    own = "Assets:Card"
    accounts = {label: f"Expenses:C{i}" for i, label in enumerate(sorted(set(train_y)))}
    names = {account: label for label, account in accounts.items()}
    day = datetime.date(2020, 1, 1)
    meta = {"filename": "", "lineno": 0}
    units = amount.Amount(number.D("-1"), "EUR")

    def entry(text, rest, label=None):
        postings = [data.Posting(own, units, None, None, None, None)]
        if label is not None:
            postings.append(data.Posting(accounts[label], -units, None, None, None, None))
        narration = " ".join(rest)
        return data.Transaction(dict(meta), day, "*", text, narration, frozenset(), frozenset(), postings)

    opened = [data.Open(dict(meta), day, account, None, None) for account in [own, *names]]
    known = opened + [entry(*row) for row in zip(train_text, train_columns, train_y)]
    asked = [entry(*row) for row in zip(test_text, test_columns)]
    predictor = PredictPostings()

    def train():
        predictor.load_open_accounts(known)
        predictor.define_pipeline()
        predictor.load_training_data([e for e in known if isinstance(e, data.Transaction)], own)
        predictor.train_pipeline()
        return predictor

    def predict(model):
        done = model.process_entries(asked)
        return [next((names[p.account] for p in e.postings if p.account in names), "") for e in done]

    return timed(train, predict)


PEERS = {
    "fastText": fast_text,
    "complement naive Bayes of scikit-learn": bayes,
    "TF-IDF + linear SVM, texts alone": texts_alone,
    "TF-IDF + linear SVM": svm,
    "smart_importer": smart_importer,
}
print(json.dumps(PEERS[sys.argv[2]]()))
