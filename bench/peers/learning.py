"""Peers of bench/learning.ts: the same split, as [text, label] pairs. Arguments: folder, peer; prints a row as JSON."""

import json
import os
import sys
import time

folder = sys.argv[1]


def load(name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return zip(*json.load(file))


train_x, train_y = map(list, load("train.json"))
test_x, test_y = map(list, load("test.json"))


def row(name, predicted, train_seconds, seconds):
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
        "name": name,
        "accuracy": sum(right.values()) / len(test_y),
        "macroF1": f1,
        "trainSeconds": train_seconds,
        "predictionsPerSecond": round(len(test_y) / seconds),
    }


def sklearn(name, make):
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline
    except ImportError:
        return {"name": name, "skipped": "scikit-learn is not there"}
    began = time.perf_counter()
    model = make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True), make())
    model.fit(train_x, train_y)
    trained = time.perf_counter()
    predicted = list(model.predict(test_x))
    return row(name, predicted, trained - began, time.perf_counter() - trained)


def svm():
    from sklearn.svm import LinearSVC

    return LinearSVC()


def bayes():
    from sklearn.naive_bayes import ComplementNB

    return ComplementNB()


def fast_text():
    try:
        import fasttext
    except ImportError:
        return {"name": "fastText", "skipped": "fastText is not there"}
    codes = {label: f"__label__{i}" for i, label in enumerate(sorted(set(train_y)))}
    names = {code: label for label, code in codes.items()}
    path = os.path.join(folder, "train.txt")
    with open(path, "w", encoding="utf-8") as file:
        for x, y in zip(train_x, train_y):
            file.write(f"{codes[y]} {' '.join(x.split())}\n")
    began = time.perf_counter()
    model = fasttext.train_supervised(path, epoch=5, lr=0.5, wordNgrams=2, minn=2, maxn=4, thread=1, verbose=0)
    trained = time.perf_counter()
    # One text at a time goes round a call that newer numpy refuses.
    predicted = [names[model.f.predict(" ".join(x.split()) + "\n", 1, 0.0, "strict")[0][1]] for x in test_x]
    return row("fastText", predicted, trained - began, time.perf_counter() - trained)


PEERS = {
    "fastText": fast_text,
    "complement naive Bayes": lambda: sklearn("complement naive Bayes", bayes),
    "TF-IDF + linear SVM": lambda: sklearn("TF-IDF + linear SVM", svm),
}
print(json.dumps(PEERS[sys.argv[2]]()))
