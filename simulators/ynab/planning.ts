import { isCalendarDate } from "../../lib/values";
import { answer, type Answer } from "./answers";
import type { Account, AccountType, Category } from "./entities";
import { badRequest, noSuchPath, notFound } from "./errors";
import { freshId, missing, objectOf, visible, type Call } from "./request";
import type { State } from "./state";
import type { Views } from "./views";

interface Since {
  since: number | undefined;
  knowledge: number;
}

type Fields = Record<string, unknown>;

/** Accounts, categories, payees, months and scheduled transactions of a plan. */
export class Planning {
  constructor(
    private readonly state: State,
    private readonly views: Views,
    private readonly today: () => string,
  ) {}

  handle(call: Call, [what, id, ...more]: string[], at: Since): Answer {
    switch (what) {
      case "accounts":
        return this.accounts(call, id, at);
      case "categories":
        return this.categories(call, id, at);
      case "category_groups":
        return this.groups(call, id);
      case "payees":
        return this.payees(call, id, at);
      case "months":
        return this.months(call, id, more, at);
      case "scheduled_transactions":
        return this.scheduledTransactions(call, id, at);
      default:
        throw noSuchPath();
    }
  }

  private accounts(call: Call, id: string | undefined, { since, knowledge }: Since): Answer {
    if (id !== undefined && call.method === "GET") {
      return answer({ account: this.views.account(this.state.live("account", id) ?? missing()) });
    }
    if (id === undefined && call.method === "GET") {
      const rows = visible(this.state, this.state.tables.account.values(), since);
      return answer({ accounts: rows.map((row) => this.views.account(row)), server_knowledge: knowledge });
    }
    if (id !== undefined || call.method !== "POST") throw noSuchPath();
    const fields = objectOf(objectOf(call.body)["account"]);
    const name = text(fields, "name", 50);
    if (!Number.isSafeInteger(fields["balance"])) throw badRequest("balance must be an integer");
    const type = fields["type"] as AccountType;
    const known = ["checking", "savings", "cash", "creditCard", "otherAsset", "otherLiability"];
    if (!known.includes(type)) throw badRequest("type is not valid");
    const account = this.state.change(() => this.newAccount(name, type, fields["balance"] as number));
    return answer({ account: this.views.account(account), server_knowledge: this.state.knowledge }, 201);
  }

  private newAccount(name: string, type: AccountType, balance: number): Account {
    const id = freshId();
    const payee = { id: freshId(), name: `Transfer : ${name}`, transferAccountId: id, deleted: false };
    this.state.put("payee", payee);
    const rest = { closed: false, note: null, deleted: false };
    const account = this.state.put("account", { id, name, type, transferPayeeId: payee.id, ...rest });
    this.state.put("transaction", {
      id: freshId(),
      accountId: id,
      date: this.today(),
      amount: balance,
      memo: null,
      cleared: "cleared",
      approved: true,
      flag: null,
      payeeId: this.state.payeeByName("Starting Balance") ?? null,
      categoryId: null,
      transferAccountId: null,
      transferTransactionId: null,
      importId: null,
      importPayee: null,
      parts: [],
      deleted: false,
    });
    return account;
  }

  private categories(call: Call, id: string | undefined, { since, knowledge }: Since): Answer {
    if (id === undefined && call.method === "GET") {
      return answer({ category_groups: this.grouped(since), server_knowledge: knowledge });
    }
    if (id === undefined && call.method === "POST") {
      const fields = objectOf(objectOf(call.body)["category"]);
      const group = this.state.live("group", fields["category_group_id"] as string);
      if (!group || group.internal) throw badRequest("category_group does not exist");
      const name = text(fields, "name", 200);
      const rest = { hidden: false, internal: false, note: null, goalTargetDate: null, deleted: false };
      const made = this.state.change(() =>
        this.state.put("category", { id: freshId(), groupId: group.id, name, goalTarget: null, ...rest }),
      );
      return this.savedCategory(made, 201);
    }
    const category = this.state.live("category", id) ?? missing();
    if (call.method === "GET") return answer({ category: this.views.category(category) });
    if (call.method !== "PATCH") throw noSuchPath();
    const fields = objectOf(objectOf(call.body)["category"]);
    if (category.internal) throw badRequest("An internal category may not be changed");
    const next: Category = { ...category };
    if (typeof fields["name"] === "string") next.name = text(fields, "name", 200);
    if (fields["note"] !== undefined) next.note = fields["note"] as string | null;
    if (fields["goal_target"] !== undefined) next.goalTarget = fields["goal_target"] as number | null;
    if (typeof fields["category_group_id"] === "string") {
      const group = this.state.live("group", fields["category_group_id"]);
      if (!group || group.internal) throw badRequest("category_group does not exist");
      next.groupId = group.id;
    }
    return this.savedCategory(this.state.change(() => this.state.put("category", next)));
  }

  private grouped(since: number | undefined) {
    const rows = visible(this.state, this.state.tables.category.values(), since);
    const byGroup = new Map<string, Category[]>();
    for (const row of rows) byGroup.set(row.groupId, [...(byGroup.get(row.groupId) ?? []), row]);
    const groups = [...this.state.tables.group.values()].filter((group) =>
      since === undefined ? !group.deleted : group.k > since || byGroup.has(group.id),
    );
    return groups.map((group) => ({
      ...this.views.group(group),
      categories: (byGroup.get(group.id) ?? []).map((row) => this.views.category(row)),
    }));
  }

  private savedCategory(category: Category, status = 200, month?: string): Answer {
    const data = { category: this.views.category(category, month), server_knowledge: this.state.knowledge };
    return answer(data, status);
  }

  private groups(call: Call, id: string | undefined): Answer {
    const name = text(objectOf(objectOf(call.body)["category_group"]), "name", 50);
    const saved = (group: Parameters<Views["group"]>[0], status: number) =>
      answer({ category_group: this.views.group(group), server_knowledge: this.state.knowledge }, status);
    if (id === undefined && call.method === "POST") {
      const fresh = { id: freshId(), name, hidden: false, internal: false, deleted: false };
      return saved(
        this.state.change(() => this.state.put("group", fresh)),
        201,
      );
    }
    if (id === undefined || call.method !== "PATCH") throw noSuchPath();
    const group = this.state.live("group", id) ?? missing();
    if (group.internal) throw badRequest("An internal category group may not be changed");
    return saved(
      this.state.change(() => this.state.put("group", { ...group, name })),
      200,
    );
  }

  private payees(call: Call, id: string | undefined, { since, knowledge }: Since): Answer {
    if (id === undefined && call.method === "GET") {
      const rows = visible(this.state, this.state.tables.payee.values(), since);
      return answer({ payees: rows.map((row) => this.views.payee(row)), server_knowledge: knowledge });
    }
    if (id !== undefined && call.method === "GET") {
      return answer({ payee: this.views.payee(this.state.live("payee", id) ?? missing()) });
    }
    if (call.method !== (id === undefined ? "POST" : "PATCH")) throw noSuchPath();
    const name = text(objectOf(objectOf(call.body)["payee"]), "name", 500);
    const payee = id === undefined ? undefined : (this.state.live("payee", id) ?? missing());
    const saved = this.state.change(() =>
      this.state.put("payee", {
        ...(payee ?? { id: freshId(), transferAccountId: null, deleted: false }),
        name,
      }),
    );
    const data = { payee: this.views.payee(saved), server_knowledge: this.state.knowledge };
    return answer(data, id === undefined ? 201 : 200);
  }

  private months(call: Call, id: string | undefined, more: string[], { knowledge }: Since): Answer {
    if (id === undefined) {
      const months = this.views.months().map((month) => this.views.month(month));
      return answer({ months, server_knowledge: knowledge });
    }
    const month = id === "current" ? `${this.today().slice(0, 7)}-01` : id;
    if (!isCalendarDate(month)) throw badRequest("month is not a valid date");
    if (!this.views.months().includes(month)) throw notFound();
    if (more.length === 0) {
      const categories = [...this.state.tables.category.values()].filter((row) => !row.deleted);
      const shown = categories.map((row) => this.views.category(row, month));
      return answer({ month: { ...this.views.month(month), categories: shown } });
    }
    if (more[0] === "money_movements") return answer({ money_movements: [], server_knowledge: knowledge });
    if (more[0] === "money_movement_groups") {
      return answer({ money_movement_groups: [], server_knowledge: knowledge });
    }
    if (more[0] !== "categories" || more.length !== 2) throw noSuchPath();
    const category = this.state.live("category", more[1]) ?? missing();
    if (call.method === "GET") return answer({ category: this.views.category(category, month) });
    if (call.method !== "PATCH") throw noSuchPath();
    const amount = objectOf(objectOf(call.body)["category"])["budgeted"];
    if (!Number.isSafeInteger(amount)) throw badRequest("budgeted must be an integer");
    this.state.change(() => {
      const entry = { id: `${category.id}|${month}`, categoryId: category.id, month, deleted: false };
      this.state.put("assigned", { ...entry, amount: amount as number });
      this.state.put("category", category);
    });
    return this.savedCategory(category, 200, month);
  }

  private scheduledTransactions(call: Call, id: string | undefined, { since, knowledge }: Since): Answer {
    const rows = this.state.tables.scheduled;
    if (id === undefined && call.method === "GET") {
      const shown = visible(this.state, rows.values(), since).map((row) => this.views.scheduled(row));
      return answer({ scheduled_transactions: shown, server_knowledge: knowledge });
    }
    const known = id === undefined ? undefined : (this.state.live("scheduled", id) ?? missing());
    const shown = (row: Parameters<Views["scheduled"]>[0], status = 200) => {
      const server_knowledge = this.state.knowledge;
      return answer({ scheduled_transaction: this.views.scheduled(row), server_knowledge }, status);
    };
    if (known && call.method === "GET") return shown(known);
    if (known && call.method === "DELETE") {
      return shown(this.state.change(() => this.state.put("scheduled", { ...known, deleted: true })));
    }
    if (call.method !== (known ? "PUT" : "POST")) throw noSuchPath();
    const fields = objectOf(objectOf(call.body)["scheduled_transaction"]);
    const date = fields["date"];
    if (typeof date !== "string" || !isCalendarDate(date)) throw badRequest("date is not valid");
    if (date <= this.today()) throw badRequest("date must be in the future");
    if (!this.state.live("account", fields["account_id"] as string)) {
      throw badRequest("account does not exist");
    }
    const saved = this.state.change(() =>
      this.state.put("scheduled", {
        id: known?.id ?? freshId(),
        deleted: false,
        accountId: fields["account_id"] as string,
        dateFirst: date,
        dateNext: date,
        frequency: (fields["frequency"] as string | undefined) ?? known?.frequency ?? "never",
        amount: (fields["amount"] as number | undefined) ?? known?.amount ?? 0,
        memo: (fields["memo"] as string | undefined) ?? null,
        flag: (fields["flag_color"] as string | undefined) ?? null,
        payeeId: (fields["payee_id"] as string | undefined) ?? null,
        categoryId: (fields["category_id"] as string | undefined) ?? null,
      }),
    );
    return shown(saved, known ? 200 : 201);
  }
}

function text(fields: Fields, name: string, limit: number): string {
  const value = fields[name];
  if (typeof value !== "string" || value.trim() === "") throw badRequest(`${name} is missing`);
  if ([...value].length > limit) throw badRequest(`${name} is too long (maximum is ${limit} characters)`);
  return value;
}
