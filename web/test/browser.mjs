// Headless Chromium over its own pipe, by the DevTools protocol: nothing to install but the browser.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--remote-debugging-pipe", "--autoplay-policy=no-user-gesture-required",
  "--disable-features=OptimizationHints,MediaRouter",
];
const PATIENCE_MS = 40_000;

export class Browser {
  #waiting = new Map();
  #listeners = new Set();
  #next = 1;

  static start(program = process.env.CHROMIUM ?? "chromium") {
    const browser = new Browser();
    browser.folder = mkdtempSync(join(tmpdir(), "vitrine-browser-"));
    browser.process = spawn(program, [...FLAGS, `--user-data-dir=${browser.folder}`, "about:blank"], {
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
    });
    let rest = "";
    browser.process.stdio[4].setEncoding("utf8").on("data", (text) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop();
      for (const message of messages) browser.#heard(JSON.parse(message));
    });
    return browser;
  }

  #heard(message) {
    const waiting = this.#waiting.get(message.id);
    if (waiting) {
      this.#waiting.delete(message.id);
      if (message.error) waiting.reject(new Error(`${waiting.method}: ${message.error.message}`));
      else waiting.resolve(message.result);
    } else {
      for (const listener of this.#listeners) listener(message);
    }
  }

  send(method, params = {}, sessionId = undefined) {
    const id = this.#next++;
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, method }));
  }

  /** A page of somebody else, with cookies of its own. */
  async stranger() {
    const { browserContextId } = await this.send("Target.createBrowserContext");
    return this.page({ browserContextId });
  }

  /** Opens a page and remembers what it asks for and complains about. */
  async page({ width = 1200, height = 900, scale = 1, calm = false, browserContextId } = {}) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank", browserContextId });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, targetId, sessionId);
    const listener = (message) => message.sessionId === sessionId && page.heard(message);
    this.#listeners.add(listener);
    page.forget = () => this.#listeners.delete(listener);
    for (const domain of ["Page", "Runtime", "Network", "Log"]) await page.send(`${domain}.enable`);
    await page.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: scale, mobile: false });
    if (calm) await page.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-reduced-motion", value: "reduce" }] });
    return page;
  }

  async close() {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.send("Browser.close").catch(() => {});
    await ended;
    try {
      rmSync(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    } catch {
      // A helper of the browser is still ending; the folder is in the temporary one.
    }
  }
}

class Page {
  requests = [];
  complaints = [];

  constructor(browser, targetId, sessionId) {
    Object.assign(this, { browser, targetId, sessionId });
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  heard({ method, params }) {
    if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    if (method === "Network.requestWillBeSent" && params.redirectResponse) this.requests.push(params.redirectResponse.url);
    if (method === "Runtime.exceptionThrown") this.complaints.push(params.exceptionDetails.exception?.description ?? params.exceptionDetails.text);
    if (method === "Log.entryAdded" && params.entry.level === "error") this.complaints.push(`${params.entry.text} ${params.entry.url ?? ""}`);
    if (method === "Runtime.consoleAPICalled" && params.type === "error") this.complaints.push(params.args.map((it) => it.value ?? it.description).join(" "));
  }

  async go(address) {
    const { errorText } = await this.send("Page.navigate", { url: address });
    if (errorText) throw new Error(`${address}: ${errorText}`);
    await this.until("document.readyState === 'complete'", "the page");
  }

  /** The value of an expression in the page, awaited. */
  async value(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  /** Asks until an expression holds. */
  async until(expression, what = expression) {
    const started = Date.now();
    while (Date.now() - started < PATIENCE_MS) {
      const found = await this.value(expression).catch(() => undefined);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`not in time: ${what}; complaints: ${this.complaints.join(" | ")}`);
  }

  async press(key, code = key) {
    const codes = { Tab: 9, Enter: 13, PageDown: 34, PageUp: 33, Home: 36, End: 35, ArrowRight: 39, " ": 32 };
    const event = { key, code, windowsVirtualKeyCode: codes[key], text: key === "Enter" ? "\r" : undefined };
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", ...event });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  async picture(path) {
    const { data } = await this.send("Page.captureScreenshot", { format: "png" });
    const { writeFileSync } = await import("node:fs");
    writeFileSync(path, Buffer.from(data, "base64"));
  }

  async close() {
    this.forget();
    await this.browser.send("Target.closeTarget", { targetId: this.targetId });
  }
}
