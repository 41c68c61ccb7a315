// Seats: taking one, waiting in the line, keeping it while the page is open, giving it back when it closes (A15-A17).

import { ask } from "./delivered";
import { byId } from "./dom";
import { words } from "./words";

interface Standing {
  position?: number;
  ask_seconds?: number;
  renew_seconds?: number;
  ends_in_seconds?: number;
}

/** This window's own name, also after a reload: windows of one browser share a seat, and the last to close gives it back. */
const tab = sessionStorage.getItem("vitrine-tab") ?? crypto.getRandomValues(new Uint32Array(2)).join("-");
sessionStorage.setItem("vitrine-tab", tab);
/** Set while this window sits there: a page that is loaded anew takes its seat again unasked. */
const sat = (address: string): string => `vitrine-sat ${address}`;

/** Asks with patience: a moment without a network is no reason to lose a seat. */
async function post(address: string): Promise<{ status: number; standing: Standing }> {
  const answer = await ask(`${address}?tab=${tab}`, { method: "POST" });
  return { status: answer.status, standing: (await answer.json()) as Standing };
}

const later = (seconds: number, act: () => void): number => window.setTimeout(act, seconds * 1000);

/** The line: asks again and again, and opens the title when there is a seat. */
function wait(form: HTMLFormElement, told: HTMLElement): void {
  const again = async () => {
    try {
      const { status, standing } = await post(form.action);
      if (status === 200) return location.reload();
      if (status === 403) {
        told.textContent = words.coolOff;
        return;
      }
      told.textContent = words.waiting(standing.position ?? 1);
      later(standing.ask_seconds ?? 10, () => void again());
    } catch {
      later(10, () => void again());
    }
  };
  const begin = () => {
    form.hidden = true;
    void again();
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    begin();
  });
  if (sessionStorage.getItem(sat(form.action))) {
    sessionStorage.removeItem(sat(form.action));
    begin();
  }
}

/** Sitting: renews the seat, warns before it ends, and gives it back. */
function sit(told: HTMLElement, address: string): void {
  let released = false;
  sessionStorage.setItem(sat(address), "1");
  const keep = async () => {
    if (released) return;
    try {
      const { status, standing } = await post(address);
      if (status !== 200) return end();
      const left = standing.ends_in_seconds ?? Infinity;
      told.textContent = left <= 60 ? words.endsSoon(Math.max(0, left)) : "";
      // Near the end the count is told every few seconds, before that the seat is only kept.
      const next = standing.renew_seconds ?? 20;
      later(left <= 0 ? 1 : left <= 90 ? Math.min(10, next) : next, () => void keep());
    } catch {
      later(10, () => void keep());
    }
  };
  const end = () => {
    told.textContent = words.ended;
    released = true;
    sessionStorage.removeItem(sat(address));
    location.reload();
  };
  addEventListener("pagehide", () => {
    released = true;
    navigator.sendBeacon(`${address}?tab=${tab}&op=release`);
  });
  // A page that comes back from the browser's memory sits again.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
  void keep();
}

export function startSeat(): void {
  const form = byId("seat");
  const told = byId("standing");
  if (form instanceof HTMLFormElement && told) wait(form, told);
  const sitting = byId("sitting");
  const address = sitting?.dataset["seat"];
  if (sitting && address) sit(sitting, address);
}
