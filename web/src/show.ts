// Which part of the viewer shows which file.

import type { File } from "./delivered";

/** Something that shows files in a room of its own. */
export interface Stage {
  /** Ends it and frees what it holds. */
  close(): void;
  /** Goes back or forth within the file where it can; whether it could. */
  turn?(step: number): boolean;
}

export type Kind = "image" | "pdf" | "audio" | "video" | "text" | "other";

/** Pictures that browsers show as they are; others are shown as the picture that was made of them. */
const NATIVE = ["image/jpeg", "image/png", "image/gif", "image/webp"];

export function kindOf(file: File): Kind {
  if (!file.content_url) return "other";
  if (file.mime_type === "application/pdf") return "pdf";
  if (file.family === "image" && (isNative(file) || file.thumbnail)) return "image";
  if (file.family === "audio" || file.family === "video") return file.family;
  if (file.text_url) return "text";
  return "other";
}

export function isNative(file: File): boolean {
  return NATIVE.includes(file.mime_type ?? "");
}

/** The captions of a film or of sound: `talk.vtt` and `talk.de.vtt` belong to `talk.mp4`. */
export function captionsOf(file: File, all: File[]): { file: File; language: string }[] {
  const stem = (name: string) => name.replace(/\.[^.]*$/, "");
  const found = [];
  for (const other of all.filter((it) => it.file_name.toLowerCase().endsWith(".vtt") && it.text_url)) {
    const name = stem(other.file_name);
    const language = /^(.*)\.([A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*)$/.exec(name);
    if (name === stem(file.file_name)) found.push({ file: other, language: "" });
    else if (language?.[1] === stem(file.file_name)) found.push({ file: other, language: language[2] ?? "" });
  }
  return found;
}

export function isCaptions(file: File, all: File[]): boolean {
  return all.some((it) => ["audio", "video"].includes(it.family) && captionsOf(it, all).some((found) => found.file === file));
}
