// PDF: pages, selection, search, links within the document. Loaded only when there is a PDF to show.

import * as pdfjs from "pdfjs-dist";
import { EventBus, PDFFindController, PDFLinkService, PDFViewer } from "pdfjs-dist/web/pdf_viewer.mjs";
import "pdfjs-dist/web/pdf_viewer.css";
import PdfWorker from "pdfjs-dist/build/pdf.worker.mjs?worker";
import { resolve, type File } from "./delivered";
import { button, element } from "./dom";
import type { Stage } from "./show";
import { words } from "./words";

declare const PDFJS_FOLDER: string;

export function showPdf(room: HTMLElement, file: File): Stage {
  const pages = element("div", { class: "pdfViewer" });
  const scroller = element("div", { class: "pdf-scroller", tabindex: 0, role: "region", "aria-label": file.label }, pages);
  const frame = element("div", { class: "pdf-frame" }, scroller);
  const message = element("p", { class: "message", role: "status" }, words.loading);
  room.append(frame, message);

  const eventBus = new EventBus();
  const linkService = new PDFLinkService({ eventBus });
  const findController = new PDFFindController({ eventBus, linkService });
  const viewer = new PDFViewer({
    container: scroller,
    viewer: pages,
    eventBus,
    linkService,
    findController,
    // Forms are shown, not filled in, and no script of a document ever runs.
    annotationMode: pdfjs.AnnotationMode.ENABLE,
    annotationEditorMode: pdfjs.AnnotationEditorType.DISABLE,
  });
  linkService.setViewer(viewer);
  linkService.externalLinkRel = "noopener noreferrer nofollow";

  const number = element("input", { type: "number", min: 1, value: 1, "aria-label": words.page });
  const count = element("span");
  number.addEventListener("change", () => (viewer.currentPageNumber = Number(number.value)));
  const search = element("input", { type: "search", placeholder: words.search, "aria-label": words.search });
  const found = element("output");
  const find = (again: boolean, backwards: boolean) =>
    eventBus.dispatch("find", { type: again ? "again" : "", query: search.value, highlightAll: true, findPrevious: backwards });
  search.addEventListener("input", () => find(false, false));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") find(true, event.shiftKey);
    event.stopPropagation();
  });
  const matches = ({ matchesCount }: { matchesCount: { current: number; total: number } }) => {
    found.textContent = search.value ? words.found(matchesCount.current, matchesCount.total) : "";
  };
  eventBus.on("updatefindmatchescount", matches);
  eventBus.on("updatefindcontrolstate", matches);
  eventBus.on("pagechanging", ({ pageNumber }: { pageNumber: number }) => (number.value = String(pageNumber)));
  eventBus.on("pagesinit", () => {
    viewer.currentScaleValue = "page-width";
    number.max = String(viewer.pagesCount);
    count.textContent = ` ${words.of(viewer.pagesCount)}`;
    message.remove();
  });
  room.append(
    element(
      "div",
      { class: "tools", role: "group", "aria-label": "Document" },
      element("label", {}, `${words.page} `, number, count),
      button(words.zoomIn, "+", () => viewer.increaseScale()),
      button(words.zoomOut, "−", () => viewer.decreaseScale()),
      button(words.fit, words.fit, () => (viewer.currentScaleValue = "page-width")),
      search,
      found,
    ),
  );

  let closed = false;
  let close = () => {};
  const load = async () => {
    // The link is asked for once, so that the ranges of a long document are fetched from the storage alone.
    const url = await resolve(file.content_url ?? "");
    pdfjs.GlobalWorkerOptions.workerPort ??= new PdfWorker();
    const task = pdfjs.getDocument({
      url,
      cMapUrl: `${PDFJS_FOLDER}cmaps/`,
      cMapPacked: true,
      standardFontDataUrl: `${PDFJS_FOLDER}standard_fonts/`,
      wasmUrl: `${PDFJS_FOLDER}wasm/`,
      isEvalSupported: false,
      enableXfa: false,
    });
    close = () => void task.destroy();
    if (closed) return close();
    const document = await task.promise;
    viewer.setDocument(document);
    linkService.setDocument(document, null);
  };
  load().catch(() => {
    if (!closed) message.textContent = words.failed;
  });
  return {
    close: () => {
      closed = true;
      close();
    },
    turn: (step) => (step > 0 ? viewer.nextPage() : viewer.previousPage()),
  };
}
