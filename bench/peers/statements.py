"""Peers of bench/statements.ts. Arguments: peer, file; prints how many rows it read in how many seconds as JSON."""

import json
import sys
import time


def mt940(file):
    import mt940 as module

    return len(module.parse(file))


def pycamt(file):
    from pycamt.parser import Camt053Parser

    return len(Camt053Parser.from_file(file).get_transactions())


def ofxparse(file):
    from ofxparse import OfxParser

    with open(file, "rb") as opened:
        return len(OfxParser.parse(opened).account.statement.transactions)


def ofxtools(file):
    from ofxtools.Parser import OFXTree

    tree = OFXTree()
    with open(file, "rb") as opened:
        tree.parse(opened)
    return len(tree.convert().statements[0].transactions)


def csv(file):
    """The cells alone: what a row means is left to whoever calls."""
    import csv as module

    with open(file, encoding="utf-8", newline="") as opened:
        return sum(1 for _ in module.DictReader(opened, delimiter=";"))


name, file = sys.argv[1:]
read = {"mt-940": mt940, "pycamt": pycamt, "ofxparse": ofxparse, "ofxtools": ofxtools, "csv": csv}[name]
began = time.perf_counter()
rows = read(file)
print(json.dumps({"rows": rows, "seconds": time.perf_counter() - began}))
