// Sound and film, with captions, a transcript to follow and jump by, and speed.

import { resolve, type File } from "./delivered";
import { element } from "./dom";
import { captionsOf, type Stage } from "./show";
import { words } from "./words";

interface Cue {
  start: number;
  end: number;
  text: string;
}

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

function seconds(stamp: string): number {
  return stamp.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** Reads WebVTT: times and text; styling and positions are left out. */
export function readCues(text: string): Cue[] {
  const cues: Cue[] = [];
  for (const block of text.replace(/\r\n?/g, "\n").split(/\n{2,}/)) {
    const lines = block.split("\n");
    const at = lines.findIndex((line) => line.includes("-->"));
    if (at < 0) continue;
    const times = /^\s*([\d:.]+)\s+-->\s+([\d:.]+)/.exec(lines[at] ?? "");
    if (!times) continue;
    const said = lines.slice(at + 1).join("\n").replace(/<[^>]*>/g, "");
    cues.push({ start: seconds(times[1] ?? ""), end: seconds(times[2] ?? ""), text: decode(said) });
  }
  return cues;
}

function decode(text: string): string {
  const known: Record<string, string> = { amp: "&", lt: "<", gt: ">", nbsp: "\u00a0", lrm: "\u200e", rlm: "\u200f" };
  return text.replace(/&(amp|lt|gt|nbsp|lrm|rlm);/g, (_, name: string) => known[name] ?? "");
}

export function showPlayer(room: HTMLElement, file: File, all: File[]): Stage {
  const isFilm = file.family === "video";
  const player = element(isFilm ? "video" : "audio", { controls: true, preload: "metadata", playsinline: true, "aria-label": file.label });
  if (isFilm && file.thumbnail) player.setAttribute("poster", `${file.thumbnail_url}?size=1024`);
  player.src = file.content_url ?? "";
  const box = element("div", { class: `player ${file.family}` });
  if (!isFilm && file.thumbnail) box.append(element("img", { src: `${file.thumbnail_url}?size=1024`, alt: "", class: "wave" }));
  box.append(player);
  player.addEventListener("error", () => box.append(element("p", { class: "message", role: "status" }, words.failed)), { once: true });

  const speed = element("select", { "aria-label": words.speed });
  for (const value of SPEEDS) speed.append(element("option", { value, selected: value === 1 }, `${value} ×`));
  speed.addEventListener("change", () => (player.playbackRate = Number(speed.value)));
  const tools = element("div", { class: "tools", role: "group", "aria-label": words.speed }, element("label", {}, `${words.speed} `, speed));
  room.append(box, tools);
  for (const [index, found] of captionsOf(file, all).entries()) void addCaptions(room, player, found.file, found.language, index === 0);
  return {
    close: () => {
      player.pause();
      player.removeAttribute("src");
      player.load();
    },
  };
}

async function addCaptions(room: HTMLElement, player: HTMLMediaElement, file: File, language: string, first: boolean): Promise<void> {
  const answer = await fetch(await resolve(file.text_url ?? ""));
  if (!answer.ok) return;
  const cues = readCues(await answer.text());
  if (cues.length === 0) return;
  const track = player.addTextTrack("captions", file.label, language);
  for (const cue of cues) track.addCue(new VTTCue(cue.start, cue.end, cue.text));
  track.mode = first ? "showing" : "disabled";
  if (first) room.append(transcript(player, cues, language));
}

function transcript(player: HTMLMediaElement, cues: Cue[], language: string): HTMLElement {
  const list = element("ol", language ? { lang: language } : {});
  const items = cues.map((cue) => {
    const jump = element("button", { type: "button" }, cue.text);
    jump.addEventListener("click", () => (player.currentTime = cue.start));
    const item = element("li", {}, jump);
    list.append(item);
    return item;
  });
  player.addEventListener("timeupdate", () => {
    const now = cues.findIndex((cue) => cue.start <= player.currentTime && player.currentTime < cue.end);
    items.forEach((item, index) => (index === now ? item.setAttribute("aria-current", "true") : item.removeAttribute("aria-current")));
  });
  return element("details", { class: "transcript" }, element("summary", {}, words.transcript), list);
}
