import { addDays } from "../../lib/values";
import { answer, listAnswer, type Answer } from "./answers";
import type { Category, Part, Transaction, Versioned } from "./entities";
import { badRequest, noSuchPath, notFound } from "./errors";
import { Planning } from "./planning";
import { dateOf, missing, objectOf, since, visible, type Call } from "./request";
import type { SaveFields } from "./rules";
import type { State } from "./state";
import type { Transactions } from "./transactions";
import type { Views } from "./views";

/** The API of one plan: which method and path does what. */
export class Routes {
  private readonly planning: Planning;

  constructor(
    private readonly state: State,
    private readonly views: Views,
    private readonly transactions: Transactions,
    private readonly today: () => string,
  ) {
    this.planning = new Planning(state, views, today);
  }

  handle(call: Call): Answer {
    const [root, planId, ...rest] = call.path;
    const plan = this.state.plan!;
    if (root === "user" && call.path.length === 1) return answer({ user: { id: plan.userId } });
    // The API spoke of budgets before 1.78; those paths still work.
    if (root !== "plans" && root !== "budgets") throw noSuchPath();
    const name = root === "plans" ? "plan" : "budget";
    if (planId === undefined) {
      const accounts = call.query.get("include_accounts") === "true" ? { accounts: this.accounts() } : {};
      const summary = { ...this.views.planSummary(), ...accounts };
      return answer({ [`${name}s`]: [summary], [`default_${name}`]: summary });
    }
    if (planId !== plan.id && planId !== "last-used" && planId !== "default") throw notFound();
    return this.inPlan(call, rest, name);
  }

  private inPlan(call: Call, rest: string[], name: "plan" | "budget"): Answer {
    const [what, id, sub] = rest;
    const { views, state } = this;
    if (what === undefined) return answer({ [name]: this.export(since(call)), ...this.knowledge() });
    if (what === "settings" && rest.length === 1) {
      const settings = { date_format: { format: "YYYY-MM-DD" }, currency_format: views.currencyFormat() };
      return answer({ settings });
    }
    if (what === "transactions") return this.transactionCall(call, rest.slice(1));
    if (sub === "transactions" && rest.length === 3 && call.method === "GET") {
      return this.listOf(call, what, id!);
    }
    if (what === "payee_locations" && rest.length === 1) return answer({ payee_locations: [] });
    if (sub === "payee_locations") return answer({ payee_locations: [] });
    if (what === "money_movements") return answer({ money_movements: [], ...this.knowledge() });
    if (what === "money_movement_groups") {
      return answer({ money_movement_groups: [], ...this.knowledge() });
    }
    return this.planning.handle(call, rest, { since: since(call), knowledge: state.knowledge });
  }

  private transactionCall(call: Call, rest: string[]): Answer {
    const { method } = call;
    const [id] = rest;
    if (id === undefined) {
      if (method === "GET") return this.detailList(call, () => true);
      const body = objectOf(call.body);
      if (method === "POST") return this.create(body);
      if (method === "PATCH") {
        const rows = this.transactions.updateMany(itemsOf(body["transactions"]));
        return this.saved(rows, [], 209);
      }
    } else if (id === "import" && method === "POST") {
      return answer({ transaction_ids: [] });
    } else if (rest.length === 1) {
      if (method === "GET") return this.one(this.transactions.shown(id) ?? missing());
      if (method === "DELETE") return this.one(this.transactions.delete(id));
      if (method === "PUT") {
        const item = objectOf(objectOf(call.body)["transaction"]) as SaveFields;
        return this.one(this.transactions.updateOne(id, item));
      }
    }
    throw noSuchPath();
  }

  private create(body: Record<string, unknown>): Answer {
    if (Array.isArray(body["transactions"])) {
      const { created, duplicates } = this.transactions.createMany(itemsOf(body["transactions"]));
      return this.saved(created, duplicates, 201);
    }
    const row = this.transactions.createOne(objectOf(body["transaction"]) as SaveFields);
    return answer(
      {
        transaction_ids: [row.id],
        transaction: this.views.transaction(row),
        duplicate_import_ids: [],
        ...this.knowledge(),
      },
      201,
    );
  }

  private saved(rows: readonly Transaction[], duplicates: readonly string[], status: number): Answer {
    const data = {
      transaction_ids: rows.map((row) => row.id),
      transactions: rows.map((row) => this.views.transaction(row)),
      duplicate_import_ids: duplicates,
      ...this.knowledge(),
    };
    return answer(data, status);
  }

  private one(row: Transaction): Answer {
    return answer({ transaction: this.views.transaction(row), ...this.knowledge() });
  }

  private listOf(call: Call, what: string, id: string): Answer {
    if (what === "accounts") {
      if (!this.state.live("account", id)) throw notFound();
      return this.detailList(call, (row) => row.accountId === id);
    }
    if (what === "months") {
      const month = id === "current" ? this.today().slice(0, 7) : id.slice(0, 7);
      return this.detailList(call, (row) => row.date.startsWith(month), "0001-01-01");
    }
    if (what === "categories") {
      if (!this.state.live("category", id)) throw notFound();
      return this.hybridList(call, (share) => share.categoryId === id);
    }
    if (what === "payees") {
      if (!this.state.live("payee", id)) throw notFound();
      return this.hybridList(call, (share, row) => (share.payeeId ?? row.payeeId) === id);
    }
    throw noSuchPath();
  }

  private detailList(call: Call, wanted: (row: Transaction) => boolean, from?: string): Answer {
    const rows = this.select(call, from).filter(wanted);
    const texts = mapped(rows, (row) => this.views.transactionText(row));
    return listAnswer("transactions", texts, this.state.knowledge);
  }

  private hybridList(
    call: Call,
    wanted: (share: Pick<Part, "categoryId" | "payeeId">, row: Transaction) => boolean,
  ): Answer {
    const views = this.views;
    const texts: string[] = [];
    for (const row of this.select(call)) {
      for (const part of row.parts)
        if (wanted(part, row)) texts.push(JSON.stringify(views.hybrid(row, part)));
      if (row.parts.length === 0 && wanted(row, row)) texts.push(JSON.stringify(views.hybrid(row)));
    }
    return listAnswer("transactions", texts, this.state.knowledge);
  }

  /** By date, type and knowledge. Without a first date it is the last year only, as the description says. */
  private select(call: Call, from = addDays(this.today(), -365)): Transaction[] {
    const first = dateOf(call, "since_date") ?? from;
    const last = dateOf(call, "until_date") ?? "9999-12-31";
    const type = call.query.get("type");
    if (type !== null && type !== "uncategorized" && type !== "unapproved") {
      throw badRequest("type is not supported");
    }
    const after = since(call);
    return this.state.transactions().filter((row) => {
      if (!this.transactions.isShown(row)) return false;
      if (row.date < first || row.date > last) return false;
      if (after === undefined ? row.deleted : row.k <= after) return false;
      if (type === "unapproved") return !row.approved;
      if (type === "uncategorized") {
        return !row.categoryId && !row.transferAccountId && row.parts.length === 0;
      }
      return true;
    });
  }

  /** The full export: everything, or what changed since. */
  private export(after: number | undefined) {
    const { tables } = this.state;
    const shown = <T extends Versioned>(rows: Iterable<T>) => visible(this.state, rows, after);
    const rows = shown(this.state.transactions()).filter((row) => this.transactions.isShown(row));
    const categories = shown<Category>(tables.category.values()).map((row) => this.views.category(row));
    return {
      ...this.views.planSummary(),
      accounts: shown(tables.account.values()).map((row) => this.views.account(row)),
      payees: shown(tables.payee.values()).map((row) => this.views.payee(row)),
      payee_locations: [],
      category_groups: shown(tables.group.values()).map((row) => this.views.group(row)),
      categories,
      months: this.views.months().map((month) => ({
        ...this.views.month(month),
        categories: [...tables.category.values()]
          .filter((row) => !row.deleted)
          .map((row) => this.views.category(row, month)),
      })),
      transactions: rows.map((row) => this.views.summary(row)),
      subtransactions: rows.flatMap((row) => row.parts.map((part) => this.views.part(row, part))),
      scheduled_transactions: shown(tables.scheduled.values()).map((row) => this.views.scheduled(row)),
      scheduled_subtransactions: [],
    };
  }

  private accounts() {
    return visible(this.state, this.state.tables.account.values(), undefined).map((row) =>
      this.views.account(row),
    );
  }

  private knowledge() {
    return { server_knowledge: this.state.knowledge };
  }
}

function itemsOf(value: unknown): SaveFields[] {
  if (!Array.isArray(value)) throw badRequest("transactions must be an array");
  return value as SaveFields[];
}

function* mapped<T, R>(rows: Iterable<T>, change: (row: T) => R): Generator<R> {
  for (const row of rows) yield change(row);
}
