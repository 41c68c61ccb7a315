// Everything that the viewer says, in one place.

export const words = {
  previous: "Previous",
  next: "Next",
  page: "Page",
  of: (count: number) => `of ${count}`,
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
  fit: "Fit",
  rotate: "Rotate",
  twoPages: "Two pages",
  fullScreen: "Full screen",
  search: "Search in this document",
  found: (current: number, total: number) => (total === 0 ? "Not found" : `${current} of ${total}`),
  loading: "Loading …",
  failed: "This file can not be shown. It may be there again after the page is loaded anew.",
  notShown: "This kind of file is not shown here.",
  tooLong: "Only the beginning is shown.",
  transcript: "Transcript",
  speed: "Speed",
  shown: (label: string, index: number, count: number) => `${label}, ${index} of ${count}`,
  copied: "Copied",
  waiting: (place: number) =>
    `Everyone who may look at once is looking. You are number ${place} in line; this page opens when it is your turn.`,
  endsSoon: (seconds: number) => `Your time ends in ${seconds} seconds.`,
  ended: "Your time has ended.",
  coolOff: "You have looked at this a moment ago. Please let others look, and try again later.",
};
