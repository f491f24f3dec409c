"""The model that MLServer serves beside bench/serving.ts. Argument: a folder with train.json and test.json, lists of
[text, label]; writes model.joblib there and prints its accuracy and how long the training took as JSON."""

import json
import os
import sys
import time

import joblib
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

folder = sys.argv[1]


def load(name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return map(list, zip(*json.load(file)))


train_x, train_y = load("train.json")
test_x, test_y = load("test.json")
began = time.perf_counter()
model = make_pipeline(TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True), LinearSVC())
model.fit(train_x, train_y)
seconds = time.perf_counter() - began
joblib.dump(model, os.path.join(folder, "model.joblib"))
right = sum(p == y for p, y in zip(model.predict(test_x), test_y))
print(json.dumps({"accuracy": right / len(test_y), "trainSeconds": seconds}))
