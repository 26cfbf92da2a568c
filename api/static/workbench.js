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
}

document.addEventListener("htmx:after:swap", () => ready(document));
ready(document);
