// What the pages do beyond links and forms; everything works without it.
"use strict";

// Printing: the button shows only where scripts run.
function ready(root) {
  for (const button of root.querySelectorAll("button[data-print]")) {
    button.hidden = false;
    button.onclick = () => window.print();
  }
  if (root.querySelector("[data-drop], #faults")) import("./forms.js").then((module) => module.prepare(root));
  if (root.querySelector("[data-verify]")) import("./verification.js").then((module) => module.verify(root));
  if (root.querySelector("[data-kept-by]")) import("./verification.js").then((module) => module.prepareKept(root));
  // What is still being worked on: the page looks again, unless its reader has gone elsewhere meanwhile.
  const again = root.querySelector("[data-again]");
  if (again) setTimeout(() => document.querySelector("[data-again]") && location.reload(), 1000 * again.dataset.again);
}

document.addEventListener("htmx:after:swap", () => ready(document));
ready(document);
