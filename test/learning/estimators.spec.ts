import assert from "node:assert/strict";
import {
  competingEstimators,
  createEstimator,
  NETWORK,
  restoreEstimator,
  WORDS,
  type Estimator,
} from "../../lib/learning";
import { decodeArtifact, encodeArtifact } from "../../lib/learning/model";
import { seededRandom } from "../../lib/learning/random";
import { addDays, runAtOnce, TallyError } from "../../lib/values";
import { example, household } from "./support";

const probability = (estimator: Estimator, of: ReturnType<typeof example>, category: string) => {
  const { categories, probabilities } = estimator.predict(of);
  return probabilities[categories.indexOf(category)]!;
};

for (const name of [...competingEstimators(), WORDS, NETWORK]) {
  describe(`learning: ${name}`, () => {
    it("learns a household and beats the most frequent category by far", () => {
      const rows = household(900);
      const estimator = createEstimator(name);
      estimator.fit(rows.slice(0, 700));
      const right = rows.slice(700).filter((row) => {
        const { categories, probabilities } = estimator.predict(row);
        return categories[probabilities.indexOf(Math.max(...probabilities))] === row.label;
      });
      assert.ok(right.length / 200 > 0.95, `${right.length} of 200`);
    });

    it("gives probabilities of all categories that sum to one", () => {
      const estimator = createEstimator(name);
      estimator.fit(household(100));
      const { categories, probabilities } = estimator.predict(
        example({ text: "never seen", description: "" }),
      );
      assert.equal(new Set(categories).size, 6);
      assert.ok(Math.abs(probabilities.reduce((a, b) => a + b, 0) - 1) < 1e-5);
      assert.ok(probabilities.every((p) => p >= 0 && p <= 1));
    });

    it("knows nothing before it has learned", () => {
      assert.equal(createEstimator(name).predict(example()).probabilities.length, 0);
    });

    it("moves towards a label that it is given", () => {
      const estimator = createEstimator(name);
      estimator.fit(household(200));
      const corrected = example({ text: "JUMBO 1234", description: "" });
      const before = probability(estimator, corrected, "fun");
      estimator.update(corrected, "fun");
      assert.ok(probability(estimator, corrected, "fun") > before);
    });

    it("takes in a category it has never seen", () => {
      const estimator = createEstimator(name);
      estimator.fit(household(200));
      const vet = example({ text: "DIERENARTS", description: "", account: "test:vet" });
      for (let i = 0; i < 8; i++) estimator.update(vet, "pets");
      assert.ok(probability(estimator, vet, "pets") > 0.3);
    });

    it("predicts, explains and learns the same after being written down and read", () => {
      const rows = household(300);
      const estimator = createEstimator(name);
      estimator.fit(rows.slice(0, 200));
      const restored = runAtOnce(
        restoreEstimator(name, runAtOnce(decodeArtifact(encodeArtifact(estimator.serialise())))),
      );
      for (const row of rows.slice(200)) {
        assert.deepEqual(restored.predict(row), estimator.predict(row));
        assert.deepEqual(restored.explain(row, row.label, 5), estimator.explain(row, row.label, 5));
        restored.update(row, row.label);
        estimator.update(row, row.label);
      }
      assert.deepEqual(encodeArtifact(restored.serialise()), encodeArtifact(estimator.serialise()));
    });

    it("reveals: predicts and learns at once as it would one after the other", () => {
      const rows = household(300);
      const one = createEstimator(name);
      const other = createEstimator(name);
      for (const row of rows) {
        const expected = one.predict(row);
        one.update(row, row.label);
        const revealed = other.reveal(row, row.label);
        assert.deepEqual(revealed.categories, expected.categories);
        expected.probabilities.forEach((p, i) => assert.ok(Math.abs(p - revealed.probabilities[i]!) < 1e-5));
      }
      assert.deepEqual(encodeArtifact(other.serialise()), encodeArtifact(one.serialise()));
    });

    it("says of a batch what it says of each alone, also when it has learned in between", () => {
      const rows = household(400);
      const estimator = createEstimator(name);
      estimator.fit(rows.slice(0, 300));
      const asked = rows.slice(300, 360);
      const compare = () => {
        const batch = [...asked, ...asked].map((row) => estimator.predict(row).probabilities).slice(60);
        asked.forEach((row, i) => {
          const fresh = runAtOnce(restoreEstimator(name, estimator.serialise()));
          fresh.predict(row).probabilities.forEach((p, c) => assert.ok(Math.abs(p - batch[i]![c]!) < 1e-6));
        });
      };
      compare();
      rows.slice(360).forEach((row) => estimator.update(row, row.label));
      compare();
    });

    it("explains by terms, strongest first", () => {
      const estimator = createEstimator(name);
      estimator.fit(household(300));
      const terms = estimator.explain(example({ text: "JUMBO 99" }), "groceries", 5);
      assert.ok(terms.length > 0 && terms.length <= 5);
      assert.deepEqual(
        terms.map(({ weight }) => weight),
        terms.map(({ weight }) => weight).sort((a, b) => b - a),
      );
    });

    it("stops when asked", () => {
      const controller = new AbortController();
      controller.abort();
      assert.throws(() => createEstimator(name).fit(household(10), { signal: controller.signal }));
    });
  });
}

describe("learning: habits", () => {
  /** What one visit to a shop that nobody has seen teaches, after a household whose shops keep or change their category. */
  const afterOneVisit = (keeps: boolean) => {
    const random = seededRandom(3);
    const categories = ["groceries", "fun", "things", "transport"];
    const estimator = createEstimator("sparse-logistic");
    for (let i = 0; i < 400; i++) {
      const shop = Math.floor(i / 4);
      const label = categories[keeps ? shop % 4 : Math.floor(random() * 4)]!;
      const text = `${shop.toString(36).repeat(3)}shop`;
      estimator.update(example({ text, description: "", date: addDays("2024-01-01", i) }), label);
    }
    const visit = example({ text: "quartz vineyard", description: "", date: addDays("2024-01-01", 401) });
    estimator.update(visit, "fun");
    return { estimator, next: { ...visit, date: addDays(visit.date, 1) } };
  };

  it("learn from all shops how much one visit to a new one says", () => {
    const kept = afterOneVisit(true);
    const changed = afterOneVisit(false);
    const sure = probability(kept.estimator, kept.next, "fun");
    const unsure = probability(changed.estimator, changed.next, "fun");
    assert.ok(sure > 0.5 && sure > unsure + 0.2, `${sure} and ${unsure}`);
  });

  it("count for less when they are old, and say so as a reason", () => {
    const { estimator, next } = afterOneVisit(true);
    const terms = estimator.explain(next, "fun", 10).map(({ term }) => term);
    assert.ok(
      terms.some((term) => term.startsWith("seen before for")),
      terms.join(),
    );
    const later = { ...next, date: addDays(next.date, 400) };
    assert.ok(probability(estimator, later, "fun") < probability(estimator, next, "fun"));
  });
});

describe("learning: stacked", () => {
  const MEMBERS = ["sparse-logistic", "complement-naive-bayes", "counterparty-memory", WORDS];
  /** Every seventh label is any: nobody can be right about those, and who is sure of them pays for it. */
  const noisy = () => {
    const random = seededRandom(11);
    const labels = [...new Set(household(100).map(({ label }) => label))];
    return household(500).map((row, i) =>
      i % 7 === 3 ? { ...row, label: labels[Math.floor(random() * labels.length)]! } : row,
    );
  };
  /** Mean loss of what is said of each row before it is learned, from the hundredth on. */
  const loss = (name: string) => {
    const estimator = createEstimator(name);
    const losses = noisy().map((row) => {
      const { categories, probabilities } = estimator.reveal(row, row.label);
      return -Math.log(Math.max(1e-4, probabilities[categories.indexOf(row.label)] ?? 0));
    });
    return losses.slice(100).reduce((sum, one) => sum + one, 0) / 400;
  };

  it("is no worse than the best of its members, told each label after its prediction", () => {
    const best = Math.min(...MEMBERS.map(loss));
    const own = loss("stacked");
    assert.ok(own < best + 0.01, `${own} and ${best}`);
  });

  it("weighs its members by what they said before each label, and keeps the weights", () => {
    const weightsAfter = (rows: ReturnType<typeof household>) => {
      const estimator = createEstimator("stacked");
      estimator.fit(rows);
      return Array.from(estimator.serialise().arrays["weights"]!);
    };
    const before = weightsAfter([]);
    // The first label of a category is known by none of them: it says nothing of who was right.
    assert.deepEqual(weightsAfter(household(1)), before);
    const after = weightsAfter(noisy());
    assert.equal(after.length, MEMBERS.length);
    after.forEach((weight, m) => assert.notEqual(weight, before[m]));
  });

  it("explains by the terms of all of its members", () => {
    const estimator = createEstimator("stacked");
    estimator.fit(household(300));
    const terms = estimator.explain(example({ text: "JUMBO 99" }), "groceries", 100).map(({ term }) => term);
    assert.ok(terms.includes("word jumbo") && terms.includes("seen before: first word"), terms.join());
    assert.equal(new Set(terms).size, terms.length);
  });
});

describe("learning: estimators", () => {
  it("refuses an unknown name and says which there are", () => {
    assert.throws(
      () => createEstimator("oracle"),
      (error: TallyError) => error.code === "CONFIG_INVALID" && error.message.includes("sparse-logistic"),
    );
  });

  it("refuses bytes that are no model", () => {
    for (const bytes of [
      new Uint8Array(3),
      new Uint8Array(64),
      Buffer.from("TFM1\xff\xff\xff\x7fxxxx", "latin1"),
    ]) {
      assert.throws(
        () => runAtOnce(decodeArtifact(bytes)),
        (error: TallyError) => error.code === "MODEL_MISSING",
      );
    }
  });
});
