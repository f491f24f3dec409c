import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { openPage, type WatchedPage } from "../support/browser";

/** Node-RED's editor as the specs drive it. */

/** What is used of Node-RED's editor in the page. */
interface EditorNode {
  id: string;
  type: string;
  valid: boolean;
  changed?: boolean;
  validationErrors?: string[];
}
declare const RED: {
  nodes: {
    node(id: string): EditorNode | null;
    eachNode(visit: (node: EditorNode) => void): void;
    eachConfig(visit: (node: EditorNode) => void): void;
    createCompleteNodeSet(): FlowEntry[];
    dirty(): boolean;
  };
  editor: { edit(node: EditorNode): void; editConfig(name: string, type: string, id: string): void };
  view: { reveal(id: string, highlight: boolean): void };
  workspaces: { show(id: string): void };
  sidebar: { help: { show(type: string): void } };
};
export interface FlowEntry {
  id: string;
  type: string;
  z?: string;
  name?: string;
  [property: string]: unknown;
}

/** What Node-RED's own pages complain of without the internet, and what a spec provokes on purpose. */
const EXPECTED = [
  /catalogue\.nodered\.org/,
  /Failed to load resource: the server responded with a status of/,
];

/** Node-RED fits a group to the labels in it, which are wider in some languages. */
function withoutFit(entry: FlowEntry): FlowEntry {
  if (entry.type !== "group") return entry;
  const { x: _x, y: _y, w: _w, h: _h, ...rest } = entry;
  return rest as FlowEntry;
}

export class EditorPage {
  private constructor(
    private readonly watched: WatchedPage,
    readonly page: Page,
  ) {}

  static async open(browser: Browser, url: string, locale?: string): Promise<EditorPage> {
    const watched = await openPage(browser, locale);
    const editor = new EditorPage(watched, watched.page);
    await editor.page.goto(url);
    await editor.page.waitForSelector(".red-ui-palette-node[data-palette-type='tally-view']");
    await editor.page.waitForSelector("#red-ui-header-button-deploy.disabled");
    await editor.still();
    return editor;
  }

  /** Nothing slides or fades: what is painted for nobody costs time, and buttons move away under the mouse. */
  private async still(): Promise<void> {
    await this.page.addStyleTag({
      content: "*, *::before, *::after { transition: none !important; animation: none !important; }",
    });
  }

  close(): Promise<void> {
    return this.watched.context.close();
  }

  /** Errors and warnings of the console since the page was opened. */
  complaints(): string[] {
    return this.watched.complaints.filter((text) => !EXPECTED.some((known) => known.test(text)));
  }

  /** As it would be deployed. */
  async flow(): Promise<FlowEntry[]> {
    // As text: what the browser's protocol makes of thousands of values takes ten times as long.
    const text = await this.page.evaluate(() => JSON.stringify(RED.nodes.createCompleteNodeSet()));
    return JSON.parse(text) as FlowEntry[];
  }

  /** Nodes that the editor marks as wrong, with its reason. */
  invalid(): Promise<string[]> {
    return this.page.evaluate(() => {
      const found: string[] = [];
      const look = (node: EditorNode) => {
        if (!node.valid) found.push(`${node.type} ${node.id}: ${(node.validationErrors ?? []).join("; ")}`);
      };
      RED.nodes.eachNode(look);
      RED.nodes.eachConfig(look);
      return found;
    });
  }

  /** Drag a node from the palette onto the canvas, as a person does. */
  async drop(type: string, x: number, y: number): Promise<string> {
    const before = (await this.flow()).map(({ id }) => id);
    await this.page.fill("#red-ui-palette-search input", type);
    const entry = this.page.locator(`.red-ui-palette-node[data-palette-type='${type}']`);
    await entry.scrollIntoViewIfNeeded();
    await this.page.waitForTimeout(400);
    const from = await entry.boundingBox();
    const canvas = await this.page.locator("#red-ui-workspace-chart").boundingBox();
    assert.ok(from && canvas);
    await this.page.mouse.move(from.x + 30, from.y + from.height / 2);
    await this.page.mouse.down();
    await this.page.mouse.move(canvas.x + x / 2, canvas.y + y / 2, { steps: 5 });
    await this.page.mouse.move(canvas.x + x, canvas.y + y, { steps: 5 });
    await this.page.mouse.up();
    const added = (await this.flow()).filter((entry) => entry.type === type && !before.includes(entry.id));
    assert.equal(added.length, 1, `${type} was not dropped`);
    return added[0]!.id;
  }

  /** Open a node's form: by a double click on the canvas where it is a node of a flow. */
  async edit(entry: FlowEntry): Promise<void> {
    const { id, type, z, x } = entry;
    if (x === undefined) {
      await this.page.evaluate(([of, which]) => RED.editor.editConfig("", of, which), [type, id] as const);
      await this.page.waitForSelector("#node-config-dialog-ok");
    } else {
      await this.page.evaluate(
        ([tab, node]) => {
          RED.workspaces.show(tab);
          RED.view.reveal(node, false);
        },
        [z!, id] as const,
      );
      await this.page.waitForFunction("!$('#red-ui-workspace-chart').is(':animated')");
      const shape = this.page.locator(`[id="${id}"] .red-ui-flow-node`);
      await shape.waitFor({ state: "attached" });
      // The editor takes a node for visible that lies under its sidebar.
      await this.page.evaluate(async (node) => {
        const chart = document.querySelector("#red-ui-workspace-chart")!;
        const { left, width } = document.querySelector(`[id="${node}"]`)!.getBoundingClientRect();
        chart.scrollLeft += left + width / 2 - chart.getBoundingClientRect().left - 450;
        // It draws in the next frame.
        for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
      }, id);
      // What the editor told last may lie over it for two seconds.
      await this.page.waitForFunction((node) => {
        const group = document.querySelector(`[id="${node}"]`)!;
        const { left, top, width, height } = group
          .querySelector(".red-ui-flow-node")!
          .getBoundingClientRect();
        return group.contains(document.elementFromPoint(left + width / 2, top + height / 2));
      }, id);
      const box = await shape.boundingBox();
      assert.ok(box);
      await this.page.mouse.dblclick(box.x + box.width / 2, box.y + box.height / 2);
      await this.page.waitForSelector("#node-dialog-ok");
    }
    await this.settled();
  }

  /** The form on top stands where it stays, and the editor is done with opening it. */
  async settled(): Promise<void> {
    await this.standing();
    // It fits the form and moves the focus by a timer of its own, 150 ms after the form came.
    await this.page.waitForTimeout(200);
  }

  private async standing(): Promise<void> {
    await this.page.waitForFunction(
      "[...document.querySelectorAll('.red-ui-tray')].every((tray) => getComputedStyle(tray).right === '0px') && !$(':animated').length",
    );
  }

  /** Press Done (or Update) of the form on top. */
  async done(): Promise<void> {
    const button = await this.page.locator("#node-config-dialog-ok, #node-dialog-ok").last().elementHandle();
    assert.ok(button);
    await button.click();
    await button.waitForElementState("hidden");
    await this.standing();
  }

  async deploy(): Promise<void> {
    const answered = this.page.waitForResponse(
      (response) => response.url().endsWith("/flows") && response.request().method() === "POST",
    );
    await this.page.click("#red-ui-header-button-deploy");
    assert.equal((await answered).status(), 200);
    await this.page.waitForSelector("#red-ui-header-button-deploy.disabled");
    // A deploy shades the editor for a third of a second at least, and swallows clicks as long.
    await this.page.waitForSelector("#red-ui-full-shade", { state: "hidden" });
  }

  /**
   * Open and save one node, and hold that this changed nothing.
   * @returns the HTML of its form
   */
  async openAndSave(entry: FlowEntry): Promise<string> {
    const before = await this.flow();
    await this.edit(entry);
    const html = await this.page.locator(".red-ui-tray").last().innerHTML();
    await this.done();
    const after = await this.flow();
    const of = (flow: FlowEntry[]) => flow.find(({ id }) => id === entry.id);
    assert.deepEqual(of(after), of(before), `${entry.type} ${entry.id}`);
    assert.deepEqual(after.map(withoutFit), before.map(withoutFit));
    const dirty = await this.page.evaluate((id) => RED.nodes.node(id)?.changed ?? false, entry.id);
    assert.equal(dirty, false, `${entry.type} ${entry.id} counts as changed`);
    return html;
  }

  /** The help that the sidebar shows for a type. */
  async help(type: string): Promise<string> {
    await this.page.evaluate((of) => RED.sidebar.help.show(of), type);
    await this.page.waitForTimeout(200);
    return this.page.locator(".red-ui-help").last().innerText();
  }
}
