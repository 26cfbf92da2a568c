// The reader's browser computes leaf, path, root and signature itself: RFC 6962, and signed notes of C2SP.
import { sha256, sha512 } from "./noble/sha2.js";
import { hashes, verify as signed } from "./noble/ed25519.js";

hashes.sha512 = sha512;

const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const base64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const joined = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));

// The nodes from a leaf to the root that its audit path gives (RFC 9162 section 2.1.3.2); null for a path too short or long.
export function climb(leaf, index, size, path) {
  let [at, last] = [index, size - 1];
  const nodes = [leaf];
  for (const sibling of path) {
    if (last === 0) return null;
    if (at % 2 === 1 || at === last) {
      nodes.push(sha256(joined([1], sibling, nodes.at(-1))));
      while (at % 2 === 0 && at !== 0) { at = Math.floor(at / 2); last = Math.floor(last / 2); }
    } else {
      nodes.push(sha256(joined([1], nodes.at(-1), sibling)));
    }
    at = Math.floor(at / 2); last = Math.floor(last / 2);
  }
  return last === 0 ? nodes : null;
}

// Whether a tree of `size` entries begins with the one of `old` (RFC 9162 section 2.1.4.2); roots in hexadecimal.
export function grows(old, oldRoot, size, root, proof) {
  if (old === size) return oldRoot === root && proof.length === 0;
  if (old === 0 || old > size) return old === 0;
  const path = Number.isInteger(Math.log2(old)) ? [bytes(oldRoot), ...proof] : proof;
  if (path.length === 0) return false;
  let [at, last] = [old - 1, size - 1];
  while (at % 2 === 1) { at = Math.floor(at / 2); last = Math.floor(last / 2); }
  let [before, after] = [path[0], path[0]];
  for (const node of path.slice(1)) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      before = sha256(joined([1], node, before));
      after = sha256(joined([1], node, after));
      while (at % 2 === 0 && at !== 0) { at = Math.floor(at / 2); last = Math.floor(last / 2); }
    } else {
      after = sha256(joined([1], after, node));
    }
    at = Math.floor(at / 2); last = Math.floor(last / 2);
  }
  return last === 0 && hex(before) === oldRoot && hex(after) === root;
}

// What a checkpoint says, and whether one of the keys signed it: `— name base64(key id, signature)` below its text.
export function opened(note, keys) {
  const end = note.indexOf("\n\n");
  const text = note.slice(0, end + 1);
  const [origin, count, rootLine] = text.split("\n");
  if (end < 0 || !/^(0|[1-9]\d{0,14})$/.test(count ?? "") || !/^[A-Za-z0-9+/]{43}=$/.test(rootLine ?? "")) return null;
  const isSigned = note.slice(end + 2).split("\n").some((line) => {
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
  return { size: Number(count), root: hex(base64(rootLine)), isSigned };
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
    const nodes = climb(leaf, Number(told.index), Number(told.size), path);
    const note = opened(told.note, told.keys.split(" "));
    const holds = [
      hex(leaf) === told.leaf,
      nodes !== null && hex(nodes.at(-1)) === told.root,
      note !== null && note.isSigned && note.size === Number(told.size) && note.root === told.root,
    ];
    draw(root, nodes ?? [leaf]);
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

// The drawn path, by what was computed here: a node that differs from the one drawn turns red, with the hash found.
function draw(root, nodes) {
  root.querySelectorAll("[data-node]").forEach((drawn, level) => {
    const found = level < nodes.length ? hex(nodes[level]) : "";
    drawn.classList.add(found === drawn.dataset.node ? "same" : "differs");
    if (found && found !== drawn.dataset.node) drawn.querySelector("text").textContent = found.slice(0, 12);
  });
}

// A checkpoint that the reader kept, against the ledger of now: nothing of the file leaves the browser.
export function prepareKept(page) {
  const section = page.querySelector("[data-kept-by]");
  const input = section.querySelector("[data-kept]");
  input.disabled = false;
  input.onchange = async () => {
    const told = section.querySelector("[data-kept-told]");
    const say = (state, words, size) => {
      told.className = `verdict ${state}`;
      told.textContent = words.replace("⟨size⟩", String(size ?? ""));
    };
    const words = section.dataset;
    const keys = words.keys.split(" ");
    const kept = input.files[0] ? opened((await input.files[0].slice(0, 65536).text()), keys) : null;
    if (kept === null) return say("cannot", words.none);
    if (!kept.isSigned) return say("bad", words.unsigned);
    try {
      const current = opened(await (await got("/checkpoint")).text(), keys);
      if (current === null || !current.isSigned || kept.size > current.size) return say("bad", words.bad, kept.size);
      const asked = `/api/v1/log/proofs/consistency?from=${kept.size}&to=${current.size}`;
      const proof = (await (await got(asked)).json()).data.hashes.map(bytes);
      const holds = grows(kept.size, kept.root, current.size, current.root, proof);
      return say(holds ? "good" : "bad", holds ? words.good : words.bad, kept.size);
    } catch {
      return say("cannot", words.cannot);
    }
  };
}

async function got(path) {
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer;
}
