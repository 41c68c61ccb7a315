// The viewer's page: turns what the server wrote into a viewer. Without this script the page still lists, shows and gives
// every file.

import "./viewer.css";
import { more, readPage, type Delivered, type File, type Turning } from "./delivered";
import { button, byId, element } from "./dom";
import { startSeat } from "./seat";
import { startShare } from "./share";
import { isCaptions, kindOf, type Stage } from "./show";
import { words } from "./words";

class Viewer {
  private stage: Stage | undefined;
  private at = -1;
  private twoPages: boolean;
  private readonly room: HTMLElement;
  private readonly status = element("p", { class: "hidden", role: "status" });
  private readonly number = element("input", { type: "number", min: 1, "aria-label": words.page });
  private readonly count = element("span");
  private readonly back: HTMLButtonElement;
  private readonly forth: HTMLButtonElement;
  private files: File[];

  constructor(
    private readonly box: HTMLElement,
    private readonly delivered: Delivered,
    private readonly turning: Turning,
  ) {
    this.files = this.shown();
    this.box.hidden = false;
    this.twoPages = turning.paged && box.clientWidth >= 700;
    this.room = element("div", { class: "room" });
    const [left, right] = turning.rightToLeft ? [1, -1] : [-1, 1];
    const named = (step: number) => (step < 0 ? words.previous : words.next);
    this.back = button(named(left), "‹", () => this.step(left));
    this.forth = button(named(right), "›", () => this.step(right));
    this.number.addEventListener("change", () => this.go(Number(this.number.value) - 1));
    const two = button(words.twoPages, words.twoPages, () => {
      this.twoPages = !this.twoPages;
      two.setAttribute("aria-pressed", String(this.twoPages));
      this.open(this.at, true);
    });
    two.setAttribute("aria-pressed", String(this.twoPages));
    two.hidden = !turning.paged;
    const full = button(words.fullScreen, words.fullScreen, () => {
      if (document.fullscreenElement) void document.exitFullscreen();
      else void this.box.requestFullscreen();
    });
    const alone = this.files.length === 1 && !delivered.next;
    const label = element("label", {}, this.number, this.count);
    for (const it of [this.back, label, this.forth]) it.hidden = alone;
    const pages = element("div", { class: "pages", role: "group", "aria-label": "Files" }, this.back, label, this.forth, two, full);
    this.box.append(this.room, pages, this.status);
    this.box.addEventListener("keydown", (event) => this.key(event));
    addEventListener("hashchange", () => this.follow());
  }

  /** Captions are shown with what they belong to. */
  private shown(): File[] {
    return this.delivered.file.filter((it) => !isCaptions(it, this.delivered.file));
  }

  start(): void {
    if (!this.follow()) this.open(0);
  }

  private key(event: KeyboardEvent): void {
    const target = event.target as HTMLElement;
    if (event.altKey || event.ctrlKey || event.metaKey || target.matches("input, select, textarea, video, audio, pre")) return;
    const steps: Record<string, number> = { PageDown: 1, PageUp: -1, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step === undefined || target.matches(".pdf-scroller")) return;
    event.preventDefault();
    if (Number.isFinite(step)) this.step(step);
    else this.go(step < 0 ? 0 : this.files.length - 1);
  }

  /** Goes to the file that the address names (VIEW-1). */
  private follow(): boolean {
    const pid = /^#file=(\d+)$/.exec(decodeURIComponent(location.hash))?.[1];
    if (!pid) return false;
    const index = this.files.findIndex((it) => it.pid === pid);
    if (index >= 0) this.open(index);
    else if (this.delivered.next) void this.load().then(() => this.follow());
    return index >= 0 || Boolean(this.delivered.next);
  }

  private step(by: number): void {
    if (this.stage?.turn?.(by)) return;
    const seen = this.spread();
    this.go(by > 0 ? Math.max(...seen) + 1 : Math.min(...seen) - 1);
  }

  private go(index: number): void {
    const to = Math.max(0, Math.min(index, this.files.length - 1));
    if (to >= this.files.length - 10 && this.delivered.next) void this.load();
    const pid = this.files[to]?.pid;
    if (pid && location.hash !== `#file=${pid}`) {
      history.replaceState(null, "", `#file=${pid}`);
    }
    this.open(to);
  }

  private async load(): Promise<void> {
    try {
      const added = await more(this.delivered);
      this.files = this.shown();
      addToStrip(added.filter((it) => this.files.includes(it)));
      this.mark();
    } catch {
      this.status.textContent = words.failed;
    }
  }

  /** The files seen together: a cover alone, then two and two (PRS-7). */
  private spread(): number[] {
    const isPage = (index: number) => {
      const file = this.files[index];
      return file !== undefined && kindOf(file) === "image";
    };
    if (!this.twoPages || this.at === 0 || !isPage(this.at)) return [this.at];
    const first = this.at % 2 === 1 ? this.at : this.at - 1;
    return [first, first + 1].filter(isPage);
  }

  private open(index: number, again = false): void {
    const file = this.files[index];
    if (!file || (index === this.at && !again)) return;
    this.at = index;
    this.stage?.close();
    this.stage = undefined;
    this.room.replaceChildren();
    this.room.dataset["kind"] = kindOf(file);
    const spread = this.spread();
    const files = spread.map((it) => this.files[it]).filter((it) => it !== undefined);
    if (this.turning.rightToLeft) files.reverse();
    this.mark();
    this.status.textContent = words.shown(file.label, index + 1, this.files.length);
    void this.fill(file, files);
  }

  private async fill(file: File, files: File[]): Promise<void> {
    const at = this.at;
    // Each kind brings its own script, and none is loaded that is not needed.
    const parts = {
      image: async () => (await import("./image")).showImages,
      pdf: async () => (await import("./pdf")).showPdf,
      audio: async () => (await import("./av")).showPlayer,
      video: async () => (await import("./av")).showPlayer,
      text: async () => (await import("./text")).showText,
    };
    const kind = kindOf(file);
    if (kind === "other") return this.standIn(file);
    const message = element("p", { class: "message" }, words.loading);
    this.room.append(message);
    try {
      const show = await parts[kind]();
      if (at !== this.at) return;
      message.remove();
      if (kind === "image") this.stage = (show as typeof import("./image").showImages)(this.room, files);
      else if (kind === "audio" || kind === "video")
        this.stage = (show as typeof import("./av").showPlayer)(this.room, file, this.delivered.file);
      else this.stage = (show as typeof import("./text").showText)(this.room, file);
    } catch {
      message.textContent = words.failed;
    }
  }

  /** Files that are not shown: their picture, and how to get them. */
  private standIn(file: File): void {
    const box = element("div", { class: "stand-in" }, element("img", { src: `${file.thumbnail_url}?size=1024`, alt: "" }), element("p", {}, `${file.label}. ${words.notShown}`));
    if (file.download_url) box.append(element("p", {}, element("a", { href: file.download_url }, `Download ${file.file_name}`)));
    this.room.append(box);
  }

  private mark(): void {
    const spread = this.spread();
    this.number.value = String(this.at + 1);
    this.number.max = String(this.files.length);
    this.count.textContent = ` ${words.of(this.files.length)}${this.delivered.next ? "+" : ""}`;
    const atStart = this.at <= 0;
    const atEnd = Math.max(...spread) >= this.files.length - 1 && !this.delivered.next;
    // A long document turns its own pages.
    const own = this.files[this.at] && kindOf(this.files[this.at] as File) === "pdf";
    this.back.disabled = !own && (this.turning.rightToLeft ? atEnd : atStart);
    this.forth.disabled = !own && (this.turning.rightToLeft ? atStart : atEnd);
    const current = spread.map((it) => this.files[it]?.pid ?? "none");
    for (const item of document.querySelectorAll<HTMLElement>("#files li")) {
      const link = item.querySelector("a");
      if (!current.includes(item.dataset["file"] ?? "")) link?.removeAttribute("aria-current");
      else if (link) {
        link.setAttribute("aria-current", "true");
        const strip = item.parentElement;
        if (strip) strip.scrollLeft = item.offsetLeft - strip.offsetLeft - strip.clientWidth / 2 + item.clientWidth / 2;
      }
    }
  }
}

function addToStrip(files: File[]): void {
  const strip = document.querySelector("#files ol");
  for (const file of files) {
    const picture = element("img", { src: file.thumbnail_url, alt: "", loading: "lazy", width: 100, height: 100 });
    strip?.append(element("li", { "data-file": file.pid }, element("a", { href: `#file=${file.pid}` }, picture, element("span", {}, file.label))));
  }
}

function start(): void {
  document.documentElement.classList.add("scripted");
  startShare();
  startSeat();
  const box = byId("viewer");
  if (!box || !byId("delivered")) return;
  const delivered = readPage();
  if (delivered.file.length === 0) return;
  // Without a script, an address that names a file leads to its line; now it opens it.
  for (const item of document.querySelectorAll<HTMLElement>("#files li")) {
    item.dataset["file"] = item.id.replace("file=", "");
    item.removeAttribute("id");
  }
  const turning = { paged: box.dataset["behavior"] === "paged", rightToLeft: box.dataset["direction"] === "right-to-left" };
  new Viewer(box, delivered, turning).start();
}

start();
