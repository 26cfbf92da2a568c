// What forms do beyond being sent: files by dropping, and the digest of each beside its name. All works without it.
import { sha256 } from "./noble/sha2.js";

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

async function digest(file) {
  const content = new Uint8Array(await file.arrayBuffer());
  // A browser has its own SHA-256 over TLS and on this machine alone.
  return hex(globalThis.isSecureContext ? new Uint8Array(await crypto.subtle.digest("SHA-256", content)) : sha256(content));
}

async function list(zone, input) {
  const shown = zone.querySelector(".files");
  shown.replaceChildren();
  for (const file of input.files) {
    const item = document.createElement("li");
    item.textContent = `${file.name}（${Math.max(1, Math.round(file.size / 1024))} KB）`;
    shown.append(item);
    const code = document.createElement("code");
    code.textContent = `${zone.dataset.digest} ${await digest(file)}`;
    item.append(document.createElement("br"), code);
  }
}

export function prepare(root) {
  for (const zone of root.querySelectorAll("[data-drop]")) {
    const input = zone.querySelector("input[type=file]");
    input.onchange = () => list(zone, input);
    zone.ondragover = (event) => { event.preventDefault(); zone.classList.add("over"); };
    zone.ondragleave = () => zone.classList.remove("over");
    zone.ondrop = (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      const taken = new DataTransfer();
      const kept = input.multiple ? [...input.files] : [];
      const dropped = input.multiple ? [...event.dataTransfer.files] : [...event.dataTransfer.files].slice(0, 1);
      for (const file of [...kept, ...dropped]) taken.items.add(file);
      input.files = taken.files;
      list(zone, input);
    };
  }
  root.querySelector("#faults")?.focus();
}
