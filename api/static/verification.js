// The reader's browser computes leaf, path, root and signature itself: RFC 6962, and signed notes of C2SP.
import { sha256, sha512 } from "./noble/sha2.js";
import { hashes, verify as signed } from "./noble/ed25519.js";

hashes.sha512 = sha512;

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const base64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));

// The root that a leaf and its audit path give (RFC 9162 section 2.1.3.2), or null for a path of the wrong length.
export function rootOf(leaf, index, size, path) {
  let [at, last, found] = [index, size - 1, leaf];
  for (const sibling of path) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      found = sha256(joined([1], sibling, found));
      while (at % 2 === 0 && at !== 0) { at = Math.floor(at / 2); last = Math.floor(last / 2); }
    } else {
      found = sha256(joined([1], found, sibling));
    }
    at = Math.floor(at / 2); last = Math.floor(last / 2);
  }
  return last === 0 ? found : null;
}

// Whether one of the keys signed the note: `— name base64(key id, signature)` below its text.
export function isSigned(note, keys, size, root) {
  const end = note.indexOf("\n\n");
  const text = note.slice(0, end + 1);
  const [origin, count, rootLine] = text.split("\n");
  if (Number(count) !== size || hex(base64(rootLine)) !== root) return false;
  return note.slice(end + 2).split("\n").some((line) => {
    const [dash, name, encoded] = line.split(" ");
    if (dash !== "—" || name !== origin) return false;
    const given = base64(encoded);
    return keys.some((key) => {
      const [named, id, material] = split(key);
      const secret = base64(material);
      return named === name && id === hex(given.slice(0, 4)) && secret[0] === 1
        && signed(given.slice(4), new TextEncoder().encode(text), secret.slice(1));
    });
  });
}

// A base64 may have plus signs of its own: name, id, and all that is left.
function split(key) {
  const [name, id, ...rest] = key.split("+");
  return [name, id, rest.join("+")];
}

export async function verify(page) {
  const root = page.querySelector("[data-verify]");
  const told = root.dataset;
  if (told.done) return;
  told.done = "1";
  const began = performance.now();
  const say = (name, holds, yes, no) => {
    const tag = root.querySelector(`[data-of=${name}]`);
    tag.textContent = holds ? yes : no;
    tag.className = `tag ${holds ? "green" : "red"}`;
  };
  const verdict = (state, words, note) => {
    const shown = root.querySelector(".verdict");
    shown.className = `verdict ${state}`;
    shown.querySelector("h2").textContent = words;
    root.querySelector("[data-told-here]").textContent = note.replace("⟨ms⟩", String(Math.round(performance.now() - began)));
  };
  try {
    const answer = await fetch(told.raw, { credentials: "same-origin", cache: "no-store" });
    if (!answer.ok) throw new Error(String(answer.status));
    const leaf = sha256(joined([0], new Uint8Array(await answer.arrayBuffer())));
    const path = told.hashes ? told.hashes.split(" ").map(bytes) : [];
    const found = rootOf(leaf, Number(told.index), Number(told.size), path);
    const holds = [
      hex(leaf) === told.leaf,
      found !== null && hex(found) === told.root,
      isSigned(told.note, told.keys.split(" "), Number(told.size), told.root),
    ];
    say("leaf", holds[0], told.same, told.differs);
    say("path", holds[1], told.same, told.differs);
    say("root", holds[1], told.same, told.differs);
    say("signature", holds[2], told.valid, told.invalid);
    const good = holds.every(Boolean) && root.querySelector(".verdict.bad") === null;
    verdict(good ? "good" : "bad", good ? told.good : told.bad, good ? told.told : told.toldBad);
  } catch {
    if (root.querySelector(".verdict.bad") === null) verdict("cannot", told.cannot, told.toldCannot);
  }
}
